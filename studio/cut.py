"""The film as an editor has it: pieces in order, each with its place in time. Whatever is exported reads this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.models import FPS, Project, ShotInfo, TakeInfo

CARD = 3 * FPS  # frames of a title card


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A shot or a card. ``start`` is its first frame in the film; its first ``fade`` frames lie over the piece before.

    words: of a shot's prompt, or on a card. take: None for a card, and for a shot that is not made.
    """

    name: str
    words: str
    start: int
    frames: int
    fade: int = 0
    shot: ShotInfo | None = None
    take: TakeInfo | None = None

    @property
    def file(self) -> str:
        """What its video is called where it is exported."""
        return f"{self.name}.mp4"

    @property
    def end(self) -> int:
        """The frame after its last one."""
        return self.start + self.frames


def cut(
    project: Project, lengths: Mapping[str, int], numbers: Mapping[str, tuple[int, int]], *, planned: bool = False
) -> tuple[Piece, ...]:
    """The project's film. A shot's slate "2C T3" is the third take of shot 2C.

    lengths: frames of takes by id, which may differ from what their shots ask for now. numbers: as
    ``Projects.take_numbers``. planned: with the shots that have no take yet, as long as they shall be.
    """
    finish, slates = project.finish, project.slates
    parts = [Piece(name="title", words=finish.title, start=0, frames=CARD)] if finish.title.strip() else []
    for shot in project.shots:
        if shot.take or planned:
            take = f" T{numbers[shot.id][0]}" if shot.take else ""
            frames = lengths[shot.take.id] if shot.take else shot.frames
            parts.append(_after(parts, f"{slates[shot.id]}{take}", shot.prompt, frames, shot))
    if finish.credits.strip():
        parts.append(_after(parts, "credits", finish.credits, CARD, None))
    return tuple(parts)


def _after(parts: list[Piece], name: str, words: str, frames: int, shot: ShotInfo | None) -> Piece:
    """The next piece; a fade takes at most half of either side, so that no frame belongs to two of them."""
    end, before = (parts[-1].end, parts[-1].frames) if parts else (0, 0)
    fade = min(round(shot.fade * FPS), before // 2, frames // 2) if shot else 0
    take = shot.take if shot else None
    return Piece(name=name, words=words, start=end - fade, frames=frames, fade=fade, shot=shot, take=take)
