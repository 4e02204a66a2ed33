"""Films, animated pictures and contact sheets."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cards import font
from studio.cut import Piece
from studio.exports.board import Board
from studio.models import FPS

if TYPE_CHECKING:
    from PIL import Image

SCALE = 3  # of animated pictures
PAGE = 6  # shots on a page of a contact sheet
TAG = 0x9286  # EXIF's UserComment


def movie(board: Board, path: Path) -> None:
    """The film with its fades, cards and sound."""
    _film(board, board.pieces, path, sound=board.project.finish.sound)


def animatic(board: Board, path: Path) -> None:
    """The film with a card held for as long as a shot that is not made shall be."""
    _film(board, board.plan, path, sound=board.project.finish.sound)


def _film(board: Board, pieces: tuple[Piece, ...], path: Path, *, sound: str) -> None:
    from engine.sound import lay_under
    from engine.video import watchable, write_mp4

    scale = watchable(board.size[1])
    write_mp4(path, board.stream(pieces, scale), fps=FPS, scale=1, record=board.record)
    if sound:
        lay_under(path, board.store.media.path(sound), length=pieces[-1].end / FPS)


def single_shots(board: Board, path: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for piece in board.shots:
            file.write(footage(board, piece, Path(scratch)), f"shot {piece.file}")


def footage(board: Board, piece: Piece, folder: Path) -> Path:
    """The piece's video: its take's own; that of a card, or of a take that is cropped, is drawn into the folder."""
    from engine.video import watchable, write_mp4

    if piece.take and not board.project.finish.aspect:
        return board.store.media.path(piece.take.video)
    frames = board.stream((piece,), watchable(board.size[1]))
    record = board.made_by(piece.take) if piece.take else {}
    return write_mp4(folder / piece.file, frames, fps=FPS, scale=1, record=record)


def gif(board: Board, path: Path) -> None:
    first, *rest = _animated(board)
    told = json.dumps(board.record)
    first.save(path, "GIF", save_all=True, append_images=rest, duration=1000 // FPS, loop=0, comment=told)


def webp(board: Board, path: Path) -> None:
    from PIL import Image

    first, *rest = _animated(board)
    exif = Image.Exif()
    exif[TAG] = json.dumps(board.record)
    first.save(path, "WEBP", save_all=True, append_images=rest, duration=1000 // FPS, loop=0, exif=exif)


def _animated(board: Board) -> Iterator[Image.Image]:
    from PIL import Image

    for frames in board.stream(board.pieces, SCALE):
        yield from (Image.fromarray(frame.numpy()) for frame in frames)


def sheet_png(board: Board, path: Path) -> None:
    """First, middle and last frame of every shot, with its slate and its words."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_itxt("Comment", json.dumps(board.record))
    _page(board, board.shots).save(path, "PNG", pnginfo=told)


def sheet_pdf(board: Board, path: Path) -> None:
    """The same on pages of a few shots each."""
    shots = board.shots
    first, *rest = (_page(board, shots[n : n + PAGE]) for n in range(0, len(shots), PAGE))
    name, told = board.project.name or "Untitled film", json.dumps(board.record)
    first.save(path, "PDF", save_all=True, append_images=rest, resolution=100, title=name, subject=told)


def _page(board: Board, shots: list[Piece]) -> Image.Image:
    from PIL import Image, ImageDraw

    from studio.film import enlarge

    height, width = (2 * side for side in board.size)
    margin, words = 12, 20
    sheet = Image.new("RGB", (3 * width + 2 * margin, len(shots) * (height + words + margin) + margin), "white")
    pen = ImageDraw.Draw(sheet)
    for number, piece in enumerate(shots):
        clip, top = board.frames(piece.take), margin + number * (height + words + margin)
        for k, moment in enumerate((0, (len(clip) - 1) // 2, len(clip) - 1)):
            picture = enlarge(clip[moment : moment + 1], 2)[0]
            sheet.paste(Image.fromarray(picture.numpy()), (margin + k * width, top))
        text = f"{piece.name}  {piece.words}"
        while pen.textlength(text, font=font(13)) > 3 * width:
            text = text[:-2].rstrip("…") + "…"
        pen.text((margin, top + height + 2), text, fill="black", font=font(13))
    return sheet
