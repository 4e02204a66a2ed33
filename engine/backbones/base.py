"""What every backbone offers; methods and the generator see this and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from engine.context import Block, Layout
from engine.runtime import Runtime
from engine.shapes import VideoShape


class Backbone(Protocol):
    """Turns blocks into tokens and tokens into a prediction; it never loops."""

    name: str
    runtime: Runtime
    patch: int
    shift: float  # of the sampler's schedule
    guidance: float  # default scale
    steps: int  # default number

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        """Sizes of a clip; raises ValueError for one that this backbone cannot make."""
        ...

    def encode_text(self, prompts: Sequence[str]) -> list[Tensor]:
        """Features [1, N, D] of each prompt; an empty prompt is the unconditional one."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, T, H, W] in -1..1 to latents [B, C, t, h, w]."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """The way back."""
        ...

    def predict(self, blocks: Sequence[Block], layout: Layout) -> list[Tensor]:
        """Velocities of the picture blocks, in order, in float32."""
        ...

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Words that this backbone's text encoder cannot know, as they were written."""
        ...

    def record(self) -> dict[str, Any]:
        """Name, weights' hash and versions: what a take must remember of its backbone."""
        ...
