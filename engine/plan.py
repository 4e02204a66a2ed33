"""What a scene will take before anything is made: seconds, and memory.

Tokens and forward passes are counted exactly (``outline``). What each takes follows from a few that are tried once on
this machine: a pass over Q tokens that look at L takes a + b Q + c Q L seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import torch

from engine.backbones import sizes
from engine.backbones.base import Backbone, Sizes
from engine.context import Block, Layout, choose_attention, lay_out
from engine.generation import PREVIEW_EVERY, to_frames
from engine.methods import METHODS, Picture, Texts
from engine.outline import Round, rounds, too_long
from engine.runtime import PeakMemory, all_memory, finish
from engine.scene import MAX_SHOTS, Scene
from engine.settings import Settings, check

TRIED = ((1, 1), (5, 1), (5, 3), (5, 6))  # (latent frames, shots) of the passes that are tried
RUNS = 3  # of each; the median counts
PATIENCE = 30.0  # seconds for all of them; a machine that is too slow for the large ones does without
SLOW = 1.0  # seconds of a pass that is tried but once
DECODED = (1, 17)  # frames

WORDS = "Wide shot. Character 1 walks to the right through the place."


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole scene.

    window: the most tokens a round should have. peak: bytes above what is in use now. advice: of the backbone.
    attention: the kernel that attends here, and why.
    """

    rounds: tuple[Round, ...]
    window: int
    seconds: float
    peak: int
    advice: str | None = None
    attention: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a creator should know before starting."""
        long = too_long(self.rounds, self.window)
        return long if self.advice is None else (*long, self.advice)


def plan(scene: Scene, backbone: Backbone, *, previews: bool = True, **settings: object) -> Plan:
    """What ``generate`` with the same arguments will do; raises its ValueErrors, but warns of a context too long."""
    asked = Settings(**settings).filled(backbone)
    check(scene, backbone, asked)
    working = _working(backbone, asked.method)
    found = tuple(rounds(scene, working, asked))
    pace = measure(working, scene.height, scene.width)
    seconds, peak = cost(scene, found, working, pace, asked, previews=previews)
    told = {"advice": advice(backbone, asked.method), "attention": attention(backbone)}
    return Plan(rounds=found, window=backbone.window, seconds=seconds, peak=peak, **told)


def estimate(scene: Scene, found: Sequence[Round], name: str, pace: Pace, **settings: object) -> tuple[float, int]:
    """``cost`` with a model that is not loaded, at a pace that was measured when it was."""
    known = sizes(name)
    return cost(scene, found, known, pace, Settings(**settings).filled(known))


def cost(
    scene: Scene, found: Sequence[Round], known: Sizes, pace: Pace, asked: Settings, *, previews: bool = True
) -> tuple[float, int]:
    """Seconds, and the most bytes above what is in use now, of the rounds that were found for a scene."""
    looks = sum(step % PREVIEW_EVERY == 2 for step in range(1, asked.steps)) if previews else 0
    seconds, peaks, finished = pace.words * (2 + len(scene.shots)), [0.0], 0
    for part in found:
        shapes = [known.shape(scene.shots[k].frames, scene.height, scene.width) for k in part.shots]
        frames = [shape.latent_frames for shape in shapes]
        seconds += asked.steps * sum(pace.forward(*work) for work in part.passes)
        seconds += pace.remember * sum(pace.forward(*work) for work in part.fresh)
        seconds += sum(map(pace.decoding, frames)) + (looks * len(frames) + part.continued) * pace.decoding(1)
        takes = [3 * shape.frames * shape.height * shape.width for shape in shapes]
        if pace.shared:
            finished += sum(takes)
        peaks.append(pace.round(part, max(frames)) + max(finished - takes[-1], 0))
    return seconds, int(pace.told * (2 + len(scene.shots)) + max(pace.reading - pace.told, *peaks))


def advice(backbone: Backbone, method: str) -> str | None:
    """What a creator should know of a method on this backbone, with the weights that the method takes."""
    return _working(backbone, method).advice(method)


def _working(backbone: Backbone, method: str) -> Backbone:
    tuning = METHODS[method].tuning
    return backbone.tuned(tuning) if tuning else backbone


def attention(backbone: Backbone) -> str:
    """The kernel that attends on this machine, and why, in a line."""
    chosen = choose_attention(backbone.runtime.device, backbone.runtime.dtype, backbone.head)
    return f"attention {chosen.way}: {chosen.reason}"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Speed and appetite of a backbone on this machine.

    times: of a pass, a, b and c. bytes: of a pass, at rest and a token more. decode, start: seconds for a latent
    frame, and beside it. words: seconds to read a prompt (those of big models are kept on disk). remember: time of a
    pass that fills a memory, to another. kept: bytes of a remembered token, in so many layers. decoded: as ``bytes``,
    of a latent frame. told, reading: bytes of a prompt, and while it is read. shared: it computes in main memory,
    where finished takes wait. memory: bytes that its device has in all, None where nobody knows.
    """

    times: tuple[float, float, float]
    bytes: tuple[float, float]
    decode: float
    start: float = 0.0
    words: float = 0.0
    remember: float = 1.0
    kept: float = 0.0
    layers: int = 1
    decoded: tuple[float, float] = (0.0, 0.0)
    told: float = 0.0
    reading: float = 0.0
    shared: bool = True
    memory: int | None = None

    def forward(self, running: int, tokens: int) -> float:
        """Seconds of one pass."""
        return sum(time * size for time, size in zip(self.times, (1, running, running * tokens), strict=True))

    def decoding(self, frames: int) -> float:
        """Seconds for the pictures of so many latent frames."""
        return self.start + self.decode * frames

    def peak(self, tokens: int) -> float:
        """Bytes above rest in a pass."""
        return max(self.bytes[0] + self.bytes[1] * tokens, 0.0)

    def round(self, part: Round, frames: int) -> float:
        """Bytes above rest in a round, of shots of at most so many latent frames."""
        kept = self.kept * sum(part.remembered)
        steps = [self.peak(run) + self.kept * (whole - run) / self.layers for run, whole in part.passes]
        filling = [self.kept * most for most in part.remembered if part.fresh]  # the old and the new memory at once
        return kept + max(*steps, *filling, self.decoded[0] + self.decoded[1] * frames, 0.0)


_KNOWN: WeakKeyDictionary[Backbone, dict[tuple[int, int], Pace]] = WeakKeyDictionary()  # keeps no model in memory


def measure(backbone: Backbone, height: int, width: int) -> Pace:
    """Try a few passes; takes seconds, once a size."""
    known = _KNOWN.setdefault(backbone, {})
    if (height, width) not in known:
        known[height, width] = _measured(backbone, height, width)
    return known[height, width]


def _measured(backbone: Backbone, height: int, width: int) -> Pace:
    times, appetite = _passes(backbone, height, width)
    blocks, layout = _context(backbone, height, width, 5, 1)
    predict, remember = (partial(run, blocks, layout) for run in (backbone.predict, backbone.remember))
    memory = remember()
    latents = [torch.zeros((1, *backbone.shape(frames, height, width).latent)) for frames in DECODED]
    decoding = [partial(lambda x: to_frames(backbone.decode(x)), x) for x in latents]
    eaten = [_peak(run, backbone.runtime.device) for run in decoding]
    spent = [_median(run, backbone.runtime.device) for run in decoding]
    long = [x.shape[2] for x in latents]
    read = partial(backbone.encode_text, [WORDS])
    (features,) = read()
    decode, decoded = ((many[1] - many[0]) / (long[1] - long[0]) for many in (spent, eaten))
    return Pace(
        times=times,
        bytes=appetite,
        decode=decode,
        start=spent[0] - decode * long[0],
        words=_median(read, backbone.runtime.device),
        remember=_median(remember, backbone.runtime.device) / _median(predict, backbone.runtime.device),
        kept=memory.bytes / max(memory.tokens, 1),
        layers=len(memory.layers),
        decoded=(eaten[0] - decoded * long[0], decoded),
        told=features.nbytes,
        reading=_peak(read, backbone.runtime.device),
        shared=backbone.runtime.device.type == "cpu",
        memory=all_memory(backbone.runtime.device),
    )


def _passes(backbone: Backbone, height: int, width: int) -> tuple[tuple[float, float, float], tuple[float, float]]:
    """``Pace.times`` and ``Pace.bytes`` from passes over ever longer contexts, for as long as patience lasts."""
    device, began = backbone.runtime.device, time.perf_counter()
    counts, seconds, peaks = list[int](), list[float](), list[float]()
    for frames, shots in TRIED:
        blocks, layout = _context(backbone, height, width, frames, shots)
        count = layout.spans[-1].stop
        expected = seconds[-1] * (count / counts[-1]) ** 2 if seconds else 0.0
        if time.perf_counter() - began + 3 * expected > PATIENCE:
            break
        run = partial(backbone.predict, blocks, layout)
        if not counts:
            run()  # what is done but once
        counts.append(count)
        peaks.append(_peak(run, device))
        seconds.append(_median(run, device))
    tokens, ones = torch.tensor(counts).double(), torch.ones(len(counts)).double()
    columns = torch.stack([tokens, tokens**2, ones], dim=1)[:, : len(counts)]  # no more unknown than is known
    a_token, squared, fixed = [*_fit(columns / torch.tensor(seconds).double()[:, None], ones), 0.0, 0.0][:3]
    lines = torch.stack([tokens, ones], dim=1)[:, : len(counts)]
    slope, base = [*torch.linalg.lstsq(lines, torch.tensor(peaks).double()[:, None]).solution[:, 0].tolist(), 0.0][:2]
    return (fixed, a_token, squared), (base, slope)


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


def _context(backbone: Backbone, height: int, width: int, frames: int, shots: int) -> tuple[list[Block], Layout]:
    """A scene of so many shots and latent frames."""
    stride = backbone.shape(1, height, width).time_stride
    shape = backbone.shape((frames - 1) * stride + 1, height, width)
    method = METHODS["lct"]
    (text,), pooled = backbone.encode_text([WORDS]), backbone.pool_text([WORDS])
    texts = Texts(scene=text, shots=(text,) * MAX_SHOTS, pooled=tuple(pooled) * (1 + MAX_SHOTS))
    device = backbone.runtime.device
    pictures = {k: Picture(latents=torch.zeros(1, *shape.latent, device=device), level=0.5) for k in range(shots)}
    blocks = method.blocks(texts, pictures, patch=backbone.patch)
    return blocks, lay_out(blocks, rule=method.rule, place=method.place, text=backbone.text)


def _peak(run: Callable[[], object], device: torch.device) -> int:
    with PeakMemory(device) as memory:
        run()
    return memory.bytes


def _median(run: Callable[[], object], device: torch.device) -> float:
    seconds: list[float] = []
    while len(seconds) < RUNS and (not seconds or seconds[0] < SLOW):
        finish(device)
        started = time.perf_counter()
        run()
        finish(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
