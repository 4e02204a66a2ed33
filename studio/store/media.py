"""Pictures and films, each in a file named by the hash of its content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

FRESH = 3600.0  # seconds for which a file may be there before anything names it
PART = ".part"


class Media:
    """A folder of files that never change. Names are made here; a name that came from outside is checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes | Iterable[bytes], suffix: str) -> str:
        """Store a file, given whole or in pieces, and return its name.

        It appears whole or not at all, and stays after a power cut.
        """
        digest = hashlib.sha256()
        with self._locked(fcntl.LOCK_SH):
            handle, fresh = tempfile.mkstemp(dir=self.folder, suffix=PART)
            try:
                with os.fdopen(handle, "wb") as file:
                    for piece in (content,) if isinstance(content, bytes) else content:
                        digest.update(piece)
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                target = self.folder / _name(digest.hexdigest(), suffix)
                if target.exists():
                    os.utime(target)  # wanted once more, so a sweep lets it be
                else:
                    Path(fresh).replace(target)
                    self._sync()
            finally:
                Path(fresh).unlink(missing_ok=True)
        return target.name

    @staticmethod
    def name(content: bytes | Iterable[bytes], suffix: str) -> str:
        """The name that a content has."""
        digest = hashlib.sha256()
        for piece in (content,) if isinstance(content, bytes) else content:
            digest.update(piece)
        return _name(digest.hexdigest(), suffix)

    def path(self, name: str) -> Path:
        """The file of a name; ValueError for anything that is not a plain name in this folder."""
        plain = name and "\0" not in name and ":" not in name and Path(name).name == name
        path = self.folder / name if plain else self.folder
        if not plain or name.startswith(".") or path.is_symlink():
            raise ValueError(f"media name is {name[:60]!r}; it must be a plain file name")
        return path

    def sweep(self, named: Callable[[], set[str]], *, fresh: float = FRESH) -> list[str]:
        """Remove what a crash left half-written and what nothing names any more; returns the names of the latter.

        fresh: seconds for which a file is let be, for its name is written after it.
        """
        with self._locked(fcntl.LOCK_EX):  # nobody writes here meanwhile
            wanted, young, gone = named(), time.time() - fresh, []
            for file in self.folder.iterdir():
                if file.suffix == PART:
                    file.unlink()
                elif file.name not in wanted and file.stat().st_mtime < young:
                    file.unlink()
                    gone.append(file.name)
        return gone

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, how)
            yield

    def _sync(self) -> None:
        """Write the folder's own entry; a rename is not durable before."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _name(digest: str, suffix: str) -> str:
    return digest[:32] + suffix
