"""Which shots would help another one: those that share its characters or its place."""

from __future__ import annotations

import re

import engine

SINGULAR = {"animals": "animal", "places": "place", "colours": "colour", "accessories": "accessory"}
WEIGHTS = {"character": 3.0, "animals": 2.0, "places": 2.0, "colours": 1.0, "accessories": 1.0}  # of what is shared


def related(prompt: str, others: dict[str, str]) -> list[tuple[str, float, tuple[str, ...]]]:
    """(name, score, reasons) of the prompts in ``others`` that share characters or the place with ``prompt``."""
    wanted, found = _subjects(prompt), []
    for name, other in others.items():
        shared = sorted(wanted & _subjects(other))
        if shared:
            reasons = tuple(f"same {SINGULAR.get(group, group)}: {word}" for group, word in shared)
            found.append((name, sum(WEIGHTS[group] for group, _ in shared), reasons))
    return sorted(found, key=lambda entry: -entry[1])


def _subjects(prompt: str) -> set[tuple[str, str]]:
    """What a prompt is about: numbered characters, and words of the vocabulary by group."""
    text = f" {re.sub(r'[^a-z0-9 ]+', ' ', prompt.lower())} "
    found = {("character", number) for number in re.findall(r"character (\d+)", text)}
    for group, words in engine.vocabulary().items():
        if group in WEIGHTS:
            found |= {(group, word) for word in words if f" {word} " in text}
    return found
