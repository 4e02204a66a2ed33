"""Twenty steps on one scene bring the loss down; batches are a pure function of their random state."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.backbones.pocket_codec import PocketCodec
from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import causal
from engine.training.diffusion import DROP_TEXT, HARD, SCENE_STAGE, DiffusionRecipe, Drawer, Learner, Mix
from engine.training.pool import Pool, build, only, scene_of, window
from engine.world.caption import caption, lexicon, vocabulary


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    torch.manual_seed(0)
    codec = PocketCodec(widths=(12, 24, 24), encoder=(1, 1, 1), decoder=(1, 1, 1)).eval()
    several = [n for n in range(40) if len(scene_of(n, "train").shots) in (2, 3, 4)][:2]
    build(folder / "part-000", codec=codec, numbers=[0, *several])
    return Pool(folder)


def drawer(pool, mix):
    return Drawer(pool, build_tokenizer(vocabulary()), mix, tokens=500)


def learner():
    torch.manual_seed(0)
    text = PocketTextEncoder(vocabulary=build_tokenizer(vocabulary()).get_vocab_size(), width=32, heads=2, depth=1)
    return Learner(PocketTransformer(width=64, heads=2, depth=4, dual=1, text_width=32, axes=(8, 12, 12)), text)


def test_a_batch_repeats_with_its_random_state(pool):
    one, two = (drawer(pool, Mix(single=1, still=0, scene=0)).draw(random.Random(5)) for _ in range(2))
    assert torch.equal(one.latents[0], two.latents[0])
    assert torch.equal(one.noise[0], two.noise[0])
    assert torch.equal(one.ids, two.ids)


def test_hard_poses_are_drawn_twice_as_often_alone_and_as_often_in_scenes(pool):
    runs = drawer(pool, SCENE_STAGE).runs
    hard = {
        (i, k)
        for i, scene in enumerate(pool.scenes)
        for k, shot in enumerate(scene.shots)
        if HARD & {actor.action for actor in shot.actors}
    }
    assert {runs[1, False].count(pick) for pick in hard & set(runs[1, False])} == {2}
    assert {runs[1, False].count(pick) for pick in set(runs[1, False]) - hard} == {1}
    assert len(set(runs[2, False])) == len(runs[2, False])


def test_every_shot_has_a_level_of_its_own_and_one_is_always_made(pool):
    draws = drawer(pool, SCENE_STAGE)
    picks = draws.runs[2, False][:1] * 8
    batch = draws.batch(picks, [1, 1], has_scene=True, rng=random.Random(1))
    assert len(batch.levels.unique()) == 16
    assert (~batch.given).any(dim=1).all()
    assert len(batch.ids) == 8 * 3


def test_words_of_a_shot_alone_tell_how_its_characters_look(pool):
    """Else they teach that words matter little."""
    draws, told = drawer(pool, Mix(single=1, still=0, scene=0)), 0
    picks = draws.runs[1, False][:1] * 200
    character = only(pool.scenes[picks[0][0]], picks[0][1]).characters[0]
    names = {word for phrase in lexicon()["species"][character.species] for word in phrase.split()}
    batch = draws.batch(picks, [1], has_scene=False, rng=random.Random(0))
    for row in batch.ids.tolist():
        told += bool(names & set(draws.tokenizer.decode(row).split()))
    assert told > 0.85 * (1 - DROP_TEXT) * len(picks)


def test_forgotten_shots_are_told_of_as_if_they_were_seen(pool, monkeypatch):
    """History dropped alone: the prompts leave to the first shot what it shows, and it is not there."""
    seen = []
    monkeypatch.setattr("engine.training.diffusion.caption", lambda *a, **k: seen.append(k["pictured"]) or caption(*a))
    always = replace(SCENE_STAGE, forgotten=1.0, untold=1.0)
    draws = drawer(pool, always)
    batch = draws.batch(draws.runs[2, False][:2], [1, 5], has_scene=True, rng=random.Random(1))
    assert seen == [(0,), (0,)]
    assert [x.shape[2] for x in batch.latents] == [5]
    assert batch.levels.shape == batch.given.shape == (2, 1)
    assert not batch.given.any()
    assert len(batch.ids) == 2 * (1 + 1)
    whole = drawer(pool, replace(always, forgotten=0.0)).batch([(1, 0)], [1, 5], has_scene=True, rng=random.Random(1))
    cut = whole.without(1)
    assert torch.equal(cut.ids, whole.ids[[0, 2]])
    assert torch.equal(cut.latents[0], whole.latents[1])
    learner()(batch)[0].backward()


def test_the_loss_of_one_scene_falls_and_gradients_reach_everything(pool):
    draws = drawer(pool, SCENE_STAGE)
    batch = draws.batch(draws.runs[2, False][:2], [5, 1], has_scene=True, rng=random.Random(0))
    model = learner()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(20):
        loss, parts = model(batch)
        loss.backward()
        optimizer.step()
        missing = [n for n, p in model.named_parameters() if p.grad is None]
        optimizer.zero_grad(set_to_none=False)
        losses.append(loss.item())
    assert not missing
    assert losses[-1] < 0.75 * losses[0]
    assert {"flow", "truth", "species", "place"} <= set(parts)


def test_causal_tuning_trains_a_small_adapter_and_starts_from_what_was_known(pool):
    draws = drawer(pool, SCENE_STAGE)
    batch = draws.batch(draws.runs[2, False][:2], [5, 1], has_scene=True, rng=random.Random(0))
    model = learner()
    model.rule = causal
    before, _ = model(batch)
    model.tune_causal(rank=4)
    after, _ = model(batch)
    after.backward()
    assert torch.equal(before, after)
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert all("lora" in name for name in trained)
    assert len(trained) > 0
    assert all(value.grad is not None for name, value in model.named_parameters() if name in trained)


def test_what_goes_on_from_a_shot_that_is_shortened_begins_with_a_cut():
    """Else words that promise to go on stand beside a jump."""
    scene = next(s for s in (scene_of(n, "train") for n in range(99)) if not all(shot.cut for shot in s.shots[1:]))
    going = next(k for k, shot in enumerate(scene.shots) if k and not shot.cut)
    whole = (scene.shots[going - 1].frames - 1) // 4 + 1
    cuts = {n: [shot.cut for shot in window(scene, going - 1, (n, 2)).shots] for n in (1, whole - 1, whole)}
    assert cuts == {1: [True, True], whole - 1: [True, True], whole: [True, False]}


def test_single_shots_and_windows_are_scenes_of_their_own():
    scene = next(s for s in (scene_of(n, "train") for n in range(99)) if len(s.shots) > 3 and len(s.characters) == 2)
    for k, shot in enumerate(scene.shots):
        alone = only(scene, k)
        assert len(alone.characters) == len(shot.actors)
        assert alone.shots[0].cut
        names = [scene.characters[a.character] for a in shot.actors]
        assert [alone.characters[a.character] for a in alone.shots[0].actors] == names
    assert len(window(scene, 1, (5, 5)).shots) == 2


def test_what_ships_are_the_averaged_weights_and_what_they_came_from(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.training.diffusion.speed_up", lambda: None)  # this process has other tests to run
    folder = Path(pool.parts[0][0].filename).parent.parent
    names = PocketTransformer().state_dict()
    start = {f"transformer.{name}": torch.zeros_like(value) for name, value in names.items()}
    recipe = DiffusionRecipe(pool=folder, mix=SCENE_STAGE, start=start, origin="zeros")
    assert not any(weight.any() for weight in recipe.model.transformer.state_dict().values())
    learned = {name: torch.ones_like(value) for name, value in recipe.model.state_dict().items()}
    recipe.export(tmp_path, learned, {"recipe": "scene"})
    shipped = PocketTransformer.from_pretrained(tmp_path / "transformer").state_dict()
    assert all((value == 1).all() for value in shipped.values())
    facts = json.loads((tmp_path / "transformer" / "training.json").read_text())
    assert (facts["recipe"], facts["started_from"]) == ("scene", "zeros")
