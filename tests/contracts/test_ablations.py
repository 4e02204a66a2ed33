"""The table of the ablations: every arm with the weights of its own run, under the rule that it was trained with."""

import pytest
import torch

import engine
from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import diagonal, shared
from engine.evaluation import ablations
from engine.evaluation.scoring import Row
from engine.methods import METHODS
from engine.training import checkpoint
from engine.training.recipes import RECIPES
from engine.world.caption import vocabulary


@pytest.fixture
def backbone(tiny_pocket):
    return engine.load(str(tiny_pocket), device="cpu")


def leave(runs, name, value):
    """A run whose averaged weights are all the same."""
    text = PocketTextEncoder(vocabulary=build_tokenizer(vocabulary()).get_vocab_size())
    parts = {"transformer": PocketTransformer(), "text_encoder": text}
    weights = {
        f"{part}.{key}": torch.full_like(x, value) for part, m in parts.items() for key, x in m.state_dict().items()
    }
    tensors = {f"average/{key}": x for key, x in weights.items()} | {
        f"model/{key}": x + 1 for key, x in weights.items()
    }
    (runs / f"ablation-{name}").mkdir(parents=True)
    checkpoint.save(runs / f"ablation-{name}" / "checkpoint", tensors, {"step": 7, "samples": 70, "seconds": 1.0})


def test_every_arm_of_the_table_is_a_recipe_and_every_recipe_an_arm():
    arms = {f"{ablations.PREFIX}{name}" for name in (*ablations.SHOTS, *ablations.SCENES)}
    assert arms == {name for name in RECIPES if name.startswith("ablation")}


def test_without_a_run_the_table_says_how_to_make_one(backbone, tmp_path):
    with pytest.raises(ValueError, match=r"holds no run of an ablation; python -m engine.training ablation-both"):
        list(ablations.ablations(backbone, None, limit=1, runs=tmp_path))


def test_arms_have_the_weights_and_the_places_of_their_runs(backbone, tmp_path, monkeypatch):
    seen = []

    def table(arm, _judge, *, limit, seeds):
        seen.append((arm.weights, float(arm.transformer.patch_in.bias[0]), METHODS["lct"].place, limit, seeds))
        yield from (Row("joint, seeds"), Row("truth, seeds"))

    monkeypatch.setattr(ablations, "joint", table)
    for name, value in (("shared-places", 0.5), ("lct", 0.25)):
        leave(tmp_path, name, value)
    rows = list(ablations.ablations(backbone, None, limit=3, seeds=2, runs=tmp_path))
    assert [row.name for row in rows] == ["joint: truth, seeds", "shared-places: joint, seeds", "lct: joint, seeds"]
    assert seen == [
        ("ablation-shared-places, 7 steps", 0.5, shared, 3, 2),
        ("ablation-lct, 7 steps", 0.25, diagonal, 3, 2),
    ]
    assert METHODS["lct"].place is diagonal
