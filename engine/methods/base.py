"""What a method is: which blocks stand in a context, and in which rounds the shots are made."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from engine.context import CUT, PLAINLY, Block, Placement, Rule, Telling
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


@dataclass(frozen=True, kw_only=True)
class Taught:
    """What a method of LCT's kind shares with the others: each prompt stands alone, a true cut carries LCT's tag."""

    telling: Telling = PLAINLY
    layers: range | None = None
    whole: bool = False
    continues: bool = False

    def words(self, scene: Scene, index: int) -> str:
        shot = scene.shots[index]
        bare = re.sub(r"^\s*\[shot cut\]\s*", "", shot.prompt, flags=re.IGNORECASE).strip()
        return f"{CUT} {bare}" if shot.cut else bare

    def parts(self, scene: Scene) -> list[str]:
        return [scene.prompt, *(self.words(scene, index) for index in range(len(scene.shots)))]


class Method(Protocol):
    """Methods see blocks and rules, never a kernel and never a named backbone.

    cached: what stands before the shots being made never looks at them, so it is computed once (``History``).
    tuning: the name of weights that the method needs beside the backbone's own, or None.
    telling, layers: how prompts are read where they are cross-attended, and the layers in which the rules hold.
    whole: the prompts are encoded as the ``parts`` of one text. continues: a shot that goes on begins with the last
    picture of the one before, and is made after it.
    """

    name: str
    rule: Rule
    place: Placement
    cached: bool
    tuning: str | None
    telling: Telling
    layers: range | None
    whole: bool
    continues: bool

    def rounds(self, scene: Scene, group: int | None = None) -> tuple[tuple[int, ...], ...]:
        """Shots to make, in groups that are denoised together, in order; at most ``group`` in each."""
        ...

    def context(self, scene: Scene, making: Sequence[int], made: Sequence[int]) -> tuple[int, ...]:
        """Which of the given and ``made`` shots the shots of a round look at."""
        ...

    def words(self, scene: Scene, index: int) -> str:
        """A shot's prompt as the model was taught to read it."""
        ...

    def parts(self, scene: Scene) -> list[str]:
        """Where ``whole``: the text of the scene and of every shot, which together are what the model reads."""
        ...

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        """The context of one round; ``pictures`` holds the shots being made and those they look at."""
        ...


def going_on(method: Method, scene: Scene, shots: Sequence[int], seen: Collection[int]) -> tuple[int, ...]:
    """Those of the ``shots`` of a round that begin with the last picture of the one before, which is ``seen``."""
    return tuple(k for k in shots if method.continues and scene.goes_on(k) and k - 1 in seen)
