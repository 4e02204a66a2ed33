"""A scene in, events out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from engine.backbones.base import Backbone
from engine.context import lay_out
from engine.events import CancelToken, Event, Finished, Preview, Progress, ShotDone
from engine.methods import METHODS, Method, Picture, Texts
from engine.runtime import noise
from engine.samplers import add_noise, denoise, guide, noise_levels
from engine.scene import MAX_SHOTS, Scene, Shot, Take

MAX_STEPS, MAX_GUIDANCE = 200, 20.0
PREVIEW_EVERY = 4  # steps; a preview costs about a tenth of a step


def generate(
    scene: Scene,
    backbone: Backbone,
    *,
    method: str = "lct",
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    cancel: CancelToken | None = None,
    previews: bool = True,
) -> Iterator[Event]:
    """Make the shots of a scene that have no take, inside the context of those that have one.

    Shot k's noise comes from its own seed, or from ``seed`` and k, so redoing one shot draws nothing new for
    the others. Raises ValueError before any work for bad input, and Cancelled between two steps.
    """
    steps = backbone.steps if steps is None else steps
    guidance = backbone.guidance if guidance is None else guidance
    _check(scene, backbone, method, steps, guidance)
    token, chosen = cancel or CancelToken(), METHODS[method]
    return _run(scene, backbone, chosen, seed, steps, guidance, token, previews)


def _run(
    scene: Scene,
    backbone: Backbone,
    method: Method,
    seed: int,
    steps: int,
    guidance: float,
    cancel: CancelToken,
    previews: bool,
) -> Iterator[Event]:
    started = time.perf_counter()
    seeds = [_seed(shot, seed, k) for k, shot in enumerate(scene.shots)]
    prompts = [_prompt(shot) for shot in scene.shots]
    scene_text, empty, *shot_texts = backbone.encode_text([scene.prompt, "", *prompts])
    texts = Texts(scene=scene_text, shots=tuple(shot_texts))
    no_texts = Texts(scene=empty, shots=(empty,) * len(prompts))
    takes = {k: shot.take for k, shot in enumerate(scene.shots) if shot.take is not None}
    device = backbone.runtime.device
    given = {k: _given(scene.shots[k], take, seeds[k], device) for k, take in takes.items()}

    for shots in method.rounds(scene):

        def predict(samples: dict[int, Tensor], level: float) -> dict[int, Tensor]:
            cancel.check()
            pictures = given | {k: Picture(latents=sample, level=level) for k, sample in samples.items()}
            velocities = _velocities(backbone, method, texts, pictures)
            if guidance == 1:
                return velocities
            plain = _velocities(backbone, method, no_texts, pictures)
            return {k: guide(velocities[k], plain[k], guidance) for k in velocities}

        start = {k: noise((1, *_latent(scene, backbone, k)), seeds[k], device) for k in shots}
        walk = denoise(start, predict, noise_levels(steps, shift=backbone.shift))
        for step, samples, estimates in walk:  # noqa: B007 - the last samples are the takes
            yield Progress(stage="denoise", step=step, steps=steps, shots=shots)
            if previews and step % PREVIEW_EVERY == 2 and step < steps:
                for k, estimate in estimates.items():
                    yield Preview(shot=k, frames=to_frames(backbone.decode(estimate[:, :, :1])))
        for done, k in enumerate(shots, start=1):
            cancel.check()
            record = _record(scene, backbone, method, k, seeds, steps, guidance)
            frames = to_frames(backbone.decode(samples[k]))
            takes[k] = Take(frames=frames, latents=samples[k][0].cpu(), seed=seeds[k], made_by=record)
            given[k] = Picture(latents=samples[k], level=0.0, given=True)
            yield Progress(stage="decode", step=done, steps=len(shots), shots=(k,))
            yield ShotDone(shot=k, take=takes[k])
    ordered = tuple(takes[k] for k in sorted(takes))
    yield Finished(takes=ordered, seconds=time.perf_counter() - started)


def to_frames(pixels: Tensor) -> Tensor:
    """Pixels [1, 3, T, H, W] in -1..1 to uint8 [T, H, W, 3]."""
    return ((pixels[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu()


def to_pixels(frames: Tensor) -> Tensor:
    """uint8 [T, H, W, 3] to pixels [1, 3, T, H, W] in -1..1."""
    return frames.permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def _velocities(backbone: Backbone, method: Method, texts: Texts, pictures: dict[int, Picture]) -> dict[int, Tensor]:
    blocks = method.blocks(texts, pictures, patch=backbone.patch)
    predictions = backbone.predict(blocks, lay_out(blocks, rule=method.rule, place=method.place))
    shown = [block for block in blocks if block.kind in ("noisy", "history")]
    return {b.shot: v for b, v in zip(shown, predictions, strict=True) if b.kind == "noisy"}


def _prompt(shot: Shot) -> str:
    """The prompt as the model was taught to read it: a true cut carries LCT's tag."""
    bare = re.sub(r"^\s*\[shot cut\]\s*", "", shot.prompt, flags=re.IGNORECASE).strip()
    return f"[SHOT CUT] {bare}" if shot.cut else bare


def _seed(shot: Shot, seed: int, k: int) -> int:
    return seed * MAX_SHOTS + k if shot.seed is None else shot.seed


def _latent(scene: Scene, backbone: Backbone, k: int) -> tuple[int, ...]:
    return backbone.shape(scene.shots[k].frames, scene.height, scene.width).latent


def _given(shot: Shot, take: Take, seed: int, device: torch.device) -> Picture:
    level = shot.noise / 1000
    latents = take.latents[None].to(device)
    return Picture(
        latents=add_noise(latents, noise(tuple(latents.shape), seed, device), level), level=level, given=True
    )


def _record(
    scene: Scene, backbone: Backbone, method: Method, k: int, seeds: list[int], steps: int, guidance: float
) -> dict[str, Any]:
    context = [
        {"shot": i, "seed": seeds[i], "prompt": shot.prompt, "noise": shot.noise if shot.take else None}
        for i, shot in enumerate(scene.shots)
        if i != k
    ]
    shot = scene.shots[k]
    asked = {"scene": scene.prompt, "prompt": shot.prompt, "frames": shot.frames, "cut": shot.cut, "shot": k}
    settings = {"seed": seeds[k], "steps": steps, "guidance": guidance, "method": method.name, "context": context}
    return asked | settings | backbone.record()


def _check(scene: Scene, backbone: Backbone, method: str, steps: int, guidance: float) -> None:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if not 1 <= steps <= MAX_STEPS:
        raise ValueError(f"steps is {steps}; it lies from 1 to {MAX_STEPS}, try {min(max(steps, 1), MAX_STEPS)}")
    if not 1 <= guidance <= MAX_GUIDANCE:
        near = min(max(guidance, 1.0), MAX_GUIDANCE) if guidance == guidance else backbone.guidance  # noqa: PLR0124 - nan
        raise ValueError(f"guidance is {guidance}; it lies from 1 to {MAX_GUIDANCE:g}, the nearest is {near:g}")
    for number, shot in enumerate(scene.shots, start=1):
        expected = backbone.shape(shot.frames, scene.height, scene.width).latent
        if shot.take is not None and tuple(shot.take.latents.shape) != expected:
            made = tuple(shot.take.latents.shape)
            raise ValueError(f"shots[{number}].take has latents {made}; this shot's length and size need {expected}")
