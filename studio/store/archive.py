"""A project as one zip file, out and in. What comes in is a stranger's: names are checked, contents hashed again."""

from __future__ import annotations

import io
import json
import lzma
import math
import os
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, field_validator, model_validator

from studio.inputs import sound
from studio.models import Note, Project, TakeInfo
from studio.store.media import Media

FORMAT = 2
MAX_FILE, MAX_ALL, MAX_BOARD = 100_000_000, 1_000_000_000, 32_000_000  # bytes, unpacked
MAX_DIRECTORY, MAX_HEADER = 4_000_000, 1_000_000  # bytes of a zip's table of contents, and of a kept state's
MOST_VALUES = 1_500_000  # of a board
PIECE = 1 << 20  # bytes read at once
BOARD = "project.json"
END, FAR = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL")  # the last bytes of a zip, and those of a very large one
VIDEO, POSTER, STATE, SOUND = ".mp4", ".jpg", ".safetensors", ".flac"  # nothing that a browser would run
HEADS = {VIDEO: re.compile(rb"....ftyp", re.DOTALL), POSTER: re.compile(rb"\xff\xd8\xff"), SOUND: re.compile(rb"fLaC")}
WIDTHS = {"U8": 1, "F16": 2, "BF16": 2, "F32": 4}  # bytes of a number in a kept state


class ArchivedTake(BaseModel):
    """A take with all that made it, and what its creator thought of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shot: str
    take: TakeInfo
    made_by: dict[str, Any]
    starred: bool = False
    notes: tuple[Note, ...] = ()

    @field_validator("made_by")
    @classmethod
    def _readable(cls, made_by: dict[str, Any]) -> dict[str, Any]:
        """What the studio reads of it has the right kind."""
        kinds = {"prompt": str, "scene": str, "frames": int, "cut": bool, "backbone": str, "context": list}
        kinds |= {"steps": int, "guidance": int | float, "draft": bool}
        for name, kind in kinds.items():
            if name in made_by and not isinstance(made_by[name], kind):
                raise ValueError(f"{name} is no {getattr(kind, '__name__', 'number')}")
        return made_by


class Archive(BaseModel):
    """Everything in a project file but the pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    project: Project
    takes: Annotated[tuple[ArchivedTake, ...], FailFast()] = ()

    def without_keys(self) -> Archive:
        """Under other names: a project's id opens it and a job's id acts on it, so neither leaves the studio."""
        jobs = {entry.take.job: uuid.uuid4().hex for entry in self.takes}

        def cleaned(entry: ArchivedTake) -> ArchivedTake:
            saw = {shot: jobs.get(source, source) for shot, source in entry.take.saw.items()}
            take = entry.take.model_copy(update={"job": jobs[entry.take.job], "saw": saw})
            return entry.model_copy(update={"take": take})

        takes = {entry.take.id: cleaned(entry) for entry in self.takes}
        scenes = []
        for scene in self.project.scenes:
            chosen = ((shot, takes[shot.take.id].take if shot.take else None) for shot in scene.shots)
            shots = tuple(shot.model_copy(update={"take": take}) for shot, take in chosen)
            scenes.append(scene.model_copy(update={"shots": shots}))
        project = self.project.model_copy(update={"id": "exported", "scenes": tuple(scenes)})
        return Archive(project=project, takes=tuple(takes.values()))

    @model_validator(mode="after")
    def _each_once(self) -> Archive:
        things = (
            *self.project.bible,
            *self.project.references,
            *self.project.scenes,
            *self.project.shots,
            *(entry.take for entry in self.takes),
        )
        ids = [thing.id for thing in things]
        if len(ids) != len(set(ids)):
            raise ValueError("an id is there twice")
        return self

    @property
    def media(self) -> dict[str, set[str]]:
        """Names of all files that belong to it, with the suffixes that each has to have."""
        named: dict[str, set[str]] = {}
        for one in (*(entry.take for entry in self.takes), *self.project.references):
            for name, suffix in ((one.video, VIDEO), (one.poster, POSTER), (one.latents, STATE)):
                named.setdefault(name, set()).add(suffix)
        for name, suffix in ((self.project.film, VIDEO), (self.project.finish.sound, SOUND)):
            if name:
                named.setdefault(name, set()).add(suffix)
        return named


def pack(archive: Archive, media: Media) -> bytes:
    """The zip; pictures are stored as they are, since they are compressed already."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr(BOARD, archive.model_dump_json(indent=1))
        for name in archive.media:
            file.write(media.path(name), f"media/{name}")
    return out.getvalue()


def unpack(source: Path | BufferedIOBase, media: Media) -> Archive:
    """Check a zip whole, then keep its pictures; ValueError says what is wrong, and then nothing was kept.

    It is read in pieces, twice: never more than a piece of a picture is in memory.
    """
    try:
        _check_end(source)
        with zipfile.ZipFile(source) as file:
            archive, sizes = _checked(file, media)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, EOFError, struct.error):
        raise ValueError("this is no project file; export one as 'Project (zip)'") from None
    with zipfile.ZipFile(source) as file:
        for name in archive.media:
            media.keep(_pieces(file, f"media/{name}", sizes), Path(name).suffix)
    return archive


def _check_end(source: Path | BufferedIOBase) -> None:
    """Refuse a zip whose table of contents alone would fill the memory, before anything reads it."""
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        file.seek(max(file.seek(0, os.SEEK_END) - END.size - FAR.size, 0))
        tail = file.read()
    mark, *_, length, _, comment = END.unpack(tail[-END.size :])
    if mark != b"PK\5\6" or comment or tail.startswith(b"PK\6\7"):  # its true end is elsewhere; ours never is
        raise zipfile.BadZipFile
    if length > MAX_DIRECTORY:
        raise ValueError("the project file holds too many files; it is not opened")


def _checked(file: zipfile.ZipFile, media: Media) -> tuple[Archive, dict[str, int]]:
    """The board, when all its pictures are what their names say; and the size of every member."""
    sizes = {info.filename: info.file_size for info in file.infolist()}
    bounds = {"the project file": (sum(sizes.values()), MAX_ALL), BOARD: (sizes.get(BOARD, 0), MAX_BOARD)}
    bounds["a file in the project file"] = (max(sizes.values(), default=0), MAX_FILE)
    for what, (size, most) in bounds.items():
        if size > most:
            raise ValueError(f"{what} unpacks to more than {most // 10**6} MB; it is not opened")
    archive = _board(b"".join(_pieces(file, BOARD, sizes)))
    for name, suffixes in archive.media.items():
        suffix, inside = Path(name).suffix, f"media/{name}"
        whole = media.name(_pieces(file, inside, sizes), suffix) == name and suffixes == {suffix}
        if not whole or not _is_kind(file, inside, sizes[inside], suffix):
            raise ValueError(f"{name[:60]!r} in the project file is damaged or not what its name says")
    return archive, sizes


def _is_kind(file: zipfile.ZipFile, name: str, size: int, suffix: str) -> bool:
    """Whether a file begins as its suffix promises; of a state, whether its header fits the rest."""
    with file.open(name) as member:
        if suffix != STATE:
            return HEADS[suffix].match(member.read(12)) is not None
        length = int.from_bytes(member.read(8), "little")
        return length <= MAX_HEADER and _is_state(member.read(length), size - 8 - length)


def _is_state(header: bytes, size: int) -> bool:
    """Whether ``size`` bytes of numbers lie behind a header without a gap, pictures among them."""
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        shape, end = tensors["frames"]["shape"], 0
        for one in sorted(tensors.values(), key=lambda tensor: tensor["data_offsets"]):
            begin, after = one["data_offsets"]
            if begin != end or after - begin != WIDTHS[one["dtype"]] * math.prod(one["shape"]):
                return False
            end = after
        pictures = tensors["frames"]["dtype"] == "U8" and len(shape) == 4 and shape[3] == 3 and min(shape) > 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return pictures and end == size


def _pieces(file: zipfile.ZipFile, name: str, sizes: dict[str, int]) -> Iterator[bytes]:
    """One file by its exact name, never longer than the zip says."""
    if name not in sizes:
        raise ValueError(f"{name[:80]!r} is missing in the project file")
    left = sizes[name]
    with file.open(name) as member:
        while piece := member.read(min(PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise ValueError(f"{name[:80]!r} in the project file is damaged")


def _board(text: bytes) -> Archive:
    """The board, whose size is looked at before its meaning: a million wrong values would be a million refusals."""
    if text.count(b",") > MOST_VALUES:
        raise ValueError(f"{BOARD} in the project file holds more than {MOST_VALUES} values; it is not opened")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{BOARD} in the project file is wrong: it is no JSON") from None
    sound(data, BOARD)
    try:
        return Archive.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise ValueError(f"{where} in the project file is wrong: {first['msg'].lower()}") from None
