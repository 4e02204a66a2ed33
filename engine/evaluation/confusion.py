"""Where the judge errs: which class it reads as which other, on held-out renders of everything in the world."""

from __future__ import annotations

from collections import Counter

from engine.evaluation.judge import Judge
from engine.evaluation.tables import scenes
from engine.world.draw import render
from engine.world.labels import EVERYWHERE, ON_ACTOR, shot_labels

Confusion = dict[str, Counter[tuple[str, str]]]  # by attribute: how often (truth, reading) came


def confusion(judge: Judge, *, limit: int) -> Confusion:
    """Counts over ``limit`` single shots; attributes of actors count once an actor."""
    words = EVERYWHERE | ON_ACTOR
    counts: Confusion = {name: Counter() for name in words}
    for _, scene, _ in scenes("judge", limit, shots=1):
        reading, labels = judge.read(render(scene, 0).frames), shot_labels(scene, 0)
        for name in EVERYWHERE:
            counts[name][words[name][labels[name][0]], words[name][int(reading.everywhere[name][0])]] += 1
        for name in ON_ACTOR:
            for k in range(len(scene.shots[0].actors)):
                counts[name][words[name][labels[name][k]], words[name][int(reading.actors[name][0, k])]] += 1
    return counts


def confusion_markdown(counts: Confusion, *, most: int = 5) -> str:
    """Accuracy of every attribute, and what is most often taken for what."""
    lines = ["| attribute | read right | most frequent errors |", "|---|---|---|"]
    for name, pairs in counts.items():
        right, total = sum(n for (truth, read), n in pairs.items() if truth == read), pairs.total()
        errors = [(pair, n) for pair, n in pairs.most_common() if pair[0] != pair[1]][:most]
        told = ", ".join(f"{truth} as {read} ({n})" for (truth, read), n in errors) or "none"
        lines.append(f"| {name} | {right} of {total} | {told} |")
    return "\n".join(lines)
