"""A scene in, events out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.backbones.base import Backbone
from engine.context import Block, Layout, Memory, is_shown, lay_out
from engine.events import CancelToken, Denoised, Event, Finished, Preview, Progress, ShotDone
from engine.history import History
from engine.methods import METHODS, Picture, Texts, going_on
from engine.outline import check_window
from engine.runtime import noise
from engine.samplers import guide
from engine.scene import MAX_SHOTS, Scene, Shot, Take
from engine.settings import Settings, check

PREVIEW_EVERY = 4  # steps; a preview costs about a tenth of a step
NOTHING = torch.empty(0, dtype=torch.uint8)  # the frames of what is not decoded
RANGE = 2**40  # more than the seeds of films times the shots of a window
AGAIN = 0x5EED  # sets the noise on a finished shot apart from the noise that it was made of


def generate(
    scene: Scene,
    backbone: Backbone,
    *,
    cancel: CancelToken | None = None,
    previews: bool = True,
    histories: dict[str, History] | None = None,
    **settings: Any,
) -> Iterator[Event]:
    """Make the shots of a scene that have no take, inside the context of those that have one.

    ``settings`` are those of ``Settings``. Shot k's noise comes from its own seed, or from ``seed`` and k, so redoing
    one shot draws nothing new for the others. ``histories`` (an empty dict at first) keeps a causal method's memory
    from one call to the next. Raises ValueError before any work for bad input, and Cancelled between two steps.

    To resume a film that broke off as the same film, give the takes of ``Denoised`` through ``decode_take``: those of
    ``ShotDone`` alone leave the others of a round that is made together another round.
    """
    asked = Settings(**settings).filled(backbone)
    check(scene, backbone, asked)
    check_window(scene, backbone, asked)
    if tuning := METHODS[asked.method].tuning:
        backbone = backbone.tuned(tuning)
    predictor = _Predictor(scene, backbone, asked, cancel or CancelToken(), {} if histories is None else histories)
    return _run(scene, backbone, asked, predictor, previews)


def _run(scene: Scene, backbone: Backbone, asked: Settings, predictor: _Predictor, previews: bool) -> Iterator[Event]:
    started = time.perf_counter()
    method = METHODS[asked.method]
    seeds = [shot.take.seed if shot.take else _seed(shot, asked.seed, k) for k, shot in enumerate(scene.shots)]
    takes = {k: shot.take for k, shot in enumerate(scene.shots) if shot.take is not None}
    known = {k: _context(takes[k], k, scene.shots[k], asked, backbone) for k in scene.given}
    made: list[int] = []

    for shots in method.rounds(scene, asked.group):
        seen = method.context(scene, shots, made)
        given = {k: known[k] for k in seen}
        start = {k: (_latent(scene, backbone, k), seeds[k]) for k in shots}
        openings = {k: _last(takes[k - 1], backbone) for k in going_on(method, scene, shots, seen)}
        walk = backbone.denoise(start, partial(predictor, given=given, openings=openings), asked.steps)
        for step, samples, estimates in walk:  # noqa: B007 - the last samples are the takes
            yield Progress(stage="denoise", step=step, steps=asked.steps, shots=shots)
            if previews and step % PREVIEW_EVERY == 2 and step < asked.steps:
                for k, estimate in estimates.items():
                    yield Preview(shot=k, frames=to_frames(backbone.decode(estimate[:, :, :1])))
        records = {k: _record(scene, backbone, asked, k, seeds, seen, shots) for k in shots}
        raw = {k: Take(frames=NOTHING, latents=samples[k][0].cpu(), seed=seeds[k], made_by=records[k]) for k in shots}
        yield Denoised(takes=raw)
        for done, k in enumerate(shots, start=1):
            takes[k] = decode_take(raw[k], backbone, predictor.cancel)
            known[k] = _context(takes[k], k, scene.shots[k], asked, backbone)
            yield Progress(stage="decode", step=done, steps=len(shots), shots=(k,))
            yield ShotDone(shot=k, take=takes[k])
        made += shots
    yield Finished(takes=tuple(takes[k] for k in sorted(takes)), seconds=time.perf_counter() - started)


class _Predictor:
    """Velocities of the shots being made, with guidance; encodes the prompts once."""

    def __init__(
        self, scene: Scene, backbone: Backbone, asked: Settings, cancel: CancelToken, histories: dict[str, History]
    ) -> None:
        self.backbone, self.method, self.asked, self.cancel = backbone, METHODS[asked.method], asked, cancel
        self.histories = histories
        self._given: Mapping[int, Picture] | None = None
        self._standing: dict[str, tuple[Layout, Memory | None]] = {}
        self._fresh: dict[int, Tensor] = {}
        parts = self.method.parts(scene)
        scene_text, *shot_texts = backbone.encode_whole(parts) if self.method.whole else backbone.encode_text(parts)
        (empty,) = backbone.encode_text([""])
        scene_sum, nothing, *shot_sums = backbone.pool_text([parts[0], "", *parts[1:]])
        self.texts = Texts(scene=scene_text, shots=tuple(shot_texts), pooled=(scene_sum, *shot_sums))
        self.no_texts = Texts(scene=empty, shots=(empty,) * len(shot_texts), pooled=(nothing,) * len(parts))

    def __call__(
        self,
        samples: dict[int, Tensor],
        level: float,
        given: Mapping[int, Picture],
        openings: Mapping[int, Tensor],
    ) -> dict[int, Tensor]:
        """Velocities of ``samples``; ``openings`` holds first latent frames [1, C, 1, h, w] that are known, clean."""
        self.cancel.check()
        if given is not self._given:  # a new round, and its samples are noise
            self._given, self._standing = given, {}
            self._fresh = {k: samples[k][:, :, :1].clone() for k in openings}
        for k, first in openings.items():  # in place: the sampler shall go on from it, too
            samples[k][:, :, :1] = self.backbone.add_noise(first, self._fresh[k], level)
        making = {k: Picture(latents=sample, level=level) for k, sample in samples.items()}
        full = self._velocities("full", self.texts, {**given, **making})
        lacking = []
        if self.asked.guidance != 1:
            lacking.append((self._velocities("no text", self.no_texts, {**given, **making}), self.asked.guidance))
        if self.asked.history_guidance != 1 and given:
            lacking.append((self._velocities("no history", self.texts, making), self.asked.history_guidance))
        return {k: guide(full[k], *((without[k], scale) for without, scale in lacking)) for k in full}

    def _velocities(self, branch: str, texts: Texts, pictures: Mapping[int, Picture]) -> dict[int, Tensor]:
        method, backbone = self.method, self.backbone
        blocks = method.blocks(texts, pictures, patch=backbone.patch)
        first = min(k for k, shown in pictures.items() if not shown.given)
        before = sum(block.shot < first for block in blocks) if method.cached else 0
        if branch not in self._standing:
            self._standing[branch] = self._stand(branch, blocks, before)
        layout, past = self._standing[branch]
        predictions = backbone.predict(blocks, layout, past)
        shown = [block for block in blocks[before:] if is_shown(block)]
        pieces: dict[int, list[Tensor]] = {}
        for block, velocity in zip(shown, predictions, strict=True):
            if block.kind == "noisy":
                pieces.setdefault(block.shot, []).append(velocity)
        return {shot: torch.cat(parts, dim=2) for shot, parts in pieces.items()}

    def _stand(self, branch: str, blocks: Sequence[Block], before: int) -> tuple[Layout, Memory | None]:
        """What holds at every step of a round: where blocks stand, and the memory of those before the ones made."""
        method, history = self.method, self.histories.setdefault(branch, History())
        rules = {"rule": method.rule, "place": method.place, "telling": method.telling, "layers": method.layers}
        layout = lay_out(blocks, **rules, text=self.backbone.text)
        return layout, history.recall(self.backbone, blocks[:before], layout)


def _last(take: Take, backbone: Backbone) -> Tensor:
    """The last picture of a finished shot, as the first latent frame of the next one."""
    return backbone.encode(to_pixels(take.frames[-1:]))


def decode_take(take: Take, backbone: Backbone, cancel: CancelToken | None = None) -> Take:
    """The same take with its frames made from its latents; raises Cancelled between two pieces of it."""
    return replace(take, frames=to_frames(backbone.decode(take.latents[None], cancel)))


def encode_take(take: Take, backbone: Backbone) -> Take:
    """The same take with its latents made from its frames: a picture or film that was not made here."""
    return replace(take, latents=backbone.encode(to_pixels(take.frames))[0].cpu())


def to_frames(pixels: Tensor) -> Tensor:
    """Pixels [1, 3, T, H, W] in -1..1 to uint8 [T, H, W, 3]."""
    return ((pixels[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu()


def to_pixels(frames: Tensor) -> Tensor:
    """uint8 [T, H, W, 3] to pixels [1, 3, T, H, W] in -1..1."""
    return frames.permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def _seed(shot: Shot, seed: int, k: int) -> int:
    """A shot's own, or one that no other shot of any film has: every nine of a scene have a range to themselves."""
    if shot.seed is not None:
        return shot.seed
    nine, place = divmod(k, MAX_SHOTS)
    return nine * RANGE + seed * MAX_SHOTS + place


def _latent(scene: Scene, backbone: Backbone, k: int) -> tuple[int, ...]:
    return backbone.shape(scene.shots[k].frames, scene.height, scene.width).latent


def _level(shot: Shot, asked: Settings) -> int:
    return asked.history_noise if shot.noise is None else shot.noise


def _context(take: Take, k: int, shot: Shot, asked: Settings, backbone: Backbone) -> Picture:
    """Finished shot k as others see it: re-noised to its t_c, with noise that follows from the take and its place."""
    device, level = backbone.runtime.device, _level(shot, asked) / 1000
    fresh = noise((1, *take.latents.shape), (take.seed + k * RANGE) ^ AGAIN, device)
    shown = backbone.add_noise(take.latents[None].to(device), fresh, level)
    return Picture(latents=shown, level=level, given=True)


def _record(
    scene: Scene,
    backbone: Backbone,
    asked: Settings,
    k: int,
    seeds: Sequence[int],
    seen: Sequence[int],
    making: Sequence[int],
) -> dict[str, Any]:
    """All that made shot k, with the shots in its context; those made at the same time have no noise level."""
    noises = dict.fromkeys(making) | {i: _level(scene.shots[i], asked) for i in seen}
    context = [
        {"shot": i, "seed": seeds[i], "prompt": scene.shots[i].prompt, "noise": noises[i]}
        for i in sorted(noises)
        if i != k
    ]
    shot = scene.shots[k]
    words = {"scene": scene.prompt, "prompt": shot.prompt, "frames": shot.frames, "cut": shot.cut, "shot": k}
    return words | asdict(asked) | {"seed": seeds[k], "context": context} | backbone.record()
