"""All that passes from the engine to whoever watches it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.scene import Take


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step of work is done. ``shots`` are the indices (from 0) being made."""

    stage: str  # "denoise" or "decode"
    step: int
    steps: int
    shots: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A cheap look at an unfinished shot: uint8 (frames, height, width, 3), smaller than the film."""

    shot: int
    frames: Tensor


@dataclass(frozen=True, kw_only=True)
class Denoised:
    """A round's shots exist as latents, not yet decoded; whoever keeps them can ``decode_take`` after a crash.

    takes: by shot index, their frames empty.
    """

    takes: dict[int, Take]


@dataclass(frozen=True, kw_only=True)
class ShotDone:
    """A shot is finished: its take holds frames, latents and what made them."""

    shot: int
    take: Take


@dataclass(frozen=True, kw_only=True)
class Finished:
    """All asked-for shots are made, in scene order."""

    takes: tuple[Take, ...]
    seconds: float


Event = Progress | Preview | Denoised | ShotDone | Finished


class Cancelled(Exception):  # noqa: N818 - it is an outcome, not an error
    """Raised inside the engine when the token was set; shots already yielded stay valid."""


@dataclass
class CancelToken:
    """Set from any thread; the engine reads it before every denoising step and decode chunk."""

    _event: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled
