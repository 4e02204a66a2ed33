"""What a judge read, against what a scene asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from engine.evaluation.judge import Judge
from engine.evaluation.metrics import interval, motion
from engine.world.labels import EVERYWHERE, ON_ACTOR, shot_labels
from engine.world.spec import SceneSpec

PLAIN = ("psnr", "ssim", "psnr in actors", "motion", "seam", "diversity")  # columns that are no shares
ATTRIBUTES = ("species", "colour", "accessory", "place", "time", "weather", "framing", "action", "camera")


def score(judge: Judge, frames: Tensor, scene: SceneSpec, index: int) -> dict[str, float]:
    """1 or 0 for each attribute of a shot (an attribute of actors counts when it is right for all of them)."""
    reading, labels = judge.read(frames), shot_labels(scene, index)
    count = len(scene.shots[index].actors)
    right = {name: float(reading.everywhere[name][0] == labels[name][0]) for name in EVERYWHERE}
    for name in ON_ACTOR:
        right[name] = float(all(reading.actors[name][0, k] == labels[name][k] for k in range(count)))
    right["count"] = float(reading.count[0] == count)
    return {name: right[name] for name in ATTRIBUTES} | {"all": float(all(right.values()))}


def identity(judge: Judge, frames: Tensor, scene: SceneSpec, index: int) -> float | None:
    """Species and colour right of every actor that was seen before this shot; None when there is none."""
    before = {actor.character for shot in scene.shots[:index] for actor in shot.actors}
    again = [k for k, actor in enumerate(scene.shots[index].actors) if actor.character in before]
    if not again:
        return None
    reading, labels = judge.read(frames), shot_labels(scene, index)
    return float(all(reading.actors[name][0, k] == labels[name][k] for k in again for name in ("species", "colour")))


@dataclass
class Row:
    """Scores of one row of a table, grouped by scene for honest intervals."""

    name: str
    values: dict[str, dict[int, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, scene: int, scores: Mapping[str, float | None]) -> None:
        for name, value in scores.items():
            if value is not None:
                self.values[name][scene].append(value)

    def summary(self) -> dict[str, tuple[float, float, float]]:
        """Mean, low and high of every column."""
        return {name: interval(list(groups.values()), share=name not in PLAIN) for name, groups in self.values.items()}


def movement(frames: Tensor, truth: Tensor) -> float | None:
    """Motion relative to the truth's; None where the truth holds still."""
    real = motion(truth)
    return motion(frames) / real if real > 0.3 else None
