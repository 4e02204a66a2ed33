"""Encoded prompts on disk: the text encoders of the big models are larger than many of their transformers."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

LIMIT = 512 * 2**20  # bytes of all prompts; the least recently used make room


class PromptCache:
    """Keeps what an encoder made of a prompt under the hash of both.

    ``encoder``: everything beside the prompt that the features depend on. A file that can't be read is made again, and
    a disk that takes none costs no more than the time.
    """

    def __init__(self, encoder: str) -> None:
        self.encoder = encoder

    def __call__(self, prompt: str, encode: Callable[[str], Tensor]) -> Tensor:
        """Features of a prompt, from the disk or from ``encode``; the same to the bit."""
        name = hashlib.sha256(f"{self.encoder}\n{prompt}".encode()).hexdigest()
        file = folder() / f"{name}.safetensors"
        with suppress(OSError, SafetensorError, KeyError):
            features = load(file.read_bytes())["features"]
            os.utime(file)
            return features
        features = encode(prompt)
        with suppress(OSError):
            _write(file, features)
            _make_room(file.parent)
        return features


def folder() -> Path:
    """Where this user's caches lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reelboard" / "prompts"


def kept() -> int:
    """Bytes of all prompts that are kept."""
    return sum(size for _, size, _ in _files(folder()))


def clear() -> None:
    """Forget all prompts; each is encoded again when it is next read."""
    for file, _, _ in _files(folder()):
        file.unlink(missing_ok=True)


def _files(within: Path) -> list[tuple[Path, int, float]]:
    """The prompts that are kept, their bytes and when they were last read; one that goes meanwhile is left out."""
    found = []
    for file in within.glob("*.safetensors"):
        with suppress(OSError):
            told = file.stat()
            found.append((file, told.st_size, told.st_mtime))
    return found


def _write(file: Path, features: Tensor) -> None:
    """The file appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        whole = Path(scratch) / file.name
        whole.write_bytes(save({"features": features.detach().to("cpu", copy=True).contiguous()}))
        whole.replace(file)


def _make_room(files: Path) -> None:
    found = sorted(_files(files), key=lambda one: one[2])
    excess = sum(size for _, size, _ in found) - LIMIT
    while excess > 0 and found:
        oldest, size, _ = found.pop(0)
        excess -= size
        oldest.unlink(missing_ok=True)
