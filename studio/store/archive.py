"""A project as one zip file, out and in. What comes in is a stranger's: names are checked, contents hashed again."""

from __future__ import annotations

import io
import json
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.models import Project, TakeInfo
from studio.store.media import Media

FORMAT = 1
MAX_FILE, MAX_ALL = 200_000_000, 2_000_000_000  # bytes, unpacked
BOARD = "project.json"
SUFFIXES = {".mp4", ".jpg", ".safetensors"}  # what a take or a film is kept as; nothing a browser would run


class ArchivedTake(BaseModel):
    """A take with all that made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shot: str
    take: TakeInfo
    made_by: dict[str, Any]


class Archive(BaseModel):
    """Everything in a project file but the pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    project: Project
    takes: tuple[ArchivedTake, ...] = ()

    @property
    def media(self) -> list[str]:
        """Names of all files that belong to it."""
        named = [name for entry in self.takes for name in (entry.take.video, entry.take.poster, entry.take.latents)]
        return list(dict.fromkeys(named + ([self.project.film] if self.project.film else [])))


def pack(archive: Archive, media: Media) -> bytes:
    """The zip; pictures are stored as they are, since they are compressed already."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr(BOARD, archive.model_dump_json(indent=1))
        for name in archive.media:
            file.write(media.path(name), f"media/{name}")
    return out.getvalue()


def unpack(content: bytes, media: Media) -> Archive:
    """Check a zip whole, then keep its pictures; ValueError says what is wrong, and then nothing was kept."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            sizes = {info.filename: info.file_size for info in file.infolist()}
            if sum(sizes.values()) > MAX_ALL or max(sizes.values(), default=0) > MAX_FILE:
                raise ValueError(f"the project file unpacks to more than {MAX_ALL // 10**9} GB; it is not opened")
            archive = _board(_member(file, BOARD, sizes))
            pictures = {name: _member(file, f"media/{name}", sizes) for name in archive.media}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, EOFError):
        raise ValueError("this is no project file; export one with 'Save project as zip'") from None
    for name, data in pictures.items():
        if Path(name).suffix not in SUFFIXES or media.name(data, Path(name).suffix) != name:
            raise ValueError(f"{name[:60]!r} in the project file is damaged or not what its name says")
    for name, data in pictures.items():
        media.keep(data, Path(name).suffix)
    return archive


def _member(file: zipfile.ZipFile, name: str, sizes: dict[str, int]) -> bytes:
    """One file by its exact name, never longer than the zip says."""
    if name not in sizes:
        raise ValueError(f"{name[:80]!r} is missing in the project file")
    with file.open(name) as member:
        data = member.read(sizes[name] + 1)
    if len(data) != sizes[name]:
        raise ValueError(f"{name[:80]!r} in the project file is damaged")
    return data


def _board(text: bytes) -> Archive:
    try:
        return Archive.model_validate_json(text)
    except (ValidationError, json.JSONDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (BOARD,), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise ValueError(f"{where} in the project file is wrong: {first['msg'].lower()}") from None
