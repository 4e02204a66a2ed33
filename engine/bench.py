"""Speed on this machine: ``python -m engine.bench [speed|lct|plan|wan]``; a table, the last line JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

import engine
from engine.arguments import positive
from engine.backbones.base import Backbone
from engine.methods import GENERAL, METHODS
from engine.runtime import PeakMemory
from engine.scene import MAX_SHOTS

PROMPT = "[Character] Character 1: a red fox with a crown. [Environment] On the beach at sunset."
CLIP, FEW = (5, 144, 256), 2  # what a CPU is asked for of a big model, and its layers, steps and shots: 3 minutes
SHOT = "Medium shot. Character 1 walks to the right. The camera pans right."
WAYS: dict[str, dict[str, Any]] = {  # of LCT through a scene
    "lct": {"method": "lct"},
    "lct, one redone": {"method": "lct", "redo": True},
    "lct, groups of 3": {"method": "lct", "group": 3},
    "lct-ar": {"method": "lct-ar"},
    "lct-causal": {"method": "lct-causal"},
}
TOLD = {
    "growth": "milliseconds of a step of the last of 1 to {} shots",
    "overhead": "engine to a bare loop of forward passes on the same tokens",
    "recomputed to remembered": "history recomputed to history remembered, {} shots",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.bench", description=__doc__)
    parser.add_argument("table", nargs="?", default="speed", choices=["speed", "lct", "plan", "wan"])
    parser.add_argument("--gpu", action="store_true", help="wan, whole and on CUDA, in all published shapes")
    parser.add_argument("--shape", choices=["1.3B", "5B", "tiny"], help="wan: this one alone (on a CPU the 1.3B)")
    parser.add_argument("--layers", type=positive(int), help="wan: fewer than the shape has (on a CPU 2)")
    parser.add_argument(
        "--clip", type=int, nargs=3, metavar=("FRAMES", "HEIGHT", "WIDTH"), help="wan: instead of its own"
    )
    parser.add_argument("--shots", type=positive(int), help="the most of them: wan 8, on a CPU 2; lct 9")
    parser.add_argument("--backbone", default="pocket")
    parser.add_argument("--steps", type=positive(int), help="lct, plan: of the sampler; the backbone's own")
    parser.add_argument("--rounds", type=positive(int), default=3, help="measured runs of each; the median is printed")
    asked = parser.parse_args()
    if asked.gpu and asked.table not in ("speed", "wan"):
        parser.error(f"--gpu measures wan; leave {asked.table} out, or --gpu")
    try:
        _run(asked)
    except ValueError as error:
        sys.exit(str(error))


def _run(asked: argparse.Namespace) -> None:
    if asked.gpu or asked.table == "wan":
        wan(asked)
    elif asked.table == "lct":
        lct(asked.backbone, asked.rounds, asked.shots or MAX_SHOTS, steps=asked.steps)
    elif asked.table == "plan":
        plans(asked.backbone, asked.rounds, steps=asked.steps)
    else:
        speed(asked.backbone, asked.rounds)


def wan(asked: argparse.Namespace) -> None:
    """Wan's shapes with random weights, our engine beside diffusers' pipeline; ``--gpu`` measures all of them."""
    from engine.speed import Asked
    from engine.speed import wan as measure

    if asked.gpu and not torch.cuda.is_available():
        sys.exit("--gpu needs a CUDA device, and there is none here; on a CPU: python -m engine.bench wan")
    small = not torch.cuda.is_available()  # a CPU would take days for the whole
    clip = tuple(asked.clip) if asked.clip else CLIP if small else None
    sizes = {"layers": FEW, "steps": FEW, "shots": FEW} if small else {}
    sizes |= {name: value for name in ("layers", "shots") if (value := getattr(asked, name))}
    wish = Asked(rounds=asked.rounds, clip=clip, **sizes)
    shapes = (asked.shape,) if asked.shape else ("1.3B", "5B") if asked.gpu else ("1.3B",)
    found = [measure(shape, wish) for shape in shapes]
    sys.stdout.write(json.dumps(found) + "\n")


def speed(name: str, rounds: int) -> None:
    """Seconds to import, to load, to a first preview and to a film."""
    rows = {f"import {part}, beyond torch": _import(part, rounds) for part in ("engine", "studio")}
    started = time.perf_counter()
    backbone = engine.load(name)
    rows["load the model"] = time.perf_counter() - started
    for shots in (1, 4, 9):
        _film(backbone, shots)
        films = [_film(backbone, shots) for _ in range(rounds)]
        rows[f"{shots} shots: first preview"] = statistics.median(first for first, _ in films)
        rows[f"{shots} shots: film"] = statistics.median(whole for _, whole in films)
    for label, seconds in rows.items():
        sys.stdout.write(f"{label:32} {seconds:8.2f} s\n")
    _last_line(backbone, {label: round(value, 3) for label, value in rows.items()}, backbone.steps)


def lct(name: str, rounds: int, most: int = MAX_SHOTS, *, steps: int | None = None) -> None:
    """Time and peak memory of LCT's ways as ratios to independent shots in the same run; growth; our overhead."""
    backbone = engine.load(name)
    steps = steps or backbone.steps
    table: dict[str, dict[str, float]] = {}
    ways = {way: settings for way, settings in WAYS.items() if _has(backbone, settings["method"])}
    # guiding the history costs a pass of the made shots more in every way but joint; here the ways alone
    film = partial(_film, backbone, steps=steps, history_guidance=1.0, previews=False)
    seconds: dict[str, float] = {}
    for shots in range(1, most + 1):
        floor, floor_bytes = _cost(backbone, partial(film, shots, method="independent"), rounds)
        row = table.setdefault(f"{shots} shots", {})
        for way, settings in ways.items():
            seconds[way], peak = _cost(backbone, partial(film, shots, **settings), rounds)
            made = 1 if settings.get("redo") else shots
            row[way] = round(seconds[way] * shots / made / floor, 3)
            row[f"{way}, memory"] = round(peak / floor_bytes, 3)
        ratios = "".join(f"  {way} {ratio:5.2f}" for way, ratio in row.items())
        sys.stdout.write(f"{shots} shots, to independent shots:{ratios}\n")
    found: dict[str, Any] = {
        "growth": growth(backbone, rounds, most),
        "overhead": round(overhead(backbone, rounds), 3),
    }
    if "lct-causal" in ways:
        found["recomputed to remembered"] = round(seconds["lct-ar"] / seconds["lct-causal"], 3)
    for what, value in found.items():
        sys.stdout.write(f"{TOLD[what].format(most)}: {value}\n")
    _last_line(backbone, table | found, steps)


def growth(backbone: Backbone, rounds: int, most: int) -> dict[str, Any]:
    """Milliseconds of one step of the last shot after 0, 1, 2... others, recomputed and remembered.

    straight: how much of what the remembered steps differ in, from one other shot on, a line over the history's length
    explains (R squared). The first of all has nothing to remember, and passes over the scene's prompt, too.
    """
    from engine.speed import interleaved, one_step

    clip, found = (17, *backbone.size), dict[str, Any]()
    steps = [one_step(backbone, way, clip, shots) for way in ("lct-ar", "lct-causal") for shots in range(1, most + 1)]
    spent = interleaved(steps, max(rounds, 9), backbone.runtime)
    for way, part in (("recomputed", spent[:most]), ("remembered", spent[most:])):
        found[way] = [round(1000 * seconds, 1) for seconds in part]
    if most > 2:
        found["straight"] = round(statistics.correlation(range(most - 1), spent[most + 1 :]) ** 2, 3)
    return found


def plans(name: str, rounds: int, *, steps: int | None = None) -> None:
    """What a plan says beside what is then measured, seconds and peak memory: planned to measured."""
    from engine.plan import plan

    backbone = engine.load(name)
    steps = steps or backbone.steps
    settings = {"steps": steps, "previews": False}
    table: dict[str, dict[str, float]] = {}
    for method in (m for m in GENERAL if _has(backbone, m)):
        for shots in (1, 4, 9):
            film = partial(_film, backbone, shots, method=method, **settings)
            said = plan(_scene(backbone, shots), backbone, method=method, **settings)
            seconds, peak = _cost(backbone, film, rounds)
            row = {"seconds": round(said.seconds / seconds, 3), "memory": round(said.peak / peak, 3)}
            table[f"{method}, {shots} shots"] = row
            sys.stdout.write(f"{method:12} {shots} shots  seconds {row['seconds']:.2f}  memory {row['memory']:.2f}\n")
    worst = {what: max(abs(row[what] - 1) for row in table.values()) for what in ("seconds", "memory")}
    sys.stdout.write(f"furthest off: seconds {worst['seconds']:.0%}, memory {worst['memory']:.0%}\n")
    _last_line(backbone, table | {"furthest off": {what: round(off, 3) for what, off in worst.items()}}, steps)


def _cost(backbone: Backbone, film: Callable[[], tuple[float, float]], rounds: int) -> tuple[float, int]:
    """Median seconds of a film after a first one, whose peak memory is taken."""
    with PeakMemory(backbone.runtime.device) as memory:
        film()
    return _median(lambda: film()[1], rounds), memory.bytes


def overhead(backbone: Backbone, rounds: int, *, shots: int = 4, steps: int = 10) -> float:
    """Time of the whole generator, without decoding, to that of its forward passes alone, measured in turns."""
    from engine.speed import interleaved

    calls: list[tuple[Any, ...]] = []
    real, decode = backbone.predict, backbone.decode
    empty = decode(torch.zeros(1, *backbone.shape(17, *backbone.size).latent))
    film = partial(_film, backbone, shots, steps=steps, previews=False)
    try:
        backbone.predict = lambda *inputs: calls.append(inputs) or real(*inputs)
        backbone.decode = lambda *_: empty
        film()
        backbone.predict = real
        whole, bare = interleaved((film, lambda: [real(*inputs) for inputs in calls]), rounds, backbone.runtime)
    finally:
        backbone.predict, backbone.decode = real, decode
    return whole / bare


def _has(backbone: Backbone, method: str) -> bool:
    """Whether the backbone has the weights that a method needs."""
    try:
        if tuning := METHODS[method].tuning:
            backbone.tuned(tuning)
    except ValueError:
        return False
    return True


def _last_line(backbone: Backbone, facts: dict[str, Any], steps: int) -> None:
    about = {"backbone": backbone.name, "reason": backbone.runtime.reason, "steps": steps}
    sys.stdout.write(json.dumps(about | facts) + "\n")


def _scene(backbone: Backbone, shots: int, *, redo: bool = False) -> engine.Scene:
    """redo: the middle shot alone is made, and the others are given."""
    (height, width), asked = backbone.size, [engine.Shot(prompt=SHOT)] * shots
    if redo:
        frames = torch.zeros(asked[0].frames, height, width, 3, dtype=torch.uint8)
        take = engine.Take(frames=frames, latents=torch.zeros(backbone.shape(*frames.shape[:3]).latent), seed=0)
        asked = [shot if k == shots // 2 else replace(shot, take=take) for k, shot in enumerate(asked)]
    return engine.Scene(prompt=PROMPT, shots=tuple(asked), height=height, width=width)


def _film(backbone: Backbone, shots: int, *, redo: bool = False, **settings: Any) -> tuple[float, float]:
    """Seconds to the first preview and to the last frame."""
    scene = _scene(backbone, shots, redo=redo)
    started, first = time.perf_counter(), 0.0
    for event in engine.generate(scene, backbone, **settings):
        if isinstance(event, engine.Preview) and not first:
            first = time.perf_counter() - started
    return first, time.perf_counter() - started


def _import(name: str, rounds: int) -> float:
    """Seconds that importing a package adds to importing torch, each in a process of its own."""
    code = f"import time, torch; a = time.perf_counter(); import {name}; print(time.perf_counter() - a)"
    return _median(lambda: float(subprocess.check_output([sys.executable, "-c", code], text=True)), rounds)  # noqa: S603


def _median(measure: Callable[[], float], rounds: int) -> float:
    return statistics.median(measure() for _ in range(rounds))


if __name__ == "__main__":
    main()
