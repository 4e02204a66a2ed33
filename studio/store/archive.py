"""A project as one zip file, out and in. What comes in is a stranger's: names are checked, contents hashed again."""

from __future__ import annotations

import io
import json
import lzma
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from studio.models import Project, TakeInfo
from studio.store.media import Media

FORMAT = 1
MAX_FILE, MAX_ALL = 100_000_000, 1_000_000_000  # bytes, unpacked
PIECE = 1 << 20  # bytes read at once
BOARD = "project.json"
SUFFIXES = {".mp4", ".jpg", ".safetensors", ".flac"}  # what a take or a film is kept as; nothing a browser would run


class ArchivedTake(BaseModel):
    """A take with all that made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shot: str
    take: TakeInfo
    made_by: dict[str, Any]

    @field_validator("made_by")
    @classmethod
    def _readable(cls, made_by: dict[str, Any]) -> dict[str, Any]:
        """What the studio reads of it has the right kind."""
        kinds = {"prompt": str, "scene": str, "frames": int, "cut": bool, "backbone": str, "context": list}
        for name, kind in kinds.items():
            if name in made_by and not isinstance(made_by[name], kind):
                raise ValueError(f"{name} is no {kind.__name__}")
        return made_by


class Archive(BaseModel):
    """Everything in a project file but the pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    project: Project
    takes: tuple[ArchivedTake, ...] = ()

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
    def media(self) -> list[str]:
        """Names of all files that belong to it."""
        shown = (*(entry.take for entry in self.takes), *self.project.references)
        named = [name for one in shown for name in (one.video, one.poster, one.latents)]
        own = [name for name in (self.project.film, self.project.finish.sound) if name]
        return list(dict.fromkeys(named + own))


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
        with zipfile.ZipFile(source) as file:
            archive, sizes = _checked(file, media)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, EOFError):
        raise ValueError("this is no project file; export one as 'Project (zip)'") from None
    with zipfile.ZipFile(source) as file:
        for name in archive.media:
            media.keep(_pieces(file, f"media/{name}", sizes), Path(name).suffix)
    return archive


def _checked(file: zipfile.ZipFile, media: Media) -> tuple[Archive, dict[str, int]]:
    """The board, when all its pictures are what their names say; and the size of every member."""
    sizes = {info.filename: info.file_size for info in file.infolist()}
    if sum(sizes.values()) > MAX_ALL or max(sizes.values(), default=0) > MAX_FILE:
        raise ValueError(f"the project file unpacks to more than {MAX_ALL // 10**9} GB; it is not opened")
    archive = _board(b"".join(_pieces(file, BOARD, sizes)))
    for name in archive.media:
        found = media.name(_pieces(file, f"media/{name}", sizes), Path(name).suffix)
        if found != name or Path(name).suffix not in SUFFIXES:
            raise ValueError(f"{name[:60]!r} in the project file is damaged or not what its name says")
    return archive, sizes


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
    try:
        return Archive.model_validate_json(text)
    except (ValidationError, json.JSONDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (BOARD,), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise ValueError(f"{where} in the project file is wrong: {first['msg'].lower()}") from None
