"""Every recipe by name. Building one may render or read data; nothing happens on import."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from engine.runtime import on_gpu
from engine.training import checkpoint
from engine.training.trainer import Plan, Recipe

SHIPPED = Path("assets/pocket")


def codec(_runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """The pocket codec, encoder and decoder."""
    from engine.training.codec import CodecRecipe

    recipe = CodecRecipe(clips=64 if debug else 6_000, batch=_crops())
    return recipe, Plan(steps=20 if debug else 8_000, muon=0.0025, adam=1e-3, decay=0.9)


def decoder(_runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """The shipped codec's decoder alone: sharper pictures of what the transformer makes, the same latents."""
    from engine.training.decoder import DecoderRecipe

    recipe = DecoderRecipe(clips=64 if debug else 2_500, batch=_crops(), shipped=SHIPPED, origin=_told("codec"))
    return recipe, Plan(steps=20 if debug else 8_000, muon=6e-4, adam=3e-4, decay=0.8)


def single(runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """The pocket transformer and text encoder on single shots and stills."""
    from engine.training.diffusion import SINGLE_STAGE, DiffusionRecipe

    recipe = DiffusionRecipe(pool=runs / "pool", mix=SINGLE_STAGE, tokens=_tokens(debug=debug))
    return recipe, Plan(steps=20 if debug else 20_000, muon=0.003, adam=1.5e-3, decay=0.05, average=0.995)


def ablation(runs: Path, *, truth: bool, weight: bool, debug: bool) -> tuple[Recipe, Plan]:
    """Single shots for a while, with or without the truth head and the weight on actors."""
    recipe, plan = single(runs, debug=debug)
    recipe.model.truth_weight *= truth
    recipe.model.actor_weight = recipe.model.actor_weight if weight else 1.0
    return recipe, replace(plan, decay=0.5)


def scene(runs: Path, *, debug: bool, shared_places: bool = False, one_level: bool = False) -> tuple[Recipe, Plan]:
    """LCT: scenes of 2 to 9 shots together with single shots, from the averaged weights of ``single``.

    shared_places, one_level: the paper's choices taken back, for the ablation.
    """
    from engine.context import shared
    from engine.training.diffusion import SCENE_STAGE, DiffusionRecipe

    recipe = DiffusionRecipe(
        pool=runs / "pool",
        mix=SCENE_STAGE,
        tokens=_tokens(debug=debug),
        one_level=one_level,
        **_start(runs, "single"),
    )
    if shared_places:
        recipe.model.place = shared
    return recipe, Plan(steps=20 if debug else 20_000, muon=0.002, adam=1.2e-3, decay=0.6, average=0.995)


def causal(runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """LCT's context-causal tuning (section 3.3): an adapter on the weights that it ships beside."""
    from engine.training.diffusion import CAUSAL_STAGE, DiffusionRecipe

    recipe = DiffusionRecipe(pool=runs / "pool", mix=CAUSAL_STAGE, tokens=_tokens(debug=debug), **_shipped())
    recipe.model.tune_causal(rank=20)
    return recipe, Plan(steps=20 if debug else 1_500, adam=1e-3, decay=0.6, average=0.995)


def judge(_runs: Path, *, debug: bool) -> tuple[Recipe, Plan]:
    """The judge of the evaluation; trains on renders and, once the codec is shipped, on its round trips."""
    from engine.evaluation.judge_training import JudgeRecipe

    recipe = JudgeRecipe(clips=24 if debug else 8_000, codec=SHIPPED / "codec", batch=4 if debug else 16)
    return recipe, Plan(steps=20 if debug else 6_000, muon=0.003, adam=1.5e-3, warmup=50, decay=0.5)


def _tokens(*, debug: bool) -> int:
    """Tokens in a step: many small steps on a CPU, large ones on a GPU, which is idle otherwise."""
    return 800 if debug else 60_000 if on_gpu() else 4_500


def _crops() -> int:
    return 64 if on_gpu() else 10


def _start(runs: Path, recipe: str) -> dict[str, Any]:
    """Averaged weights of an earlier recipe's run; without one, training goes on from those that ship."""
    found = checkpoint.load(runs / recipe / "checkpoint")
    if found is None:
        return _shipped()
    numbers = {"recipe": recipe} | found[1]
    return {"start": checkpoint.under("average/", found[0]), "origin": _origin(numbers)}


def _shipped() -> dict[str, Any]:
    """The weights in the repository, and where they came from."""
    from engine.backbones.pocket import PARTS

    parts = {name: PARTS[name].from_pretrained(SHIPPED / name) for name in ("transformer", "text_encoder")}
    start = {
        f"{name}.{key}": value.float() for name, part in parts.items() for key, value in part.state_dict().items()
    }
    return {"start": start, "origin": _told("transformer")}


def _told(part: str) -> str:
    """Where a part of the shipped weights came from."""
    return _origin(json.loads((SHIPPED / part / "training.json").read_text()))


def _origin(facts: dict[str, Any]) -> str:
    """What a run had done, in words: ``facts`` of its checkpoint or of its training.json."""
    before = f", from {facts['started_from']}" if "started_from" in facts else ""
    step = facts.get("steps", facts.get("step"))
    return f"{facts['recipe']}, {step:,} steps and {facts['samples']:,} samples{before}"


RECIPES: dict[str, Callable[..., tuple[Recipe, Plan]]] = {
    "codec": codec,
    "decoder": decoder,
    "single": single,
    "scene": scene,
    "causal": causal,
    "judge": judge,
    "ablation-neither": partial(ablation, truth=False, weight=False),
    "ablation-truth": partial(ablation, truth=True, weight=False),
    "ablation-weight": partial(ablation, truth=False, weight=True),
    "ablation-both": partial(ablation, truth=True, weight=True),
    "ablation-shared-places": partial(scene, shared_places=True),
    "ablation-one-level": partial(scene, one_level=True),
    "ablation-lct": scene,
}
