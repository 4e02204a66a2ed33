"""What every backbone offers; methods and the generator see this and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from torch import Tensor

from engine.context import Block, Layout, Memory
from engine.events import CancelToken
from engine.runtime import Runtime
from engine.samplers.flow import Predict
from engine.shapes import VideoShape

Start = tuple[tuple[int, ...], int]  # (C, t, h, w) of a shot, and its seed
Walked = tuple[int, dict[int, Tensor], dict[int, Tensor]]


class Sizes(Protocol):
    """What it takes to count a scene's tokens; known before any weights are loaded (``backbones.sizes``)."""

    patch: int
    text: Literal["placed", "unplaced", "crossed"]  # how prompts stand in a context (``lay_out``)
    fps: int  # of the films that it learned from
    size: tuple[int, int]  # their height and width in pixels, where nothing else is asked for
    guidance: float  # default scale of the text
    history_guidance: float  # default scale of given and earlier shots; 1 is off
    steps: int  # default number
    window: int  # tokens of the longest context it was trained on
    history_noise: int  # default t_c of finished shots in a context, 0..999

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        """Sizes of a clip; raises ValueError for one that this backbone cannot make."""
        ...

    def text_tokens(self, prompt: str) -> int:
        """N of ``encode_text``, without running anything; without weights the most that it may be."""
        ...

    def unread(self, prompt: str) -> int:
        """Tokens at the end of a prompt that would not be read; 0 where cutting is the pipeline's own business."""
        ...


class Backbone(Sizes, Protocol):
    """Turns blocks into tokens and tokens into a prediction; it never loops."""

    name: str
    runtime: Runtime
    head: int  # width of one of its attention's heads

    def encode_text(self, prompts: Sequence[str]) -> list[Tensor]:
        """Features [1, N, D] of each prompt; an empty prompt is the unconditional one."""
        ...

    def encode_whole(self, parts: Sequence[str]) -> list[Tensor]:
        """Features [1, N, D] of the parts of one text, which is encoded as a whole; ValueError where none was so."""
        ...

    def pool_text(self, prompts: Sequence[str]) -> list[Tensor | None]:
        """What the model reads of each prompt beside its tokens, [1, D], or None."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, T, H, W] in -1..1 to latents [B, C, t, h, w]."""
        ...

    def decode(self, latents: Tensor, cancel: CancelToken | None = None) -> Tensor:
        """The way back; ``cancel`` is read before every piece that is decoded at once."""
        ...

    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:
        """Velocities of the picture blocks, in order, in float32, without those that ``past`` remembers.

        ``blocks`` are those of the layout; ``past`` is the memory of the leading ones, which are not computed again.
        """
        ...

    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        """Keys and values of blocks under a causal rule, for later calls; arguments as in ``predict``."""
        ...

    def tuned(self, name: str) -> Backbone:
        """This backbone with weights tuned for a method; ValueError says what training they would take."""
        ...

    def add_noise(self, latents: Tensor, noise: Tensor, level: float) -> Tensor:
        """Clean latents as the model expects them at a noise level 0..1."""
        ...

    def advice(self, method: str) -> str | None:
        """What a creator should know before this backbone runs a method; None where it was trained for it."""
        ...

    def denoise(self, shots: Mapping[int, Start], predict: Predict, steps: int) -> Iterator[Walked]:
        """Walk shots from the noise of their seeds to clean with the model's own sampler.

        Yields (steps done, samples [1, C, t, h, w], clean estimates) as ``samplers.denoise``.
        """
        ...

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Words that this backbone's text encoder cannot know, as they were written."""
        ...

    def record(self) -> dict[str, Any]:
        """Name, weights' hash and versions: what a take must remember of its backbone."""
        ...
