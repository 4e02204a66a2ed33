"""The table of the ablations: the same training with one choice taken back, by the runs that are there.

Each arm is read from the averaged weights of its run (``python -m engine.training ablation-...``), never from an
export, which may hold a share of other weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.backbones.pocket import PocketBackbone
from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import Placement, diagonal, shared
from engine.evaluation.judge import Judge
from engine.evaluation.scoring import Row
from engine.evaluation.tables import joint, single
from engine.methods import METHODS
from engine.training import checkpoint
from engine.world.caption import vocabulary

PREFIX = "ablation-"
SHOTS = ("neither", "truth", "weight", "both")  # arms of single shots; the last is what the recipe does
SCENES = ("one-level", "shared-places", "lct")  # arms of scenes; the last is what the recipe does


def ablations(
    backbone: PocketBackbone, judge: Judge, *, limit: int, seeds: int = 1, runs: Path = Path("runs")
) -> Iterator[Row]:
    """Rows of every arm whose run is there, after the controls of its table; ValueError when there is none."""
    if not any(_found(runs, name) for name in (*SHOTS, *SCENES)):
        raise ValueError(
            f"{runs} holds no run of an ablation; python -m engine.training {PREFIX}{SHOTS[-1]} --minutes 20 makes one"
        )
    tables = ("single", single, SHOTS, ("generated",)), ("joint", joint, SCENES, ("joint", "independent"))
    for title, table, names, mine in tables:
        told = False  # controls are the same for all arms
        for name in filter(lambda name: _found(runs, name), names):
            arm = _arm(backbone, runs, name)
            with _placed(shared if name == "shared-places" else diagonal):
                rows = list(table(arm, judge, limit=limit, seeds=seeds))
            controls = (row for row in rows if not row.name.startswith(mine) and not told)
            yield from (replace(row, name=f"{title}: {row.name}") for row in controls)
            yield from (replace(row, name=f"{name}: {row.name}") for row in rows if row.name.startswith(mine))
            told = True


def _found(runs: Path, name: str) -> bool:
    return checkpoint.load(runs / f"{PREFIX}{name}" / "checkpoint") is not None


def _arm(backbone: PocketBackbone, runs: Path, name: str) -> PocketBackbone:
    """The backbone with the transformer and the text encoder of a run, and the codec and format of its own."""
    tensors, numbers = checkpoint.load(runs / f"{PREFIX}{name}" / "checkpoint")
    weights, tokenizer = checkpoint.under("average/", tensors), build_tokenizer(vocabulary())
    parts = {
        "transformer": PocketTransformer(),
        "text_encoder": PocketTextEncoder(vocabulary=tokenizer.get_vocab_size()),
    }
    for part, model in parts.items():
        model.load_state_dict(checkpoint.under(f"{part}.", weights))
    arm = PocketBackbone(**parts, codec=backbone.codec, runtime=backbone.runtime, folder=backbone.folder)
    arm.tokenizer, arm.weights = tokenizer, f"{PREFIX}{name}, {numbers['step']} steps"
    return arm


@contextmanager
def _placed(place: Placement) -> Iterator[None]:
    """LCT with its shots at the places that an arm was trained with."""
    kept = METHODS["lct"]
    METHODS["lct"] = replace(kept, place=place)
    try:
        yield
    finally:
        METHODS["lct"] = kept
