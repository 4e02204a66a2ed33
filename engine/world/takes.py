"""Continuous takes of up to two minutes: a character travels, turns, stops and acts; places and light change.

A take is a scene whose shots go on without a cut, so drawing, labels and captions need nothing new. It is drawn
lazily, clip by clip; where the setting changes, the old one fades into the new.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import torch

from engine.world.draw import Clip, render
from engine.world.grammar import may_act, sample_scene
from engine.world.spec import ACTIONS, FPS, INDOOR, PLACES, TIMES, UNSEEN, Actor, SceneSpec, ShotSpec
from engine.world.view import actor_x, camera_x, view_width

STEP = 17  # frames between two decisions
FADE = 12  # frames in which a new place or light comes in
STAY = (3, 7)  # steps in one setting
ROOM = 0.42  # how far from the middle of the picture the actor may get, in view widths
FOLLOW = ("static", "pan_left", "pan_right")


def sample_take(rng: random.Random, *, split: str = "train", seconds: float = 120.0) -> SceneSpec:
    """A take at least ``seconds`` long, as a scene of continuing shots."""
    scene = sample_scene(rng, split=split, shots=1, frames=STEP)
    shot = replace(scene.shots[0], framing="wide", camera="static", prop="none", actors=scene.shots[0].actors[:1])
    action = next(action for action in ("stand", "sit") if may_act(split, shot.place, action))
    shot = replace(shot, actors=(replace(shot.actors[0], x=0.0, action=action),), focus=0.0)
    shots, left = [shot], rng.randint(*STAY)
    while sum(s.frames for s in shots) < seconds * FPS:
        left -= 1
        setting = {}
        if left == 0:
            setting, left = _next_setting(rng, shots[-1]), rng.randint(*STAY)
        shots.append(_next_step(rng, shots[-1], setting, split))
    return replace(scene, shots=tuple(shots))


def render_take(take: SceneSpec) -> Iterator[Clip]:
    """The clips of a take, drawn one at a time."""
    for index, shot in enumerate(take.shots):
        clip = render(take, index)
        before = take.shots[index - 1] if index else shot
        if (shot.place, shot.time, shot.weather) != (before.place, before.time, before.weather):
            old = replace(shot, place=before.place, time=before.time, weather=before.weather)
            shots = (*take.shots[:index], old, *take.shots[index + 1 :])
            clip = _faded(render(replace(take, shots=shots), index), clip)
        yield clip


def _next_setting(rng: random.Random, now: ShotSpec) -> dict[str, str]:
    """Another place, or the next time of day."""
    if rng.random() < 0.5:
        return {"time": TIMES[(TIMES.index(now.time) + 1) % len(TIMES)]}
    place = rng.choice([p for p in PLACES if p != now.place and p not in UNSEEN["place"]])
    return {"place": place} | ({"weather": "clear"} if place in INDOOR else {})


def _next_step(rng: random.Random, before: ShotSpec, setting: dict[str, str], split: str) -> ShotSpec:
    """What happens next: any action and camera that keep the actor in the picture; an old place fades out under it."""
    actor, end = before.actors[0], before.frames
    x, focus = float(actor_x(before, actor, end)), float(camera_x(before, end))
    options = []
    places = {before.place, setting.get("place", before.place)}
    for action in (action for action in ACTIONS if all(may_act(split, place, action) for place in places)):
        for camera in FOLLOW:
            step = replace(
                before,
                actors=(Actor(character=actor.character, action=action, x=x, facing=actor.facing, phase=actor.phase),),
                camera=camera,
                focus=focus,
                start=before.start + end,
                cut=False,
                **setting,
            )
            gap = float(actor_x(step, step.actors[0], STEP) - camera_x(step, STEP))
            if abs(gap) < ROOM * view_width(step.framing):
                options.append(step)
    return rng.choice(options)


def _faded(old: Clip, new: Clip) -> Clip:
    """The new clip, its first frames mixed with the old setting's."""
    share = (torch.arange(1, len(new.frames) + 1) / FADE).clamp(max=1)[:, None, None, None]
    frames = old.frames.float() * (1 - share) + new.frames.float() * share
    return replace(new, frames=frames.round().to(torch.uint8))
