"""What every export reads: the film's pieces, their pictures and what made them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from studio import film
from studio.cards import draw
from studio.cut import Piece, cut
from studio.models import Project, TakeInfo
from studio.store import Store

if TYPE_CHECKING:
    from torch import Tensor

SIZE = (80, 128)  # pixels, where no shot is made that would say


@dataclass(frozen=True)
class Board:
    """A project that is being exported."""

    store: Store
    project: Project

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The film: cards and the shots that have a take."""
        return self._cut(planned=False)

    @cached_property
    def plan(self) -> tuple[Piece, ...]:
        """The film as it shall be: with the shots that are not made."""
        return self._cut(planned=True)

    @property
    def shots(self) -> list[Piece]:
        """The made shots of the film."""
        return [piece for piece in self.pieces if piece.take]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the film's pictures; ValueError when those of the takes differ."""
        sizes = sorted({film.size(self.store.media, piece.take) for piece in self.shots}) or [SIZE]
        if len(sizes) > 1:
            told = ", ".join(f"{width} x {height}" for height, width in sizes)
            raise ValueError(
                f"the shots have different sizes ({told}), so they make no film; redo those of the other size"
            )
        return film.cropped(*sizes[0], self.project.finish.aspect)

    def frames(self, take: TakeInfo) -> Tensor:
        """uint8 (frames, height, width, 3), as the film shows them."""
        return film.crop(film.frames(self.store.media, take.latents), self.project.finish.aspect)

    def made_by(self, take: TakeInfo) -> dict[str, Any]:
        return self.store.projects.made_by(take.id)

    @property
    def record(self) -> dict[str, Any]:
        """What a finished file remembers of how it was made."""
        shots = [
            {"slate": piece.name, "start": piece.start, "frames": piece.frames, "fade": piece.fade}
            | {"take": piece.take.id, "made_by": self.made_by(piece.take)}
            for piece in self.shots
        ]
        return {"name": self.project.name, "title": self.project.finish.title, "shots": shots}

    def stream(self, pieces: tuple[Piece, ...], scale: int) -> Iterator[Tensor]:
        """The film's frames in order, enlarged, a clip at a time: fades are blended, and no more than two are held."""
        import torch

        tail = None
        for piece, after in zip(pieces, (*pieces[1:], None), strict=True):
            frames = self._pictures(piece, scale)
            if tail is not None and len(tail):
                share = (torch.arange(len(tail)) + 1).view(-1, 1, 1, 1) / (len(tail) + 1)
                mixed = torch.lerp(tail.float(), frames[: len(tail)].float(), share)
                frames = torch.cat([mixed.round().to(torch.uint8), frames[len(tail) :]])
            held = after.fade if after else 0
            yield frames[: len(frames) - held]
            tail = frames[len(frames) - held :]

    def _pictures(self, piece: Piece, scale: int) -> Tensor:
        height, width = self.size
        if piece.take:
            return film.enlarge(self.frames(piece.take), scale)
        words, slate = piece.words or "no words yet", piece.name if piece.shot else ""
        card = draw(words, width * scale, height * scale, slate=slate)
        return card.expand(piece.frames, -1, -1, -1)

    def _cut(self, *, planned: bool) -> tuple[Piece, ...]:
        media, made = self.store.media, [shot for shot in self.project.shots if shot.take]
        if gone := [self.project.slates[shot.id] for shot in made if not media.path(shot.take.latents).exists()]:
            raise ValueError(
                f"the file of shot {', '.join(gone)} is missing on the disk; redo the shot or use another of its takes"
            )
        lengths = {shot.take.id: film.length(media, shot.take) for shot in made}
        return cut(self.project, lengths, self.store.projects.take_numbers(self.project.id), planned=planned)
