"""Our engine beside diffusers' pipeline on Wan's published shapes, random weights: ``python -m engine.bench wan``."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

import engine
from engine.backbones.base import Backbone
from engine.backbones.random_wan import SHAPES, WanShape, random_wan
from engine.backbones.wan import WanBackbone
from engine.context import Block, Layout, lay_out
from engine.methods import METHODS, Picture, Texts
from engine.plan import plan
from engine.runtime import PeakMemory, Runtime, choose_runtime, finish

MATRIX, ATTENTION = 790e12, 648e12  # FLOP/s of an H200 in bfloat16: matrices, FlashAttention 3 (floor of the anchors)
PROMPT = "a red fox jumps"
GROWTH = ("independent", "lct", "lct-ar", "lct-causal")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to measure. layers, clip: fewer and smaller than published, for a machine that can't do more."""

    rounds: int = 3
    steps: int = 4
    shots: int = 8
    layers: int | None = None
    clip: tuple[int, int, int] | None = None


def wan(name: str, asked: Asked, runtime: Runtime | None = None) -> dict[str, Any]:
    """One shape: seconds a forward pass against the floors, the pipeline beside ours, growth by shots, memory."""
    shape, runtime = SHAPES[name], runtime or choose_runtime()
    _tell(f"{name}: making random weights")
    backbone = random_wan(shape, runtime, layers=asked.layers)
    shape = replace(shape, layers=asked.layers or shape.layers)
    found: dict[str, Any] = {"shape": name, "layers": shape.layers, "device": str(runtime.device)}
    found["format"] = str(runtime.dtype).removeprefix("torch.")
    for clip in (asked.clip,) if asked.clip else shape.clips:
        size = "x".join(map(str, clip))
        parts = {
            "forward": lambda clip=clip: forward(backbone, shape, clip, asked.rounds),
            "pipeline": lambda clip=clip: beside(backbone, clip, asked),
            "growth": lambda clip=clip: growth(backbone, clip, asked),
            "memory": lambda clip=clip: memory(backbone, clip),
        }
        found[size] = {}
        for part, run in parts.items():
            _tell(f"{name}, {size}: {part}")
            found[size][part] = run()
        sys.stdout.write(_table(name, size, found[size]))
    return found


def _tell(line: str) -> None:
    """What comes next and how late it is, beside the table: a slow machine takes minutes."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def _table(name: str, clip: str, found: dict[str, Any]) -> str:
    one, two, used = found["forward"], found["pipeline"], found["memory"]
    share = one["practical"] / one["ours"]
    rows = [f"{name}, {clip}: {one['tokens']} tokens, {one['TFLOP']:.0f} TFLOP a forward pass"]
    rows.append(f"  forward    ours {one['ours']:.3f} s, diffusers {one['diffusers']:.3f} s, ratio {one['ratio']:.3f}")
    rows.append(
        f"  of an H200 floor {one['floor']:.2f} s, practical {one['practical']:.2f} s, which is {share:.0%} of ours"
    )
    rows.append(f"  whole shot ours {two['ours']:.2f} s, diffusers {two['diffusers']:.2f} s, ratio {two['ratio']:.3f}")
    rows += [f"  growth     {method}: {row}" for method, row in found["growth"].items()]
    rows += [f"  memory     {what} {size / 2**20:.0f} MiB" for what, size in used.items()]
    return "\n".join(rows) + "\n"


def forward(backbone: WanBackbone, shape: WanShape, clip: tuple[int, int, int], rounds: int) -> dict[str, float]:
    """Seconds of one pass over one shot, ours and diffusers', beside the least that an H200 could take."""
    blocks, layout = _context(backbone, "independent", clip, 1)
    latents, words = blocks[1].data.to(backbone.runtime.dtype), blocks[0].data.to(backbone.runtime.dtype)
    level = torch.full((1,), 500.0, device=latents.device)
    if backbone.pipe.config.expand_timesteps:
        level = level.expand(blocks[1].tokens)[None]
    model = backbone.pipe.transformer

    @torch.inference_mode()
    def theirs() -> object:
        return model(latents, timestep=level, encoder_hidden_states=words, return_dict=False)

    ours, plain = interleaved((lambda: backbone.predict(blocks, layout), theirs), rounds, backbone.runtime)
    attention, rest = shape.flops(blocks[1].tokens)
    found = {"tokens": blocks[1].tokens, "ours": ours, "diffusers": plain, "ratio": ours / plain}
    found |= {"TFLOP": (attention + rest) / 1e12}
    return found | {"floor": (attention + rest) / MATRIX, "practical": attention / ATTENTION + rest / MATRIX}


def beside(backbone: WanBackbone, clip: tuple[int, int, int], asked: Asked) -> dict[str, float]:
    """Seconds of a whole shot in latents, and ours to diffusers' pipeline: both with the same guidance and steps."""
    frames, height, width = clip
    settings = {"num_frames": frames, "height": height, "width": width, "num_inference_steps": asked.steps}
    settings |= {"guidance_scale": 5.0, "output_type": "latent", "negative_prompt": ""}
    film = {"method": "independent", "steps": asked.steps, "guidance": 5.0, "previews": False}
    scene = _scene(clip, 1)
    real = backbone.decode
    backbone.decode = lambda latents, *_: latents.new_zeros(1, 3, 1, 8, 8)  # neither decodes

    def ours() -> object:
        return list(engine.generate(scene, backbone, **film))

    one, two = interleaved((ours, lambda: backbone.pipe(PROMPT, **settings)), asked.rounds, backbone.runtime)
    backbone.decode = real
    return {"ours": one, "diffusers": two, "ratio": one / two}


def growth(backbone: WanBackbone, clip: tuple[int, int, int], asked: Asked) -> dict[str, list[float | None]]:
    """For each method seconds of one step with 1, 2, 4... shots, to those of a shot alone; finished shots given.

    None where memory is too small: keys and values of seven shots of the 5B at 720p are more than most GPUs hold.
    """
    counts = [count for count in (1, 2, 4, 8) if count <= asked.shots]
    alone = one_step(backbone, "independent", clip, 1)
    found: dict[str, list[float | None]] = {"shots": list(map(float, counts))}
    for method in GROWTH:
        _tell(f"  {method}, {' and '.join(map(str, counts))} shots")
        found[method] = [_against(alone, backbone, method, clip, count, asked.rounds) for count in counts]
    return found


def _against(
    alone: Callable[[], object],
    backbone: WanBackbone,
    method: str,
    clip: tuple[int, int, int],
    shots: int,
    rounds: int,
) -> float | None:
    """Only this one's memory of finished shots exists meanwhile."""
    try:
        one, step = interleaved((alone, one_step(backbone, method, clip, shots)), rounds, backbone.runtime)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return None
    return round(step / one, 2)


def one_step(backbone: Backbone, method: str, clip: tuple[int, int, int], shots: int) -> Callable[[], object]:
    """One denoising step of the method's last round: all shots, or the last of them after the others."""
    if method == "independent":
        blocks, layout = _context(backbone, method, clip, 1)
        return lambda: [backbone.predict(blocks, layout) for _ in range(shots)]
    blocks, layout = _context(backbone, method, clip, shots, given=0 if method == "lct" else shots - 1)
    if not METHODS[method].cached or shots == 1:
        return lambda: backbone.predict(blocks, layout)
    past = backbone.remember(blocks[:-2], layout.leading(len(blocks) - 2))
    return lambda: backbone.predict(blocks, layout, past)


def memory(backbone: WanBackbone, clip: tuple[int, int, int]) -> dict[str, float]:
    """Peak of a film of two shots, made together and one after the other, as planned and as it is, in bytes."""
    scene, found = _scene(clip, 2), {}
    for method in ("lct", "lct-ar"):
        settings = {"method": method, "steps": 1, "previews": False}
        found[f"{method}, planned"] = float(plan(scene, backbone, **settings).peak)
        with PeakMemory(backbone.runtime.device) as used:
            list(engine.generate(scene, backbone, **settings))
        found[f"{method}, measured"] = float(used.bytes)
    return found


def interleaved(runs: Sequence[Callable[[], object]], rounds: int, runtime: Runtime) -> list[float]:
    """Median seconds of each after a first run, one after the other in every round, so that all see the same noise."""
    seconds: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + 1):
        for run, kept in zip(runs, seconds, strict=True):
            finish(runtime.device)
            started = time.perf_counter()
            run()
            finish(runtime.device)
            if number:
                kept.append(time.perf_counter() - started)
    return [statistics.median(kept) for kept in seconds]


def _scene(clip: tuple[int, int, int], shots: int) -> engine.Scene:
    frames, height, width = clip
    made = tuple(engine.Shot(prompt=PROMPT, frames=frames, cut=False, seed=k) for k in range(shots))
    return engine.Scene(prompt=PROMPT, shots=made, height=height, width=width)


def _context(
    backbone: Backbone, method: str, clip: tuple[int, int, int], shots: int, given: int = 0
) -> tuple[list[Block], Layout]:
    rule, device = METHODS[method], backbone.runtime.device
    (words,) = backbone.encode_text([PROMPT])
    pooled = tuple(backbone.pool_text([PROMPT])) * (1 + shots)
    texts = Texts(scene=words, shots=(words,) * shots, pooled=pooled)
    latents = torch.randn(1, *backbone.shape(*clip).latent, device=device)
    pictures = {k: Picture(latents=latents, level=0.1 if k < given else 0.5, given=k < given) for k in range(shots)}
    blocks = rule.blocks(texts, pictures, patch=backbone.patch)
    return blocks, lay_out(blocks, rule=rule.rule, place=rule.place, text=backbone.text)
