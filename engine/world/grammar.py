"""How scenes are put together: who, where, and cuts as an editor would make them.

Splits never share a random stream. "train" and "seeds" draw from one distribution; "combinations" holds at least one
pair that training never shows in every scene; "unseen" holds the species, accessory and place kept for finetuning;
"judge" holds everything, so that who reads the pictures favours nothing.
"""

from __future__ import annotations

import random
from dataclasses import replace

from engine.world.spec import (
    ACCESSORIES,
    ACTIONS,
    CAMERAS,
    COLOURS,
    FRAMINGS,
    INDOOR,
    PLACES,
    PROPS,
    SPECIES,
    TIMES,
    UNSEEN,
    WEATHERS,
    Actor,
    Character,
    SceneSpec,
    ShotSpec,
)
from engine.world.view import PAN, actor_x, camera_x, speed, view_width

SPLITS = ("train", "seeds", "combinations", "unseen", "judge")
FREE = ("combinations", "unseen", "judge")  # splits in which every place goes with every action
NAMES = tuple(
    "Ruby Max Luna Leo Mia Otto Nora Finn Lily Hugo Zoe Oscar Ella Sam Ivy Theo Rosa Ben Anna Tom Bella Jack Lola "
    "Milo Emma Felix Kate Noah Daisy Charlie Molly Toby Grace Rex Pip Coco Poppy Bruno Clara Gus".split()
)
CONTINUES = 0.15  # of later shots go on without a cut
RETURNS = 0.25  # of longer scenes visit a second place and come back
SIDE = 0.85  # world units between the middle and each of two actors


def held_out_pair(species: str, colour: str) -> bool:
    """Species and colour that training never shows together: one colour in eight for every species."""
    return (SPECIES.index(species) + 3 * COLOURS.index(colour)) % 8 == 0


def held_out_setting(place: str, action: str) -> bool:
    """Place and action that training never shows together: one place in nine for every action."""
    return (PLACES.index(place) + 2 * ACTIONS.index(action)) % 9 == 4


def may_act(split: str, place: str, action: str) -> bool:
    """Whether a split shows an action at a place."""
    return split in FREE or not held_out_setting(place, action)


def scene_rng(split: str, number: int) -> random.Random:
    """The random state of scene ``number`` of a split."""
    return random.Random(f"{split}/{number}")


def sample_scene(
    rng: random.Random, *, split: str = "train", shots: int | None = None, frames: int | None = None
) -> SceneSpec:
    """A scene of 1 to 9 shots; every attribute of a single shot is uniform."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}")
    shots = rng.randint(1, 9) if shots is None else shots
    cast = _cast(rng, split, pair=shots > 1 or rng.random() < 0.3)
    places = _places(rng, split, shots)
    time, sky = rng.choice(TIMES), rng.choice(WEATHERS)
    weathers = {place: "clear" if place in INDOOR else sky for place in places}
    scene = SceneSpec(characters=cast, shots=(), layout=rng.randrange(1_000_000))
    prop = rng.choice(PROPS)
    for index in range(shots):
        setting = {"place": places[index], "time": time, "weather": weathers[places[index]]}
        before = scene.shots[-1] if scene.shots else None
        if before and _may_continue(before, setting["place"]) and rng.random() < CONTINUES:
            shot = _continued(rng, before, split)
        else:
            shot = _cut(rng, scene, setting, split, index, prop)
        length = frames or rng.choice((17, 17, 17, 17, 9, 13, 25, 33))
        scene = replace(scene, shots=(*scene.shots, replace(shot, frames=length)))
    return scene


def _cast(rng: random.Random, split: str, *, pair: bool) -> tuple[Character, ...]:
    count = 2 if pair and rng.random() < 0.6 else 1
    cast: list[Character] = []
    names = rng.sample(NAMES, 2)
    while len(cast) < count:
        one = Character(
            species=_word(rng, SPECIES, "species", split),
            colour=rng.choice(COLOURS),
            accessory=_word(rng, ACCESSORIES, "accessory", split),
            name=names[len(cast)] if rng.random() < 0.6 else "",
        )
        wanted = split == "combinations" and not cast
        if split not in ("unseen", "judge") and held_out_pair(one.species, one.colour) != wanted:
            continue
        if cast and (one.species == cast[0].species or one.colour == cast[0].colour):
            continue
        cast.append(one)
    return tuple(cast)


def _word(rng: random.Random, words: tuple[str, ...], kind: str, split: str) -> str:
    """A word of an attribute; in the unseen split half of the draws are of the kept-out ones."""
    kept = UNSEEN[kind]
    if split == "judge":
        return rng.choice(words)
    if split == "unseen" and rng.random() < 0.5:
        return rng.choice(kept)
    return rng.choice([word for word in words if word not in kept])


def _places(rng: random.Random, split: str, shots: int) -> list[str]:
    """The place of every shot: one, or two with a return."""
    first = _word(rng, PLACES, "place", split)
    if shots < 3 or rng.random() > RETURNS:
        return [first] * shots
    second = rng.choice([p for p in PLACES if p != first and p not in UNSEEN["place"]])
    start = rng.randint(1, shots - 2)
    end = rng.randint(start + 1, shots - 1)
    return [second if start <= i < end else first for i in range(shots)]


def _may_continue(before: ShotSpec, place: str) -> bool:
    return before.place == place and not before.camera.startswith("zoom")


def _action(rng: random.Random, place: str, split: str, *, avoid: tuple[str, ...] = ()) -> str:
    """An action for a place; held-out pairs only in the split that wants them, and there as often as others."""
    while True:
        action = rng.choice(ACTIONS)
        if action not in avoid and may_act(split, place, action):
            return action


def _continued(rng: random.Random, before: ShotSpec, split: str) -> ShotSpec:
    """The camera keeps running: all positions go on from the end of the shot before."""
    end = before.frames
    half = 0.5 * view_width(before.framing)
    focus = float(camera_x(before, end))
    actors = []
    for actor in before.actors:
        x = float(actor_x(before, actor, end))
        options = [a for a in ACTIONS if abs(x + 2 * half * speed(a) - focus) < 0.8 * half]
        options = [a for a in options if may_act(split, before.place, a)]
        action = rng.choice(options or ["stand"])
        facing = actor.facing if speed(actor.action) == 0 else (1 if speed(actor.action) > 0 else -1)
        actors.append(replace(actor, x=x, action=action, facing=facing))
    return replace(before, actors=tuple(actors), focus=focus, camera="static", cut=False, start=before.start + end)


def _cut(rng: random.Random, scene: SceneSpec, setting: dict[str, str], split: str, index: int, prop: str) -> ShotSpec:
    """A new picture: other framing or action than the shot before."""
    before = scene.shots[-1] if scene.shots else None
    cast = range(len(scene.characters))
    both = len(cast) == 2 and (index == 0 or rng.random() < 0.4)
    who = list(cast) if both else [rng.choice(cast)]
    weights = {"wide": 1.0, "medium": 1.0, "close": 0.0 if both else 1.0}
    if index == 0 and rng.random() < 0.3:
        weights["wide"] = 3.0
    if before:
        weights[before.framing] *= 0.3
    framing = rng.choices(FRAMINGS, [weights[f] for f in FRAMINGS])[0]
    camera = rng.choice(CAMERAS)
    drift = {"pan_left": -1, "pan_right": 1}.get(camera, 0) * PAN * view_width(framing)
    avoid = tuple(a.action for a in before.actors) if before and before.framing == framing else ()
    actors: list[Actor] = []
    for side, character in zip((-1, 1) if both else (0,), who, strict=True):
        walking = tuple(a for a in ACTIONS if speed(a)) if both and framing == "medium" else ()
        taken = tuple(a.action for a in actors)
        action = _action(rng, setting["place"], split, avoid=(*walking, *taken, *(avoid if not both else ())))
        travel = speed(action) * view_width(framing)
        home = side * min(SIDE, 0.26 * view_width(framing)) + rng.uniform(-0.12, 0.12)
        facing = -side if both else rng.choice((-1, 1))
        actors.append(
            Actor(character=character, action=action, x=home - travel / 2, facing=facing, phase=round(rng.random(), 3))
        )
    x = rng.choice((-1, 1)) * rng.uniform(0.28, 0.4) * view_width(framing)
    return ShotSpec(
        actors=tuple(actors),
        framing=framing,
        camera=camera,
        focus=-drift / 2 + rng.uniform(-0.08, 0.08),
        prop=prop if framing != "close" and rng.random() < 0.7 else "none",
        prop_x=round(x, 3),
        start=rng.randrange(0, 240),
        **setting,
    )


__all__ = ["NAMES", "SPLITS", "held_out_pair", "held_out_setting", "sample_scene", "scene_rng"]
