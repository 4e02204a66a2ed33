"""Lists for people: the shots in a spreadsheet, and what is said over the film."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from studio.cut import Piece
from studio.exports.board import Board
from studio.models import FPS

COLUMNS = (
    *("slate", "scene", "prompt", "starts with", "fade", "start", "frames", "seconds", "seed", "model"),
    *("status", "stale", "notes"),
)


def shot_list(board: Board, path: Path) -> None:
    """Every shot of the board, made or not."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    rows.writerows([_safe(str(value)) for value in _row(board, piece)] for piece in board.plan if piece.shot)
    path.write_bytes(out.getvalue().encode("utf-8-sig"))  # a spreadsheet reads UTF-8 only with its mark


def _row(board: Board, piece: Piece) -> list[object]:
    shot, take = piece.shot, piece.take
    scene = board.project.scene_of(shot.id)
    begins = "cut" if shot.cut else "continues"
    length = [f"{piece.fade / FPS:.3f}", f"{piece.start / FPS:.3f}", piece.frames, f"{piece.frames / FPS:.3f}"]
    model = board.made_by(take).get("backbone", "from a file") if take else ""
    status = "not made" if take is None else "approved" if shot.approved else "made"
    notes = "; ".join(f"{note.at:.1f} s: {note.text}" for note in board.store.projects.notes(shot.id))
    made = [take.seed if take else "", model, status, "; ".join(shot.stale), notes]
    return [piece.name, scene.title or board.project.scenes.index(scene) + 1, shot.prompt, begins, *length, *made]


def _safe(text: str) -> str:
    """A spreadsheet must not take a prompt for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def subtitles(board: Board, path: Path) -> None:
    """What is said, over its time, as SRT."""
    path.write_text(srt(board.pieces), encoding="utf-8")


def srt(pieces: tuple[Piece, ...]) -> str:
    """What is said in each shot, until the next piece begins; the shots' prompts where nothing is said in the film."""
    shots = [(piece, after) for piece, after in zip(pieces, (*pieces[1:], None), strict=True) if piece.shot]
    said = [(piece, after, piece.shot.said) for piece, after in shots if piece.shot.said.strip()]
    prompts = [(piece, after, piece.words) for piece, after in shots]
    lines = []
    for number, (piece, after, text) in enumerate(said or prompts, start=1):
        end = after.start if after else piece.end
        words = text.replace("-->", "->").replace("\n", " ")
        lines += [str(number), f"{clock(piece.start)} --> {clock(end)}", words, ""]
    return "\n".join(lines)


def vtt(pieces: tuple[Piece, ...]) -> str:
    """The same for a browser's player."""
    head, *lines = f"WEBVTT\n\n{srt(pieces)}".split("\n")
    return "\n".join([head, *(line.replace(",", ".") if " --> " in line else line for line in lines)])


def clock(frame: int) -> str:
    """A frame's time in the film, as SRT writes it."""
    milliseconds = frame * 1000 // FPS
    seconds = milliseconds // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{milliseconds % 1000:03}"
