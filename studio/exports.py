"""A finished board in the forms that others read: pictures, lists, timelines. Provenance travels inside."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio import film
from studio.models import FPS, Project, ShotInfo, TakeInfo
from studio.store import Store
from studio.store.archive import pack

if TYPE_CHECKING:
    import opentimelineio as otio
    from torch import Tensor

TIMECODE = 24  # frames a second of a timeline: 8 is no rate that editing programs know, and 24 is three times it
SCALE = 3  # of animated pictures


@dataclass(frozen=True)
class Board:
    """What an export reads: the shots that have a take, in order."""

    store: Store
    project: Project

    @property
    def shots(self) -> list[tuple[str, ShotInfo, TakeInfo]]:
        """(slate, shot, take) of every shot that is made; the slate "2C T3" is the third take of shot 2C."""
        slates = self.project.slates
        return [
            (f"{slates[shot.id]} T{self._number(shot)}", shot, shot.take) for shot in self.project.shots if shot.take
        ]

    def frames(self, take: TakeInfo) -> Tensor:
        return film.load_take(self.store.media, take).frames

    def length(self, take: TakeInfo) -> int:
        """Frames of a take, which may differ from what its shot asks for now."""
        return int(self.store.projects.made_by(take.id)["frames"])

    def _number(self, shot: ShotInfo) -> int:
        return [take.id for take in self.store.projects.takes(shot.id)].index(shot.take.id) + 1


def export(store: Store, project: Project, name: str, folder: Path) -> Path:
    """Write one of ``EXPORTS`` into ``folder`` and return the file; ValueError when there is nothing to write."""
    if name not in EXPORTS:
        raise ValueError(f"export is {name[:40]!r}; it is one of {', '.join(EXPORTS)}")
    board = Board(store, project)
    if not board.shots:
        raise ValueError("no shot is made yet; make the film first")
    file_name, write = EXPORTS[name]
    path = folder / file_name
    path.write_bytes(write(board))
    return path


def movie(board: Board) -> bytes:
    return board.store.media.path(film.assemble(board.store.media, [take for *_, take in board.shots])).read_bytes()


def single_shots(board: Board) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for slate, _, take in board.shots:
            file.write(board.store.media.path(take.video), f"shot {slate}.mp4")
    return out.getvalue()


def contact_sheet(board: Board) -> bytes:
    """First, middle and last frame of every shot, with its slate and its words."""
    import tempfile

    from engine.video import contact_sheet as draw

    clips = [board.frames(take) for *_, take in board.shots]
    labels = [f"{slate}  {shot.prompt}" for slate, shot, _ in board.shots]
    with tempfile.TemporaryDirectory() as scratch:
        return draw(Path(scratch) / "sheet.png", clips, labels=labels, columns=1).read_bytes()


def animation(form: str) -> Callable[[Board], bytes]:
    """The film as an animated picture that plays anywhere."""

    def write(board: Board) -> bytes:
        import torch
        from PIL import Image

        frames = torch.cat([board.frames(take) for *_, take in board.shots])
        pictures = [Image.fromarray(frame.numpy()) for frame in frames]
        size = (pictures[0].width * SCALE, pictures[0].height * SCALE)
        large = [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]
        out = io.BytesIO()
        large[0].save(out, form, save_all=True, append_images=large[1:], duration=1000 // FPS, loop=0)
        return out.getvalue()

    return write


def shot_list(board: Board) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["slate", "prompt", "starts with", "frames", "seconds", "seed", "model", "approved", "stale"])
    for slate, shot, take in board.shots:
        model = board.store.projects.made_by(take.id)["backbone"]
        said = [slate, _safe(shot.prompt), "cut" if shot.cut else "continues"]
        frames = board.length(take)
        length = [frames, f"{frames / FPS:.3f}"]
        rows.writerow([*said, *length, take.seed, model, "yes" if shot.approved else "", "; ".join(shot.stale)])
    return out.getvalue().encode("utf-8-sig")  # a spreadsheet reads UTF-8 only with its mark


def _safe(text: str) -> str:
    """A spreadsheet must not take a prompt for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def subtitles(board: Board) -> bytes:
    """The shots' words over their time, as SRT."""
    lines, start = [], 0
    for number, (_, shot, take) in enumerate(board.shots, start=1):
        end = start + board.length(take)
        lines += [str(number), f"{_clock(start)} --> {_clock(end)}", shot.prompt.replace("-->", "->"), ""]
        start = end
    return "\n".join(lines).encode()


def _clock(frame: int) -> str:
    milliseconds = frame * 1000 // FPS
    seconds = milliseconds // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{milliseconds % 1000:03}"


def timeline(adapter: str) -> Callable[[Board], bytes]:
    """A cut for an editing program, through OpenTimelineIO; every clip carries what made it."""

    def write(board: Board) -> bytes:
        import opentimelineio as otio

        cut = otio.schema.Timeline(name=board.project.name or "Reelboard film")
        track = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
        cut.tracks.append(track)
        track.extend(_clip(board, slate, take) for slate, _, take in board.shots)
        text = otio.adapters.write_to_string(cut, adapter, **({"rate": TIMECODE} if adapter == "cmx_3600" else {}))
        return text.encode()

    return write


def _clip(board: Board, slate: str, take: TakeInfo) -> otio.schema.Clip:
    import opentimelineio as otio

    frames = otio.opentime.RationalTime(board.length(take) * TIMECODE // FPS, TIMECODE)
    length = otio.opentime.TimeRange(otio.opentime.RationalTime(0, TIMECODE), frames)
    address = board.store.media.path(take.video).as_uri()
    source = otio.schema.ExternalReference(target_url=address, available_range=length)
    record = json.loads(json.dumps(board.store.projects.made_by(take.id)))
    about = {"reelboard": {"take": take.id, "made_by": record}}
    return otio.schema.Clip(name=slate, media_reference=source, source_range=length, metadata=about)


def project_file(board: Board) -> bytes:
    return pack(board.store.projects.archive(board.project.id), board.store.media)


EXPORTS: dict[str, tuple[str, Callable[[Board], bytes]]] = {
    "Film (MP4)": ("film.mp4", movie),
    "Single shots (zip)": ("shots.zip", single_shots),
    "Contact sheet (PNG)": ("sheet.png", contact_sheet),
    "Animation (GIF)": ("film.gif", animation("GIF")),
    "Animation (WebP)": ("film.webp", animation("WEBP")),
    "Shot list (CSV)": ("shots.csv", shot_list),
    "Subtitles (SRT)": ("film.srt", subtitles),
    "Timeline (OpenTimelineIO)": ("film.otio", timeline("otio_json")),
    "Timeline (Final Cut 7 XML)": ("film.xml", timeline("fcp_xml")),
    "Timeline (EDL)": ("film.edl", timeline("cmx_3600")),
    "Project (zip)": ("project.zip", project_file),
}
