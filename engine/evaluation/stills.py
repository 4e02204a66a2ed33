"""A shot from two pictures: a character from one, a place from the other, and neither was told in words.

LCT section 4.3 (compositional generation): stills are shots of one frame, so nothing is added to the model.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.judge import Judge
from engine.evaluation.scoring import Row, movement, score
from engine.evaluation.tables import FIRST, SPLITS, TESTED, as_take, film, there_and_back
from engine.scene import Take
from engine.world.caption import Caption, caption
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.spec import PLACES, SPECIES, UNSEEN, Actor, Character, SceneSpec

MADE = 2  # the shot to make; the two before it are stills


def stills(backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 1) -> Iterator[Row]:
    """Rows: from both stills, from those of another case, from none, and controls. *both*: looks and place right."""
    names = ("two stills", "stills of another case", "no stills", "truth", "round trip")
    for split in SPLITS:
        rows = {name: Row(f"{name}, {split}") for name in names}
        others = _pictures(two_stills(split, FIRST + limit)[0], backbone)
        for n in range(FIRST, FIRST + limit):
            scene, said = two_stills(split, n)
            real, own = render(scene, MADE).frames, _pictures(scene, backbone)
            for seed in range(seeds):
                for name, given in zip(names[:3], (own, others, {}), strict=True):
                    made = film(scene, said, backbone, given=given, seed=n * seeds + seed)[MADE].frames
                    rows[name].add(n, _right(judge, made, scene) | {"motion": movement(made, real)})
            rows["truth"].add(n, _right(judge, real, scene) | {"motion": 1.0})
            rows["round trip"].add(n, _right(judge, there_and_back(backbone, real), scene))
            others = own
        yield from rows.values()


def two_stills(split: str, number: int) -> tuple[SceneSpec, Caption]:
    """A still of a character elsewhere, one of the place with another character, and the shot that joins them."""
    rng = scene_rng(f"{split}/stills", number)
    drawn = sample_scene(rng, split=split, shots=1, frames=TESTED)
    hero, shot = drawn.characters[drawn.shots[0].actors[0].character], drawn.shots[0]
    alone = replace(shot.actors[0], character=0, x=shot.actors[0].x if len(shot.actors) == 1 else 0.0)
    shot = replace(shot, actors=(alone,))
    elsewhere = rng.choice([place for place in PLACES if place != shot.place and place not in UNSEEN["place"]])
    plain = {"camera": "static", "prop": "none", "frames": 1, "focus": 0.0, "start": 0}
    face = replace(
        shot, actors=(_standing(0, rng),), place=elsewhere, weather="clear", time="day", framing="medium", **plain
    )
    view = replace(shot, actors=(_standing(1, rng),), framing="wide", **plain)
    species = rng.choice([s for s in SPECIES if s != hero.species and s not in UNSEEN["species"]])
    other = Character(species=species, colour="white" if hero.colour != "white" else "blue")
    scene = replace(drawn, characters=(hero, other), shots=(face, view, shot))
    return scene, caption(scene, rng, pictured=(0, 1))


def _standing(character: int, rng: random.Random) -> Actor:
    return Actor(character=character, action="stand", facing=rng.choice((-1, 1)))


def _pictures(scene: SceneSpec, backbone: Backbone) -> dict[int, Take]:
    return {k: as_take(render(scene, k).frames, backbone) for k in range(MADE)}


def _right(judge: Judge, frames: Tensor, scene: SceneSpec) -> dict[str, float]:
    right = score(judge, frames, scene, MADE)
    return right | {"both": float(right["species"] and right["colour"] and right["place"])}
