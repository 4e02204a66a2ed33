"""What the codec's decoder learns from, with the weights that ship."""

import json
from pathlib import Path

import pytest
import torch

from engine.backbones.pocket import PocketBackbone
from engine.backbones.pocket_codec import PocketCodec
from engine.samplers import noise_levels
from engine.training.decoder import FRAMES, STEPS, DecoderRecipe, remake

SHIPPED = Path(__file__).parents[2] / "assets" / "pocket"


@pytest.fixture(scope="module")
def recipe():
    return DecoderRecipe(clips=4, batch=2, shipped=SHIPPED, origin="the shipped codec")


def test_latents_that_the_transformer_made_are_near_the_true_ones_but_not_the_same(recipe):
    true, made = recipe.true.float(), recipe.made.float()
    assert true.shape == made.shape == (4, 16, 3, 10, 16)
    assert 0.001 < (made - true).square().mean() < 0.5 * true.square().mean()


def test_the_transformer_takes_more_noise_away_than_it_leaves(recipe, monkeypatch):
    monkeypatch.setattr("engine.training.decoder.LAST", 1)
    level = float(noise_levels(STEPS, shift=PocketBackbone.shift)[-2])
    true = recipe.true.float()
    made = remake(PocketBackbone.from_folder(SHIPPED), true, ["Character 1 stands."] * 4, seed=0)
    noisy = (true - torch.randn(true.shape, generator=torch.Generator().manual_seed(1))).square().mean() * level**2
    assert (made - true).square().mean() < noisy


def test_a_step_moves_the_decoder_and_the_critic_and_never_the_encoder(recipe):
    loss, parts, count = recipe.loss(0, torch.device("cpu"))
    loss.backward()
    moved = {name for name, weight in recipe.model.named_parameters() if weight.grad is not None}
    kept = {name for name, _ in recipe.model.named_parameters()} - moved
    assert kept
    assert all(name.startswith(("codec.stem", "codec.encode_", "codec.to_")) for name in kept)
    assert any(name.startswith("critic.") for name in moved)
    assert any(name.startswith("codec.head") for name in moved)
    assert count == 2
    assert parts["psnr"] > 19  # latents one cell or one frame off would leave 14 to 17


def test_the_critic_learns_from_its_own_mistakes_alone(recipe, monkeypatch):
    def learned():
        recipe.model.zero_grad()
        recipe.loss(1, torch.device("cpu"))[0].backward()
        return torch.cat([weight.grad.flatten() for weight in recipe.model.critic.parameters()])

    heard = learned()
    monkeypatch.setattr("engine.training.decoder.CRITIC_WEIGHT", 100.0)
    assert torch.equal(learned(), heard)


def test_a_draw_is_a_function_of_its_step(recipe):
    for one, other in zip(recipe._draw(3), recipe._draw(3), strict=True):
        assert torch.equal(one, other)
    pixels, latents, actor, looked = recipe._draw(3)
    assert pixels.shape == (2, 3, FRAMES, 48, 80)
    assert latents.shape == (2, 16, 3, 6, 10)
    assert actor.shape == (2, FRAMES, 12, 20)
    assert int(looked.max()) < FRAMES - 1


def test_what_is_exported_has_the_encoder_as_it_was_and_says_where_it_came_from(recipe, tmp_path):
    state = {name: value.clone() for name, value in recipe.model.state_dict().items()}
    state["codec.head.bias"] += 1
    try:
        recipe.export(tmp_path, state, {"recipe": "decoder", "steps": 1})
    finally:
        recipe.model.float()
    new, old = (PocketCodec.from_pretrained(folder / "codec").state_dict() for folder in (tmp_path, SHIPPED))
    assert new.keys() == old.keys()
    assert {name for name in new if not torch.equal(new[name].half(), old[name].half())} == {"head.bias"}
    assert json.loads((tmp_path / "codec" / "training.json").read_text())["started_from"] == "the shipped codec"
    assert "_name_or_path" not in json.loads((tmp_path / "codec" / "config.json").read_text())
