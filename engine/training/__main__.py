"""Run a recipe: ``python -m engine.training RECIPE [--minutes M] [--out DIR] [--export DIR]``; resumes by itself."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import torch

from engine.arguments import positive
from engine.runtime import choose_runtime, keep_memory
from engine.training.recipes import RECIPES
from engine.training.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--minutes", type=positive(float), help="train this long in all (the rate decays to zero)")
    parser.add_argument("--steps", type=positive(int), help="train this many steps in all")
    parser.add_argument("--device", help="cpu or cuda; default: what there is")
    parser.add_argument("--debug", action="store_true", help="a few tiny steps")
    parser.add_argument("--export", type=Path, help="write shippable weights here when the run is over")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_memory()
    torch.manual_seed(0)
    try:
        device = choose_runtime(asked.device).device
        recipe, plan = RECIPES[asked.recipe](asked.runs, debug=asked.debug)
    except ValueError as error:
        parser.error(str(error))
    plan = replace(plan, minutes=asked.minutes, steps=asked.steps or plan.steps)
    trainer = Trainer(recipe=recipe, plan=plan, folder=asked.runs / asked.recipe, device=device)
    trainer.run()
    if asked.export and trainer.progress() >= 1:
        facts = {"recipe": asked.recipe, "steps": trainer.step, "samples": trainer.samples}
        recipe.export(asked.export, trainer.averaged, facts | {"minutes": round(trainer.seconds / 60, 1)})


if __name__ == "__main__":
    main()
