"""Every recipe by name. Building one may render or read data; nothing happens on import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.training.trainer import Plan, Recipe


def codec(_runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """The pocket codec, encoder and decoder."""
    from engine.training.codec import CodecRecipe

    recipe = CodecRecipe(clips=64 if debug else 6_000)
    return recipe, Plan(steps=20 if debug else 8_000, muon=0.004, adam=1.5e-3, warmup=50)


RECIPES: dict[str, Callable[..., tuple[Recipe, Plan]]] = {"codec": codec}
