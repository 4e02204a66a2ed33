"""What a scene will take before anything is made: tokens of every round, seconds, and memory.

Tokens are counted exactly. Seconds and memory follow from a few forward passes timed once on this machine:
a pass over Q tokens that look at L takes a + b Q + c Q L.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import torch

from engine.backbones.base import Backbone
from engine.context import choose_attention, lay_out
from engine.generation import PREVIEW_EVERY, Settings, check
from engine.methods import METHODS, Picture, Texts
from engine.runtime import PeakMemory, finish
from engine.scene import MAX_SHOTS, Scene, Shot

TRIED = ((1, 1), (5, 1), (5, 3), (5, 6))  # (latent frames, shots) of the timed passes
RUNS = 3  # of each; the median counts


@dataclass(frozen=True, kw_only=True)
class RoundPlan:
    """One round: the shots being made, the tokens of every block in their context, and how many run at each step."""

    shots: tuple[int, ...]
    blocks: tuple[tuple[str, int], ...]
    tokens: int
    running: int
    passes: int  # forward passes in each step: more with guidance


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole scene.

    window: the most tokens a round should have. peak: bytes above what is in use now. advice: of the backbone.
    attention: the kernel that attends here, and why.
    """

    rounds: tuple[RoundPlan, ...]
    window: int
    seconds: float
    peak: int
    advice: str | None = None
    attention: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a creator should know before starting."""
        long = tuple(
            f"shots {', '.join(str(k + 1) for k in r.shots)}: {r.tokens} tokens, more than the {self.window} "
            "that this model was trained on; make fewer shots at once or pick fewer"
            for r in self.rounds
            if r.tokens > self.window
        )
        return long if self.advice is None else (*long, self.advice)


def plan(scene: Scene, backbone: Backbone, *, previews: bool = True, **settings: object) -> Plan:
    """What ``generate`` with the same arguments will do; raises the same ValueErrors."""
    asked = Settings(**settings).filled(backbone)
    check(scene, backbone, asked)
    rounds = tuple(_rounds(scene, backbone, asked))
    pace = measure(backbone, scene.height, scene.width)
    looks = sum(step % PREVIEW_EVERY == 2 for step in range(1, asked.steps)) if previews else 0
    seconds = 0.0
    for part in rounds:
        step = part.passes * pace.forward(part.running, part.tokens)
        frames = [backbone.shape(scene.shots[k].frames, scene.height, scene.width).latent_frames for k in part.shots]
        seconds += asked.steps * step + pace.decode * (sum(frames) + looks * len(frames))
    most = max((part.tokens for part in rounds), default=0)
    told = {"advice": advice(backbone, asked.method), "attention": attention(backbone)}
    return Plan(rounds=rounds, window=backbone.window, seconds=seconds, peak=int(pace.peak(most)), **told)


def advice(backbone: Backbone, method: str) -> str | None:
    """What a creator should know of a method on this backbone, with the weights that the method takes."""
    tuning = METHODS[method].tuning
    return (backbone.tuned(tuning) if tuning else backbone).advice(method)


def attention(backbone: Backbone) -> str:
    """The kernel that attends on this machine, and why, in a line."""
    chosen = choose_attention(backbone.runtime.device, backbone.runtime.dtype)
    return f"attention {chosen.way}: {chosen.reason}"


def _rounds(scene: Scene, backbone: Backbone, asked: Settings) -> Iterator[RoundPlan]:
    """The same rounds, contexts and blocks as the generator's, on tensors without data."""
    method, made = METHODS[asked.method], list[int]()
    words = [backbone.text_tokens(text) for text in method.parts(scene)]
    empty = [torch.empty(1, count, 1, device="meta") for count in words]
    texts = Texts(scene=empty[0], shots=tuple(empty[1:]))
    for shots in method.rounds(scene, asked.group):
        seen = method.context(scene, shots, made)
        pictures = {k: _picture(scene.shots[k], scene, backbone, given=k in seen) for k in (*seen, *shots)}
        blocks = method.blocks(texts, pictures, patch=backbone.patch)
        spans = lay_out(blocks, rule=method.rule, place=method.place, text=backbone.text).spans
        sizes = [(b, span.stop - span.start) for b, span in zip(blocks, spans, strict=True) if span.stop > span.start]
        passes = 1 + (asked.guidance != 1) + (asked.history_guidance != 1 and bool(seen))
        yield RoundPlan(
            shots=shots,
            blocks=tuple((f"{'scene' if b.shot < 0 else f'shot {b.shot + 1}'} {b.kind}", size) for b, size in sizes),
            tokens=spans[-1].stop,
            running=sum(size for b, size in sizes if not method.cached or b.shot >= min(shots)),
            passes=passes,
        )
        made += shots


def _picture(shot: Shot, scene: Scene, backbone: Backbone, *, given: bool) -> Picture:
    latent = backbone.shape(shot.frames, scene.height, scene.width).latent
    return Picture(latents=torch.empty(1, *latent, device="meta"), level=0.0, given=given)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Speed and appetite of a backbone on this machine. ``decode``: seconds for one latent frame."""

    times: tuple[float, float, float]
    bytes: tuple[float, float]
    decode: float

    def forward(self, running: int, tokens: int) -> float:
        """Seconds of one pass."""
        return sum(time * size for time, size in zip(self.times, (1, running, running * tokens), strict=True))

    def peak(self, tokens: int) -> float:
        """Bytes above rest."""
        return max(self.bytes[0] + self.bytes[1] * tokens, 0.0)


@cache
def measure(backbone: Backbone, height: int, width: int) -> Pace:
    """Time a few passes; takes a second or two, once a size."""
    tokens, seconds, peaks = [], [], []
    for frames, shots in TRIED:
        run, count = _pass(backbone, height, width, frames, shots)
        run()
        with PeakMemory(backbone.runtime.device) as memory:
            seconds.append(_median(run, backbone.runtime.device))
        tokens.append(count)
        peaks.append(memory.bytes)
    count = torch.tensor(tokens, dtype=torch.float64)
    ones = torch.ones_like(count)
    relative = torch.stack([ones, count, count**2], dim=1) / torch.tensor(seconds, dtype=torch.float64)[:, None]
    times = _fit(relative, ones)
    base, slope = torch.linalg.lstsq(torch.stack([ones, count], 1), torch.tensor(peaks).double()[:, None]).solution
    latents = torch.zeros((1, *backbone.shape(17, height, width).latent))
    backbone.decode(latents)
    decode = _median(lambda: backbone.decode(latents), backbone.runtime.device) / latents.shape[2]
    return Pace(times=tuple(times), bytes=(float(base), float(slope)), decode=decode)


def _fit(columns: torch.Tensor, values: torch.Tensor) -> list[float]:
    """Least squares [n] of columns [m, n] to values [m] without a negative share, which only noise can bring."""
    kept, found = list(range(columns.shape[1])), [0.0] * columns.shape[1]
    while kept:
        shares = torch.linalg.lstsq(columns[:, kept], values[:, None]).solution[:, 0].tolist()
        if min(shares) >= 0:
            for column, share in zip(kept, shares, strict=True):
                found[column] = share
            break
        kept.pop(shares.index(min(shares)))
    return found


def _pass(backbone: Backbone, height: int, width: int, frames: int, shots: int) -> tuple[Callable[[], object], int]:
    """One forward pass over a scene of so many shots and latent frames, and its tokens."""
    stride = backbone.shape(1, height, width).time_stride
    shape = backbone.shape((frames - 1) * stride + 1, height, width)
    method = METHODS["lct"]
    words = ["Wide shot. Character 1 walks to the right through the place."]
    (text,), pooled = backbone.encode_text(words), backbone.pool_text(words)
    texts = Texts(scene=text, shots=(text,) * MAX_SHOTS, pooled=tuple(pooled) * (1 + MAX_SHOTS))
    device = backbone.runtime.device
    pictures = {k: Picture(latents=torch.zeros(1, *shape.latent, device=device), level=0.5) for k in range(shots)}
    blocks = method.blocks(texts, pictures, patch=backbone.patch)
    layout = lay_out(blocks, rule=method.rule, place=method.place, text=backbone.text)
    return lambda: backbone.predict(blocks, layout), layout.spans[-1].stop


def _median(run: Callable[[], object], device: torch.device) -> float:
    seconds = []
    for _ in range(RUNS):
        finish(device)
        started = time.perf_counter()
        run()
        finish(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
