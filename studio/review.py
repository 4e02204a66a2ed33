"""The film to look at: as it will be exported, with every seam measured."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from studio import film, pool
from studio.continuity import EXPOSURE, PALETTE, changes, drifted, likeness_of
from studio.cut import Piece
from studio.exports import Board
from studio.exports.pictures import movie
from studio.models import FPS, Project
from studio.store import Store
from studio.store.media import Media

if TYPE_CHECKING:
    from engine.identity import Likeness


@dataclass(frozen=True, kw_only=True)
class Seam:
    """Where a shot of a scene ends and the next begins. at: seconds. palette, exposure: as ``engine.continuity``.

    likeness: of the characters; None where the shots are about others, or nobody was read in one of them.
    """

    before: str
    after: str
    at: float
    palette: float
    exposure: float
    likeness: Likeness | None

    @property
    def why(self) -> tuple[str, ...]:
        """What jumps here, in words; nothing when the shots agree."""
        found = [f"{self.palette:.0%} of the colours change"] if self.palette >= PALETTE else []
        if abs(self.exposure) >= EXPOSURE:
            found.append(f"{abs(self.exposure):.1f} stops {'brighter' if self.exposure > 0 else 'darker'}")
        if self.likeness and self.likeness.changed:
            found.append(f"a character reads as another one: {changes(self.likeness)}")
        return tuple(found)


def reviewed(store: Store, project: Project, folder: Path) -> Path:
    """The film with its cards, fades and sound, made once for what it shows; a film of plain cuts is kept already."""
    board = Board(store, project)
    plain = all(piece.take and not piece.fade for piece in board.pieces)
    if not plain or project.finish.sound or project.finish.aspect:
        shown = [(piece.take.id if piece.take else piece.words, piece.fade) for piece in board.pieces]
        key = hashlib.sha256(repr((shown, project.finish)).encode()).hexdigest()[:32]
        path = folder / f"film-{key}.mp4"
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                movie(board, Path(scratch) / "film.mp4")
                (Path(scratch) / "film.mp4").replace(path)
        path.touch()  # looked at, so it stays
        return path
    if project.film_is_old or not project.film:
        takes = [piece.take for piece in board.pieces]
        made = film.assemble(store.media, takes)
        store.projects.set_film(project.id, made, [take.id for take in takes])
        return store.media.path(made)
    return store.media.path(project.film)


def seams(store: Store, project: Project) -> list[Seam]:
    """Every seam inside a scene; from scene to scene, time and place may well change."""
    shots, about = Board(store, project).shots, pool.shown(project)
    pairs = [(one, two) for one, two in pairwise(shots) if _same_scene(project, one, two)]
    return [_seam(store, one, two, about) for one, two in pairs]


def _same_scene(project: Project, one: Piece, two: Piece) -> bool:
    return project.scene_of(one.shot.id) == project.scene_of(two.shot.id)


def _seam(store: Store, one: Piece, two: Piece, about: dict[str, set[str]]) -> Seam:
    palette, exposure = drifted(store, one.take, two.take)
    few, many = sorted((about[one.shot.id], about[two.shot.id]), key=len)
    likeness = likeness_of(store, one.take, two.take) if few <= many else None
    named = {"before": one.shot.id, "after": two.shot.id, "at": two.start / FPS}
    return Seam(**named, palette=palette, exposure=exposure, likeness=likeness)


def keep_sound(media: Media, content: bytes) -> str:
    """A creator's sound as a media file; ValueError when it is none."""
    from engine.sound import read_sound

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "sound"
        path.write_bytes(content)
        return media.keep(read_sound(path), ".flac")
