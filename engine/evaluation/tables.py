"""The tables of README: which clips, which rows, which controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.judge import Judge
from engine.evaluation.metrics import psnr, ssim
from engine.evaluation.scoring import Row, identity, movement, score
from engine.events import Finished
from engine.generation import NOTHING, encode_take, generate, to_frames, to_pixels
from engine.scene import Scene, Shot, Take
from engine.world.caption import Caption, caption
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.spec import SceneSpec

SPLITS = ("seeds", "combinations")
TESTED = 17  # frames of a shot
FIRST = 1_000_000  # scenes of the evaluation are numbered from here


def single(backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 1) -> Iterator[Row]:
    """Single shots whose prompt tells everything."""
    for split in SPLITS:
        row, truth, trip = Row(f"generated, {split}"), Row(f"truth, {split}"), Row(f"round trip, {split}")
        for n, scene, said in scenes(split, limit, shots=1, style="full"):
            real = render(scene, 0).frames
            for seed in range(seeds):
                (made,) = make(scene, said, backbone, method="independent", seed=n * seeds + seed)
                row.add(n, score(judge, made, scene, 0) | {"motion": movement(made, real)})
            truth.add(n, score(judge, real, scene, 0) | {"motion": 1.0})
            back = there_and_back(backbone, real)
            trip.add(n, score(judge, back, scene, 0) | {"motion": movement(back, real)})
        yield from (row, truth, trip)


def joint(backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 1, shots: int = 4) -> Iterator[Row]:
    """Scenes whose prompts tell a character's looks once: made together, made apart, and controls."""
    for split in SPLITS:
        rows = {
            name: Row(f"{name}, {split}")
            for name in ("joint", "independent", "truth", "round trip", "frozen", "wrong")
        }
        others = [scene for _, scene, _ in scenes(split, limit + 1, shots=shots)][1:]
        for (n, scene, said), other in zip(scenes(split, limit, shots=shots, withhold=True), others, strict=True):
            real = [render(scene, k).frames for k in range(shots)]
            for seed in range(seeds):
                for name, method in (("joint", "lct"), ("independent", "independent")):
                    made = make(scene, said, backbone, method=method, seed=n * seeds + seed)
                    _add(rows[name], judge, n, scene, made, real)
            _add(rows["truth"], judge, n, scene, real, real)
            back = [there_and_back(backbone, x) for x in real]
            _add(rows["round trip"], judge, n, scene, back, real)
            for one, two in zip(back, real, strict=True):
                rows["round trip"].add(n, {"psnr": psnr(one, two), "ssim": ssim(one, two)})
            _add(rows["frozen"], judge, n, scene, [x[:1].expand_as(x) for x in real], real)
            strangers = [render(other, k).frames for k in range(shots)]
            _add(rows["wrong"], judge, n, scene, strangers, real)
        yield from rows.values()


def codec(backbone: Backbone, judge: Judge | None, *, limit: int, seeds: int = 1) -> Iterator[Row]:
    """The codec alone, on held-out renders; attributes only with a judge."""
    for split in SPLITS:
        row = Row(f"round trip, {split}")
        for n, scene, _ in scenes(split, limit * seeds, shots=1):
            clip = render(scene, 0)
            back = there_and_back(backbone, clip.frames)
            inside = (clip.entity == 1) | (clip.entity == 2)
            quality = {"psnr": psnr(back, clip.frames), "ssim": ssim(back, clip.frames)}
            actor = psnr(back, clip.frames, inside) if inside.any() else None
            row.add(n, quality | {"psnr in actors": actor} | (score(judge, back, scene, 0) if judge else {}))
        yield row


def reader(_backbone: Backbone, judge: Judge, *, limit: int, seeds: int = 1) -> Iterator[Row]:
    """The judge on renders that it never saw, of everything in the world."""
    row = Row("held-out renders")
    for n, scene, _ in scenes("judge", limit * seeds, shots=1):
        row.add(n, score(judge, render(scene, 0).frames, scene, 0))
    yield row


TABLES = {"single": single, "joint": joint, "codec": codec, "judge": reader}


def scenes(
    split: str, limit: int, *, shots: int, withhold: bool = False, style: str | None = None
) -> Iterable[tuple[int, SceneSpec, Caption]]:
    """Numbered scenes of the evaluation with their captions."""
    for n in range(FIRST, FIRST + limit):
        rng = scene_rng(split, n)
        scene = sample_scene(rng, split=split, shots=shots, frames=TESTED)
        yield n, scene, caption(scene, rng, withhold=withhold, style=style)


def make(scene: SceneSpec, said: Caption, backbone: Backbone, **settings: Any) -> list[Tensor]:
    """Frames of every shot."""
    return [take.frames for take in film(scene, said, backbone, **settings)]


def film(
    scene: SceneSpec, said: Caption, backbone: Backbone, *, given: Mapping[int, Take] | None = None, **settings: Any
) -> tuple[Take, ...]:
    """Takes of every shot; those ``given`` are context."""
    known = given or {}
    shots = tuple(
        Shot(prompt=prompt, frames=spec.frames, cut=spec.cut, take=known.get(k))
        for k, (prompt, spec) in enumerate(zip(said.shots, scene.shots, strict=True))
    )
    *_, done = generate(Scene(prompt=said.prompt, shots=shots), backbone, previews=False, **settings)
    if not isinstance(done, Finished):
        raise TypeError(f"the last event is {done}; a generation ends with Finished")
    return done.takes


def as_take(frames: Tensor, backbone: Backbone) -> Take:
    """Frames as if they had been made: with their latents."""
    return encode_take(Take(frames=frames, latents=NOTHING, seed=0), backbone)


def there_and_back(backbone: Backbone, frames: Tensor) -> Tensor:
    """Frames through the codec."""
    return to_frames(backbone.decode(backbone.encode(to_pixels(frames))))


def _add(row: Row, judge: Judge, n: int, scene: SceneSpec, made: list[Tensor], real: list[Tensor]) -> None:
    for k, frames in enumerate(made):
        right = score(judge, frames, scene, k)
        extra = {"identity": identity(judge, frames, scene, k), "motion": movement(frames, real[k])}
        extra |= {"place kept": right["place"], "time kept": right["time"]} if k else {}
        row.add(n, right | extra)
