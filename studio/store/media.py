"""Pictures and films, each in a file named by the hash of its content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


class Media:
    """A folder of files that never change. Names are made here; a name that came from outside is checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes, suffix: str) -> str:
        """Store a file and return its name; it appears whole or not at all, and stays after a power cut."""
        name = self.name(content, suffix)
        target = self.folder / name
        if not target.exists():
            handle, fresh = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(fresh).replace(target)
                self._sync()
            finally:
                Path(fresh).unlink(missing_ok=True)
        return name

    @staticmethod
    def name(content: bytes, suffix: str) -> str:
        """The name that a content has."""
        return hashlib.sha256(content).hexdigest()[:32] + suffix

    def path(self, name: str) -> Path:
        """The file of a name; ValueError for anything that is not a plain name in this folder."""
        plain = name and "\0" not in name and ":" not in name and Path(name).name == name
        path = self.folder / name if plain else self.folder
        if not plain or name.startswith(".") or path.is_symlink():
            raise ValueError(f"media name is {name[:60]!r}; it must be a plain file name")
        return path

    def _sync(self) -> None:
        """Write the folder's own entry; a rename is not durable before."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
