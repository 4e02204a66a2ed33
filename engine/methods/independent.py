"""Each shot from its own prompt alone: the control that every other method must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.context import Block, Placement, Rule, diagonal, joint
from engine.methods.base import Picture, Taught, Texts
from engine.methods.lct import shot_blocks
from engine.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Independent(Taught):
    """No scene prompt, no other shot."""

    name: str = "independent"
    rule: Rule = staticmethod(joint)
    place: Placement = staticmethod(diagonal)
    cached: bool = False
    tuning: str | None = None

    def rounds(self, scene: Scene, group: int | None = None) -> tuple[tuple[int, ...], ...]:  # noqa: ARG002 - always 1
        return tuple((shot,) for shot in scene.to_make)

    def context(self, scene: Scene, making: Sequence[int], made: Sequence[int]) -> tuple[int, ...]:  # noqa: ARG002
        return ()

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        ((shot, shown),) = pictures.items()
        return shot_blocks(shot, texts, shown, patch=patch)
