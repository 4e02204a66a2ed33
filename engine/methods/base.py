"""What a method is: which blocks stand in a context, and in which rounds the shots are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from engine.context import Block, Placement, Rule
from engine.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Encoded prompts, each [B, N, D]: the scene's and every shot's.

    lengths: [1 + shots, B] if they are padded. pooled: for the scene and every shot what a model reads beside the
    tokens, [B, D] or None.
    """

    scene: Tensor
    shots: tuple[Tensor, ...]
    lengths: Tensor | None = None
    pooled: tuple[Tensor | None, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A shot's latents [B, C, t, h, w] at a noise level 0..1 (one, or one a row [B]), being made or given."""

    latents: Tensor
    level: float | Tensor
    given: bool = False


class Method(Protocol):
    """Methods see blocks and rules, never a kernel and never a named backbone.

    cached: what stands before the shots being made never looks at them, so it is computed once (``History``).
    tuning: the name of weights that the method needs beside the backbone's own, or None.
    """

    name: str
    rule: Rule
    place: Placement
    cached: bool
    tuning: str | None

    def rounds(self, scene: Scene, group: int | None = None) -> tuple[tuple[int, ...], ...]:
        """Shots to make, in groups that are denoised together, in order; at most ``group`` in each."""
        ...

    def context(self, scene: Scene, making: Sequence[int], made: Sequence[int]) -> tuple[int, ...]:
        """Which of the given and ``made`` shots the shots of a round look at."""
        ...

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        """The context of one round; ``pictures`` holds the shots being made and those they look at."""
        ...
