"""Shot extension (LCT section 4.3): a shot without the cut mark goes on where the last one stopped. How seamless?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.judge import Judge
from engine.evaluation.scoring import Row, score
from engine.evaluation.tables import FIRST, SPLITS, TESTED, as_take, make, there_and_back
from engine.world.caption import Caption, caption
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.spec import SceneSpec

WAYS = {"joint": "lct", "autoregressive": "lct-ar", "causal + memory": "lct-causal", "independent": "independent"}
PICTURE = "from a picture"


def seams(backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 1) -> Iterator[Row]:
    """Scenes of two shots, the second going on from the first; *seam* is 1 where none can be seen.

    The row of a picture has the last one of the true first shot in its place: image-to-video.
    """
    for split in SPLITS:
        rows = {name: Row(f"{name}, {split}") for name in (*WAYS, PICTURE, "truth", "round trip", "a cut")}
        for n, scene, said in islice(_going_on(split, cut=False), limit):
            real = [render(scene, k).frames for k in range(2)]
            films = {"truth": [real], "round trip": [[there_and_back(backbone, frames) for frames in real]]}
            for name, method in WAYS.items():
                films[name] = [make(scene, said, backbone, method=method, seed=n * seeds + s) for s in range(seeds)]
            picture = {0: as_take(real[0][-1:], backbone)}
            still = replace(scene, shots=(replace(scene.shots[0], frames=1), scene.shots[1]))
            films[PICTURE] = [make(still, said, backbone, given=picture, seed=n * seeds + s) for s in range(seeds)]
            for name, made in films.items():
                for one, two in made:
                    rows[name].add(n, score(judge, two, scene, 1) | {"seam": seam(one, two)})
        for n, scene, _ in islice(_going_on(split, cut=True), limit):
            one, two = (render(scene, k).frames for k in range(2))
            rows["a cut"].add(n, {"seam": seam(one, two)})
        yield from rows.values()


def seam(one: Tensor, two: Tensor) -> float:
    """Change across the seam of uint8 clips [T, H, W, 3], to the mean change between neighbouring frames around it."""
    near = [*one[-3:].float().diff(dim=0), *two[:3].float().diff(dim=0)]
    around = sum(float(change.abs().mean()) for change in near) / len(near)
    return float((two[0].float() - one[-1].float()).abs().mean()) / max(around, 0.5)


def _going_on(split: str, *, cut: bool) -> Iterator[tuple[int, SceneSpec, Caption]]:
    """Numbered scenes of two shots whose second begins with a cut, or without."""
    for n in count(FIRST):
        rng = scene_rng(split, n)
        scene = sample_scene(rng, split=split, shots=2, frames=TESTED)
        if scene.shots[1].cut is cut:
            yield n, scene, caption(scene, rng)
