"""Device and number format, each chosen once and with its reason; generators; nothing runs on import."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.autograd.profiler_legacy import profile

OFFLOADS = ("none", "model", "group")  # parts stay on the device; wait in main memory; come layer by layer
SPARE = 2 << 30  # bytes that a forward pass gets beside the weights, at least


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and in which number format a model runs, and why.

    offload: where its parts wait, one of ``OFFLOADS``; waiting: why, in a sentence.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    offload: str = "none"
    waiting: str = ""

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)


def choose_runtime(device: str | None = None) -> Runtime:
    """CUDA when there is one, else the CPU; bfloat16 where the hardware multiplies it natively.

    ValueError for a device that is not here.
    """
    gpus = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    if device is not None and device not in ("cpu", *gpus):
        raise ValueError(f"device is {device!r}; this machine has {', '.join(['cpu', *gpus])}")
    chosen = torch.device(device or ("cuda" if gpus else "cpu"))
    if chosen.type == "cuda":
        if torch.cuda.is_bf16_supported():
            return Runtime(device=chosen, dtype=torch.bfloat16, reason="this GPU multiplies bfloat16 natively")
        return Runtime(device=chosen, dtype=torch.float32, reason="this GPU has no native bfloat16")
    if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001 - no public query
        return Runtime(device=chosen, dtype=torch.bfloat16, reason="this processor multiplies bfloat16 natively")
    return Runtime(device=chosen, dtype=torch.float32, reason="this processor has no bfloat16 instructions")


def check_offload(wish: str | None) -> None:
    """ValueError for a wish that is none of ``OFFLOADS``; None leaves the choice to ``place_weights``."""
    if wish is not None and wish not in OFFLOADS:
        raise ValueError(f"offload is {wish!r}; it is one of {', '.join(OFFLOADS)}")


def place_weights(runtime: Runtime, wish: str | None, *, name: str, memory: int, part: int) -> Runtime:
    """The runtime with where weights wait: as wished, or (None) as far away as they must.

    memory, part: bytes of all weights, and of the largest part. ValueError, with the remedy, when they do not fit.
    """
    check_offload(wish)
    room = free_memory(torch.device("cpu"))
    gpu = free_memory(runtime.device) if runtime.device.type == "cuda" else None
    needs = {"none": memory + SPARE, "model": part + SPARE, "group": SPARE}
    chosen = wish or next((one for one in OFFLOADS if gpu is None or needs[one] <= gpu), "group")
    if gpu is not None and needs[chosen] > gpu:
        nearest = next((one for one in OFFLOADS if needs[one] <= gpu), None)
        remedy = f"--offload {nearest} needs less" if nearest else "close what else runs on it or take a smaller model"
        raise ValueError(f"{name} needs {_gib(needs[chosen])} of the GPU's memory and {_gib(gpu)} are free; {remedy}")
    if room is not None and memory > room and (gpu is None or chosen != "none"):
        raise ValueError(
            f"{name} needs {_gib(memory)} of main memory and {_gib(room)} are free; close other programs or take a "
            "smaller model"
        )
    about = {"none": "all parts stay on the device", "model": "parts wait in main memory until they are used"}
    waiting = about.get(chosen, "layers wait in main memory until they are used, which is slow")
    why = "as asked" if wish else f"{_gib(memory)} of weights" + ("" if gpu is None else f" and {_gib(gpu)} free")
    return replace(runtime, offload=chosen, waiting=f"{waiting} ({why})")


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a device now, None where nobody knows."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _counted("MemAvailable")


def all_memory(device: torch.device) -> int | None:
    """Bytes that a device has, in use or not, None where nobody knows."""
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else _counted("MemTotal")


def _counted(name: str) -> int | None:
    """Bytes of main memory, by what the system calls them."""
    table = Path("/proc/meminfo")
    lines = table.read_text().splitlines() if table.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


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

    What torch allocated, on a CPU in this thread, so that the same work takes the same.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.bytes = device, 0

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            self.start = torch.cuda.memory_allocated(self.device)
        else:
            # the public profiler sees the same and writes to stderr
            torch.autograd._enable_profiler_legacy(profile(profile_memory=True).config())  # noqa: SLF001
        return self

    def __exit__(self, *_: object) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            self.bytes = torch.cuda.max_memory_allocated(self.device) - self.start
            return
        used = 0
        for thread in torch.autograd._disable_profiler_legacy():  # noqa: SLF001
            for event in thread:
                if event.kind() == "memory_alloc":  # negative when it is given back
                    used += event.cpu_memory_usage()
                    self.bytes = max(self.bytes, used)


def finish(device: torch.device) -> None:
    """Wait for what was asked of a device, so that a clock sees it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def noise(shape: tuple[int, ...], seed: int, device: torch.device) -> torch.Tensor:
    """Gaussian noise drawn on the CPU, so that a seed means the same film on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def fingerprint(*folders: Path) -> str:
    """A short hash of all weight files under the folders, for the record inside every take."""
    digest = hashlib.sha256()
    for file in (file for folder in folders for file in sorted(folder.rglob("*.safetensors"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
