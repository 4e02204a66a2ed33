"""Whether the same one is in two clips."""

import pytest

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
