"""Whether the same one is in two clips."""

import shutil

import pytest

from engine.evaluation.judge import FOLDER, Judge
from engine.identity import LOOKS, characters, likeness
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng

FOX = {"species": "fox", "colour": "red", "accessory": "crown"}
BEAR = {"species": "bear", "colour": "blue", "accessory": "none"}


def test_the_same_ones_agree_in_whatever_order_they_stand():
    assert likeness([FOX, BEAR], [BEAR, FOX]).share == 1
    assert likeness([FOX], [BEAR, FOX]).changed == ()


def test_what_changed_is_named_from_before_to_after():
    found = likeness([FOX], [FOX | {"colour": "blue"}])
    assert found.share == pytest.approx(2 / 3)
    assert found.changed == (("colour", "red", "blue"),)
    assert likeness([BEAR, FOX | {"accessory": "none"}], [FOX]).changed == (("accessory", "none", "crown"),)


def test_nobody_is_like_nobody():
    assert likeness([], [FOX]) is None


def test_the_judge_reads_who_was_drawn():
    right = []
    for number in range(6):
        scene = sample_scene(scene_rng("seeds", number), split="seeds", shots=1, frames=9)
        found = characters(render(scene, 0).frames)
        drawn = [scene.characters[actor.character] for actor in scene.shots[0].actors]
        truth = [{name: getattr(one, name) for name in LOOKS} for one in drawn]
        right.append(likeness(truth, found).share)
    assert sum(right) / len(right) > 0.9


@pytest.mark.parametrize("damage", ["cut", "gone", "settings"])
def test_a_damaged_judge_is_said_in_one_sentence(tmp_path, damage):
    folder = shutil.copytree(FOLDER, tmp_path / "judge")
    weights, settings = folder / "diffusion_pytorch_model.safetensors", folder / "config.json"
    match damage:
        case "cut":
            weights.write_bytes(weights.read_bytes()[:9_000])
        case "gone":
            weights.unlink()
        case "settings":
            settings.write_text("[")
    with pytest.raises(
        ValueError, match=r"judge is missing or damaged; restore the folder \(git checkout -- assets/j"
    ):
        Judge.load(folder)
