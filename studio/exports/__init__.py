"""A board in the forms that others read: films, pictures, lists, timelines. Provenance travels inside."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.exports.board import Board
from studio.exports.lists import shot_list, subtitles
from studio.exports.pictures import animatic, gif, movie, sheet_pdf, sheet_png, single_shots, webp
from studio.exports.timelines import MEDIA, bundle, stage, timeline
from studio.models import Project
from studio.store import Store
from studio.store.archive import pack

Write = Callable[[Board, Path], None]


@dataclass(frozen=True)
class Form:
    """One export. title, format, use: what it is, as what, what for. made: whether it needs a shot that is made."""

    title: str
    format: str
    file: str
    write: Write
    use: str
    made: bool = True


def project_file(board: Board, path: Path) -> None:
    path.write_bytes(pack(board.store.projects.archive(board.project.id), board.store.media))


def everything(board: Board, path: Path) -> None:
    """One folder with all the others; its timelines name the files that lie in it."""
    folder = path.stem
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        stage(board, Path(scratch) / MEDIA)
        for form in EXPORTS.values():
            if form.write in BESIDE:
                BESIDE[form.write](board, Path(scratch) / form.file)
            elif form.write not in (everything, single_shots):  # the shots lie in MEDIA
                form.write(board, Path(scratch) / form.file)
        for found in sorted(Path(scratch).rglob("*")):
            if found.is_file():
                file.write(found, f"{folder}/{found.relative_to(scratch).as_posix()}")


OTIO, FCP, EDL = (timeline(adapter) for adapter in ("otio_json", "fcp_xml", "cmx_3600"))
BESIDE: dict[Write, Write] = {
    OTIO: timeline("otio_json", beside=True),
    FCP: timeline("fcp_xml", beside=True),
    EDL: timeline("cmx_3600", beside=True),
}
FORMS = (
    Form("Film", "MP4", "film.mp4", movie, "to watch and to share"),
    Form("Everything", "zip", "reelboard.zip", everything, "all in one folder"),
    Form("Single shots", "zip", "shots.zip", single_shots, "a film of every shot"),
    Form("Animatic", "MP4", "animatic.mp4", animatic, "cards for missing shots", made=False),
    Form("Animation", "GIF", "film.gif", gif, "moves in any chat"),
    Form("Animation", "WebP", "film.webp", webp, "smaller and clearer"),
    Form("Contact sheet", "PNG", "sheet.png", sheet_png, "all shots in one picture"),
    Form("Contact sheet", "PDF", "sheet.pdf", sheet_pdf, "pages to print"),
    Form("Shot list", "CSV", "shots.csv", shot_list, "for a spreadsheet", made=False),
    Form("Subtitles", "SRT", "film.srt", subtitles, "what is said, timed"),
    Form("Timeline", "OpenTimelineIO", "film.otio", OTIO, "the cut, for an editor"),
    Form("Timeline with its files", "OTIOZ", "film.otioz", bundle, "the cut and its shots"),
    Form("Timeline", "Final Cut 7 XML", "film.xml", FCP, "Premiere and Resolve"),
    Form("Timeline", "EDL", "film.edl", EDL, "for editors of any age"),
    Form("Project", "zip", "project.zip", project_file, "to open here again", made=False),
)
EXPORTS: dict[str, Form] = {f"{form.title} ({form.format})": form for form in FORMS}


def export(store: Store, project: Project, name: str, folder: Path) -> Path:
    """Write one of ``EXPORTS`` into ``folder`` and return the file; ValueError when there is nothing to write."""
    if name not in EXPORTS:
        raise ValueError(f"export is {name[:40]!r}; it is one of {', '.join(EXPORTS)}")
    board, form = Board(store, project), EXPORTS[name]
    if form.made and not board.shots:
        raise ValueError("no shot is made yet; make the film first")
    if not board.plan:
        raise ValueError("there are no shots yet; write a story and split it first")
    path = folder / form.file
    form.write(board, path)
    return path


__all__ = ["EXPORTS", "Board", "export"]
