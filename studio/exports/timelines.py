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
from studio.exports.pictures import footage
from studio.models import FPS

if TYPE_CHECKING:
    import opentimelineio as otio

TIMECODE = 24  # frames a second of a timeline: 8 is no rate that editing programs know, and 24 is three times it
MEDIA = "media"  # folder of the files that a timeline names


def timeline(adapter: str, *, beside: bool = False) -> Callable[[Board, Path], None]:
    """A writer of one format. beside: the files lie in MEDIA beside it; otherwise it names them where they are."""

    def write(board: Board, path: Path) -> None:
        import opentimelineio as otio

        def address(piece: Piece) -> str:
            return f"{MEDIA}/{piece.file}" if beside else footage(board, piece, path.parent).as_uri()

        edl = {"rate": TIMECODE} if adapter == "cmx_3600" else {}
        laid = board.project.finish.sound if not edl else ""  # an EDL has one track
        sound = laid and (f"{MEDIA}/{_sound(board)}" if beside else _sound_file(board).as_uri())
        text = otio.adapters.write_to_string(_timeline(board, address, sound=sound), adapter, **edl)
        path.write_text(text, encoding="utf-8")

    return write


def bundle(board: Board, path: Path) -> None:
    """Timeline and files in one .otioz."""
    import opentimelineio as otio

    with tempfile.TemporaryDirectory() as scratch:
        files = stage(board, Path(scratch))
        sound = files[_sound(board)].as_uri() if board.project.finish.sound else ""
        made = _timeline(board, lambda piece: files[piece.file].as_uri(), sound=sound)
        otio.adapters.write_to_file(made, str(path.resolve()), "otioz")


def stage(board: Board, folder: Path) -> dict[str, Path]:
    """Copies of all files that a timeline names, under the names of their slates."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {piece.file: footage(board, piece, folder) for piece in board.pieces}
    if board.project.finish.sound:
        named[_sound(board)] = _sound_file(board)
    for name, file in named.items():
        if file.parent != folder:
            shutil.copyfile(file, folder / name)
    return {name: folder / name for name in named}


def _timeline(board: Board, address: Callable[[Piece], str], *, sound: str) -> otio.schema.Timeline:
    """sound: its address; "" for a timeline without one."""
    import opentimelineio as otio

    made = otio.schema.Timeline(name=board.project.name or "Reelboard film")
    video = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    made.tracks.append(video)
    pieces = board.pieces
    for piece, after in zip(pieces, (*pieces[1:], None), strict=True):
        if piece.fade:
            video.append(_fade(piece.fade))
        video.append(_clip(board, piece, after.fade if after else 0, address))
    if sound:
        made.tracks.append(_audio(board, pieces[-1].end, sound))
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


def _clip(board: Board, piece: Piece, fade_out: int, address: Callable[[Piece], str]) -> otio.schema.Clip:
    """A piece between the middles of its fades; the rest of it is their handles."""
    import opentimelineio as otio

    whole = _range(0, piece.frames)
    shown = _range(piece.fade / 2, piece.frames - piece.fade / 2 - fade_out / 2)
    source = otio.schema.ExternalReference(target_url=address(piece), available_range=whole)
    about = {"reelboard": {"words": piece.words}}
    if piece.take:
        record = json.loads(json.dumps(board.made_by(piece.take)))
        about["reelboard"] |= {"take": piece.take.id, "made_by": record}
    return otio.schema.Clip(name=piece.name, media_reference=source, source_range=shown, metadata=about)


def _audio(board: Board, frames: int, address: str) -> otio.schema.Track:
    import opentimelineio as otio

    from engine.sound import seconds

    length = _range(0, min(frames, int(seconds(_sound_file(board)) * FPS)))
    source = otio.schema.ExternalReference(target_url=address, available_range=length)
    track = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    track.append(otio.schema.Clip(name="sound", media_reference=source, source_range=length))
    return track


def _sound_file(board: Board) -> Path:
    return board.store.media.path(board.project.finish.sound)


def _sound(board: Board) -> str:
    return f"sound{Path(board.project.finish.sound).suffix}"
