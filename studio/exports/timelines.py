"""The film for an editing program, through OpenTimelineIO. Every clip carries what made it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cut import Piece
from studio.exports.board import Board
from studio.models import FPS

if TYPE_CHECKING:
    import opentimelineio as otio

TIMECODE = 24  # frames a second of a timeline: 8 is no rate that editing programs know, and 24 is three times it
MEDIA = "media"  # folder of the files that a timeline names


def timeline(adapter: str, *, beside: bool = False) -> Callable[[Board, Path], None]:
    """A writer of one format. beside: the files lie in MEDIA beside it; otherwise it names them where they are."""

    def write(board: Board, path: Path) -> None:
        import opentimelineio as otio

        def address(file: Path, name: str) -> str:
            return f"{MEDIA}/{name}" if beside else file.as_uri()

        edl = {"rate": TIMECODE} if adapter == "cmx_3600" else {}
        text = otio.adapters.write_to_string(_timeline(board, address, sound=not edl), adapter, **edl)
        path.write_text(text, encoding="utf-8")

    return write


def bundle(board: Board, path: Path) -> None:
    """Timeline and files in one .otioz."""
    import opentimelineio as otio

    with tempfile.TemporaryDirectory() as scratch:
        files = stage(board, Path(scratch))
        made = _timeline(board, lambda _, name: files[name].as_uri(), sound=True)
        otio.adapters.write_to_file(made, str(path.resolve()), "otioz")


def stage(board: Board, folder: Path) -> dict[str, Path]:
    """Copies of all files that a timeline names, under the names of their slates."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {_name(piece): _file(board, piece) for piece in board.pieces}
    if sound := board.project.finish.sound:
        named[_sound(board)] = board.store.media.path(sound)
    return {name: Path(shutil.copyfile(file, folder / name)) for name, file in named.items()}


def _timeline(board: Board, address: Callable[[Path, str], str], *, sound: bool) -> otio.schema.Timeline:
    import opentimelineio as otio

    made = otio.schema.Timeline(name=board.project.name or "Reelboard film")
    video = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    made.tracks.append(video)
    pieces = board.pieces
    for piece, after in zip(pieces, (*pieces[1:], None), strict=True):
        if piece.fade:
            video.append(_fade(piece.fade))
        video.append(_clip(board, piece, after.fade if after else 0, address))
    if sound and board.project.finish.sound:
        made.tracks.append(_audio(board, pieces[-1].end, address))
    return made


def _time(frames: float) -> otio.opentime.RationalTime:
    """Film frames as a timeline's."""
    import opentimelineio as otio

    return otio.opentime.RationalTime(round(frames * TIMECODE / FPS), TIMECODE)


def _range(start: float, frames: float) -> otio.opentime.TimeRange:
    import opentimelineio as otio

    return otio.opentime.TimeRange(_time(start), _time(frames))


def _fade(frames: int) -> otio.schema.Transition:
    """A dissolve: half of it before the cut between its clips, half behind."""
    import opentimelineio as otio

    half = _time(frames / 2)
    kind = otio.schema.TransitionTypes.SMPTE_Dissolve
    return otio.schema.Transition(name="Cross Dissolve", transition_type=kind, in_offset=half, out_offset=half)


def _clip(board: Board, piece: Piece, fade_out: int, address: Callable[[Path, str], str]) -> otio.schema.Clip:
    """A piece between the middles of its fades; the rest of it is their handles."""
    import opentimelineio as otio

    whole = _range(0, piece.frames)
    shown = _range(piece.fade / 2, piece.frames - piece.fade / 2 - fade_out / 2)
    source = otio.schema.ExternalReference(
        target_url=address(_file(board, piece), _name(piece)), available_range=whole
    )
    about = {"reelboard": {"words": piece.words}}
    if piece.take:
        record = json.loads(json.dumps(board.made_by(piece.take)))
        about["reelboard"] |= {"take": piece.take.id, "made_by": record}
    return otio.schema.Clip(name=piece.name, media_reference=source, source_range=shown, metadata=about)


def _audio(board: Board, frames: int, address: Callable[[Path, str], str]) -> otio.schema.Track:
    import opentimelineio as otio

    from engine.sound import seconds

    file = board.store.media.path(board.project.finish.sound)
    length = _range(0, min(frames, int(seconds(file) * FPS)))
    source = otio.schema.ExternalReference(target_url=address(file, _sound(board)), available_range=length)
    track = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    track.append(otio.schema.Clip(name="sound", media_reference=source, source_range=length))
    return track


def _file(board: Board, piece: Piece) -> Path:
    """The piece's video; a card's is drawn now."""
    from engine.video import watchable, write_mp4

    media = board.store.media
    if piece.take:
        return media.path(piece.take.video)
    with tempfile.TemporaryDirectory() as scratch:
        alone = (piece,)
        drawn = write_mp4(Path(scratch) / "card.mp4", board.stream(alone, watchable(board.size[1])), fps=FPS, scale=1)
        return media.path(media.keep(drawn.read_bytes(), ".mp4"))


def _name(piece: Piece) -> str:
    return f"{piece.name}.mp4"


def _sound(board: Board) -> str:
    return f"sound{Path(board.project.finish.sound).suffix}"
