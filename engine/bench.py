"""Speed on this machine: ``python -m engine.bench [speed|lct|plan|wan]``; a table, the last line JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import engine
from engine.backbones.base import Backbone
from engine.methods import GENERAL, METHODS
from engine.runtime import PeakMemory

PROMPT = "[Character] Character 1: a red fox with a crown. [Environment] On the beach at sunset."
CLIP = (9, 240, 416)  # what a CPU is asked for of a big model
SHOT = "Medium shot. Character 1 walks to the right. The camera pans right."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.bench", description=__doc__)
    parser.add_argument("table", nargs="?", default="speed", choices=["speed", "lct", "plan", "wan"])
    parser.add_argument("--gpu", action="store_true", help="wan, whole and on CUDA, in all published shapes")
    parser.add_argument("--shape", choices=["1.3B", "5B", "tiny"], help="wan: this one alone (on a CPU the 1.3B)")
    parser.add_argument("--layers", type=int, help="wan: fewer than the shape has (on a CPU 2)")
    parser.add_argument(
        "--clip", type=int, nargs=3, metavar=("FRAMES", "HEIGHT", "WIDTH"), help="wan: instead of its own"
    )
    parser.add_argument("--shots", type=int, help="wan: the most of them in the table of growth (8; on a CPU 2)")
    parser.add_argument("--backbone", default="pocket")
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each; the median is printed")
    asked = parser.parse_args()
    if asked.gpu or asked.table == "wan":
        wan(asked)
    else:
        {"speed": speed, "lct": lct, "plan": plans}[asked.table](asked.backbone, asked.rounds)


def wan(asked: argparse.Namespace) -> None:
    """Wan's shapes with random weights, our engine beside diffusers' pipeline; ``--gpu`` measures all of them."""
    from engine.speed import Asked
    from engine.speed import wan as measure

    if asked.gpu and not torch.cuda.is_available():
        sys.exit("--gpu needs a CUDA device, and there is none here; on a CPU: python -m engine.bench wan")
    small = not torch.cuda.is_available()  # a CPU would take days for the whole
    clip = tuple(asked.clip) if asked.clip else CLIP if small else None
    layers = asked.layers or (2 if small else None)
    wish = Asked(rounds=asked.rounds, layers=layers, clip=clip, shots=asked.shots or (2 if small else 8))
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
    _last_line(backbone, {label: round(value, 3) for label, value in rows.items()})


def lct(name: str, rounds: int) -> None:
    """Time and peak memory of LCT's orders as ratios to independent shots in the same run; our overhead."""
    backbone = engine.load(name)
    table: dict[str, dict[str, float]] = {}
    methods = [m for m in GENERAL if m != "independent" and _has(backbone, m)]
    for shots in (1, 2, 4, 6, 9):
        film = partial(_film, backbone, shots, steps=4, previews=False)
        floor, floor_bytes = _cost(backbone, partial(film, method="independent"), rounds)
        row = table.setdefault(f"{shots} shots", {})
        for method in methods:
            seconds, peak = _cost(backbone, partial(film, method=method), rounds)
            row[method] = round(seconds / floor, 3)
            row[f"{method}, memory"] = round(peak / floor_bytes, 3)
        ratios = "".join(f"  {method} {ratio:5.2f}" for method, ratio in row.items())
        sys.stdout.write(f"{shots} shots, to independent shots:{ratios}\n")
    over = overhead(backbone, rounds)
    sys.stdout.write(f"engine to a bare loop of forward passes on the same tokens: {over:.3f}\n")
    _last_line(backbone, table | {"overhead": round(over, 3)})


def plans(name: str, rounds: int) -> None:
    """What a plan says beside what is then measured, seconds and peak memory: planned to measured."""
    from engine.plan import plan

    backbone = engine.load(name)
    settings = {"steps": 8, "previews": False}
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
    _last_line(backbone, table | {"furthest off": {what: round(off, 3) for what, off in worst.items()}})


def _cost(backbone: Backbone, film: Callable[[], tuple[float, float]], rounds: int) -> tuple[float, int]:
    """Median seconds of a film after a first one, whose peak memory is taken."""
    with PeakMemory(backbone.runtime.device) as memory:
        film()
    return _median(lambda: film()[1], rounds), memory.bytes


def overhead(backbone: Backbone, rounds: int, *, shots: int = 4, steps: int = 10) -> float:
    """Time of the whole generator, without decoding, to that of its forward passes alone."""
    calls: list[tuple[Any, ...]] = []
    real, decode = backbone.predict, backbone.decode
    empty = decode(torch.zeros(1, *backbone.shape(17, *backbone.size).latent))
    backbone.predict = lambda *inputs: calls.append(inputs) or real(*inputs)
    backbone.decode = lambda *_: empty
    _film(backbone, shots, steps=steps, previews=False)
    backbone.predict = real
    whole = _median(lambda: _film(backbone, shots, steps=steps, previews=False)[1], rounds)
    bare = _median(lambda: _time(lambda: [real(*inputs) for inputs in calls]), rounds)
    backbone.decode = decode
    return whole / bare


def _has(backbone: Backbone, method: str) -> bool:
    """Whether the backbone has the weights that a method needs."""
    try:
        if tuning := METHODS[method].tuning:
            backbone.tuned(tuning)
    except ValueError:
        return False
    return True


def _last_line(backbone: Backbone, facts: dict[str, Any]) -> None:
    about = {"backbone": backbone.name, "reason": backbone.runtime.reason, "steps": backbone.steps}
    sys.stdout.write(json.dumps(about | facts) + "\n")


def _scene(backbone: Backbone, shots: int) -> engine.Scene:
    height, width = backbone.size
    return engine.Scene(prompt=PROMPT, shots=(engine.Shot(prompt=SHOT),) * shots, height=height, width=width)


def _film(backbone: Backbone, shots: int, **settings: Any) -> tuple[float, float]:
    """Seconds to the first preview and to the last frame."""
    scene = _scene(backbone, shots)
    started, first = time.perf_counter(), 0.0
    for event in engine.generate(scene, backbone, **settings):
        if isinstance(event, engine.Preview) and not first:
            first = time.perf_counter() - started
    return first, time.perf_counter() - started


def _import(name: str, rounds: int) -> float:
    """Seconds that importing a package adds to importing torch, each in a process of its own."""
    code = f"import time, torch; a = time.perf_counter(); import {name}; print(time.perf_counter() - a)"
    return _median(lambda: float(subprocess.check_output([sys.executable, "-c", code], text=True)), rounds)  # noqa: S603


def _time(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _median(measure: Callable[[], float], rounds: int) -> float:
    return statistics.median(measure() for _ in range(rounds))


if __name__ == "__main__":
    main()
