"""The table of LCT: every way through a scene, with looks told once, on scenes that no training saw."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.judge import Judge
from engine.evaluation.scoring import Row, movement, score
from engine.evaluation.tables import SPLITS, film, scenes, there_and_back
from engine.identity import LOOKS
from engine.scene import Take
from engine.world.caption import Caption, caption
from engine.world.draw import render
from engine.world.labels import shot_labels
from engine.world.spec import SceneSpec, ShotSpec

LENGTHS = (4, 6, 9)
GAPS = (1, 2, 4, 8)
REDONE = ("middle redone", "middle, told by pictures", "middle, other pictures")
WAYS: dict[str, dict[str, Any]] = {
    "independent": {"method": "independent"},
    "joint": {"method": "lct"},
    "autoregressive": {"method": "lct-ar"},
    "causal + memory": {"method": "lct-causal"},
    **{f"causal, t_c {level}": {"method": "lct-causal", "history_noise": level} for level in (0, 100, 500, 900)},
}


def lct(backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 3, ways: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of methods and controls over ``limit`` scenes of each split and length."""
    asked = {name: WAYS[name] for name in ways or WAYS}
    for split in SPLITS:
        names = (*asked, *REDONE, "truth", "round trip", "frozen", "other scene")
        rows = {name: Row(f"{name}, {split}") for name in names}
        for length in LENGTHS:
            drawn, stranger = list(scenes(split, limit + 1, shots=length, withhold=True)), ()
            for (n, scene, said), (_, other, other_said) in pairwise(drawn):
                key = 10 * n + length
                real = [render(scene, k).frames for k in range(length)]
                for name, settings in asked.items():
                    films = [film(scene, said, backbone, seed=n * seeds + seed, **settings) for seed in range(seeds)]
                    for takes in films:
                        _add(rows[name], judge, key, scene, [take.frames for take in takes], real)
                    rows[name].add(key, {"diversity": diversity([[take.frames for take in takes] for takes in films])})
                    if name == "joint":
                        stranger = stranger or film(other, other_said, backbone, seed=n * seeds + seeds)
                        for takes in films:
                            _redo(rows, judge, key, scene, said, backbone, takes, stranger, real)
                        stranger = films[0]
                _add(rows["truth"], judge, key, scene, real, real)
                _add(rows["round trip"], judge, key, scene, [there_and_back(backbone, x) for x in real], real)
                _add(rows["frozen"], judge, key, scene, [x[:1].expand_as(x) for x in real], real)
                _add(rows["other scene"], judge, key, scene, [render(other, k).frames for k in range(length)], real)
        yield from rows.values()


def _redo(
    rows: Mapping[str, Row],
    judge: Judge,
    key: int,
    scene: SceneSpec,
    said: Caption,
    backbone: Backbone,
    takes: Sequence[Take],
    stranger: Sequence[Take],
    real: Sequence[Tensor],
) -> None:
    """The middle shot once more between its neighbours, told as before, and told by these pictures alone.

    The third time, told so too, it stands between the shots of another scene's film, which have to mislead it.
    """
    middle = len(takes) // 2
    others = tuple(k for k in range(len(takes)) if k != middle)
    untold = caption(scene, random.Random(key), withhold=True, pictured=others)
    for name, words, known in zip(REDONE, (said, untold, untold), (takes, takes, stranger), strict=True):
        given = {k: known[k] for k in others}
        made = film(scene, words, backbone, given=given, seed=takes[middle].seed + 1)[middle].frames
        _add_shot(rows[name], judge, key, scene, middle, made, real[middle])


def diversity(films: Sequence[Sequence[Tensor]]) -> float | None:
    """Mean absolute difference of pixels (0..255) between films of one scene under different seeds."""
    pairs = [(a, b) for i, a in enumerate(films) for b in films[i + 1 :]]
    found = [float((x.float() - y.float()).abs().mean()) for a, b in pairs for x, y in zip(a, b, strict=True)]
    return sum(found) / len(found) if found else None


def _add(row: Row, judge: Judge, key: int, scene: SceneSpec, made: Sequence[Tensor], real: Sequence[Tensor]) -> None:
    for k, frames in enumerate(made):
        right = _add_shot(row, judge, key, scene, k, frames, real[k])
        third = len(made) / 3
        if len(made) == max(LENGTHS):
            row.add(key, {"first third": right["all"] if k < third else None})
            row.add(key, {"last third": right["all"] if k >= 2 * third else None})


def _add_shot(
    row: Row, judge: Judge, key: int, scene: SceneSpec, k: int, frames: Tensor, real: Tensor
) -> dict[str, float]:
    """Score one shot; what was right."""
    right = score(judge, frames, scene, k)
    row.add(key, dict(right) | {"motion": movement(frames, real)})
    if k:
        row.add(key, {"place kept": right["place"], "time kept": right["time"]})
    for gap, same in identities(judge, frames, scene, k):
        left = not _seen(scene, k - 1, scene.shots[k])
        returned = left and any(_seen(scene, j, scene.shots[k]) for j in range(k - 1))
        row.add(key, {"identity": same} | ({f"gap {gap}": same} if gap in GAPS else {}))
        row.add(key, ({"return": same} if returned else {}) | ({"middle": same} if k == len(scene.shots) // 2 else {}))
    return right


def identities(judge: Judge, frames: Tensor, scene: SceneSpec, index: int) -> list[tuple[int, float]]:
    """For each actor seen before: shots since its looks were told, and whether all of its looks are right."""
    reading, labels, found = judge.read(frames), shot_labels(scene, index), []
    for k, actor in enumerate(scene.shots[index].actors):
        told = next(i for i, shot in enumerate(scene.shots) if actor.character in {a.character for a in shot.actors})
        if told < index:
            same = all(reading.actors[name][0, k] == labels[name][k] for name in LOOKS)
            found.append((index - told, float(same)))
    return found


def _seen(scene: SceneSpec, index: int, shot: ShotSpec) -> bool:
    """Whether shot ``index`` shows the same place and any of the same characters as ``shot``."""
    before = scene.shots[index]
    characters = {a.character for a in before.actors} & {a.character for a in shot.actors}
    return before.place == shot.place and bool(characters)
