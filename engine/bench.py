"""Speed on this machine: ``python -m engine.bench [--backbone NAME] [--rounds N]``; a table, the last line JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import engine
from engine.backbones.base import Backbone

PROMPT = "[Character] Character 1: a red fox with a crown. [Environment] On the beach at sunset."
SHOT = "Medium shot. Character 1 walks to the right. The camera pans right."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.bench", description=__doc__)
    parser.add_argument("--backbone", default="pocket")
    parser.add_argument("--rounds", type=int, default=3, help="measured runs of each; the median is printed")
    asked = parser.parse_args()
    rows = {f"import {name}, beyond torch": _import(name, asked.rounds) for name in ("engine", "studio")}
    started = time.perf_counter()
    backbone = engine.load(asked.backbone)
    rows["load the model"] = time.perf_counter() - started
    for shots in (1, 4, 9):
        _film(backbone, shots, "lct")
        films = [_film(backbone, shots, "lct") for _ in range(asked.rounds)]
        rows[f"{shots} shots: first preview"] = statistics.median(first for first, _ in films)
        rows[f"{shots} shots: film"] = statistics.median(whole for _, whole in films)
    for name, seconds in rows.items():
        sys.stdout.write(f"{name:32} {seconds:8.2f} s\n")
    facts = {"backbone": backbone.name, "reason": backbone.runtime.reason, "steps": backbone.steps}
    sys.stdout.write(json.dumps(facts | {name: round(value, 3) for name, value in rows.items()}) + "\n")


def _film(backbone: Backbone, shots: int, method: str) -> tuple[float, float]:
    """Seconds to the first preview and to the last frame, with the default settings."""
    scene = engine.Scene(prompt=PROMPT, shots=(engine.Shot(prompt=SHOT),) * shots)
    started, first = time.perf_counter(), 0.0
    for event in engine.generate(scene, backbone, method=method):
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
