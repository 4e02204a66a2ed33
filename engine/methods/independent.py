"""Each shot from its own prompt alone: the control that every other method must beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.context import Block, Placement, Rule, diagonal, joint
from engine.methods.base import Picture, Texts
from engine.methods.lct.joint import shot_blocks
from engine.scene import Scene


@dataclass(frozen=True)
class Independent:
    """No scene prompt, no other shot."""

    name: str = "independent"
    rule: Rule = staticmethod(joint)
    place: Placement = staticmethod(diagonal)

    def rounds(self, scene: Scene) -> tuple[tuple[int, ...], ...]:
        return tuple((shot,) for shot in scene.to_make)

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        (shot,) = [i for i, picture in pictures.items() if not picture.given]
        return shot_blocks(shot, texts, pictures[shot], patch=patch)
