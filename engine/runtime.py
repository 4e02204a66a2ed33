"""Device and number format, each chosen once and with its reason; generators; nothing runs on import."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and in which number format a model runs, and why."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)


def choose_runtime(device: str | None = None) -> Runtime:
    """CUDA when there is one, else the CPU; bfloat16 where the hardware multiplies it natively."""
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cuda":
        if torch.cuda.is_bf16_supported():
            return Runtime(device=chosen, dtype=torch.bfloat16, reason="this GPU multiplies bfloat16 natively")
        return Runtime(device=chosen, dtype=torch.float32, reason="this GPU has no native bfloat16")
    if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001 - no public query
        return Runtime(device=chosen, dtype=torch.bfloat16, reason="this processor multiplies bfloat16 natively")
    return Runtime(device=chosen, dtype=torch.float32, reason="this processor has no bfloat16 instructions")


def on_gpu() -> bool:
    """Whether work runs on a GPU unless told otherwise."""
    return choose_runtime().device.type == "cuda"


def keep_memory() -> None:
    """Have the C library keep freed memory, for a process that trains: on Linux CPUs steps are 1.3 to 6 times faster.

    By default glibc returns every large tensor to the system, which clears its pages again at the next one.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        for option, value in ((-4, 0), (-1, -1), (-2, 1 << 28)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)


class PeakMemory:
    """``with PeakMemory(device) as memory: ...``; then ``memory.bytes`` is the most in use above the start.

    On CUDA what torch allocated; on Linux the process's resident set, whose high-water mark can be reset; elsewhere
    it stays 0.
    """

    _reset = Path("/proc/self/clear_refs")

    def __init__(self, device: torch.device) -> None:
        self.device, self.bytes = device, 0

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.start = torch.cuda.memory_allocated(self.device)
        else:
            if self._reset.exists():
                self._reset.write_text("5")
            self.start = _resident("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        cuda = self.device.type == "cuda"
        self.bytes = (torch.cuda.max_memory_allocated(self.device) if cuda else _resident("VmHWM")) - self.start


def _resident(field: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), 0)


def noise(shape: tuple[int, ...], seed: int, device: torch.device) -> torch.Tensor:
    """Gaussian noise drawn on the CPU, so that a seed means the same film on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def fingerprint(*folders: Path) -> str:
    """A short hash of all weight files under the folders, for the record inside every take."""
    digest = hashlib.sha256()
    for file in (file for folder in folders for file in sorted(folder.rglob("*.safetensors"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
