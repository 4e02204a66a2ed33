"""Who is in a clip of the cartoon world, as the judge reads it, and whether it is the same one in another clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.judge import Judge

LOOKS = ("species", "colour", "accessory")


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """share: of the looks that agree, 0 to 1. changed: those that do not, as ("species", "fox", "bear")."""

    share: float
    changed: tuple[tuple[str, str, str], ...]


def characters(frames: Tensor) -> list[dict[str, str]]:
    """Species, colour and accessory of every character in a clip, uint8 [T, H, W, 3]; empty without a judge."""
    from engine.evaluation.judge import FOLDER
    from engine.world.labels import ON_ACTOR

    if not FOLDER.is_dir():
        return []
    read = _judge().read(frames)
    return [{name: ON_ACTOR[name][int(read.actors[name][0, k])] for name in LOOKS} for k in range(int(read.count[0]))]


def likeness(before: list[dict[str, str]], after: list[dict[str, str]]) -> Likeness | None:
    """Of the characters that are in both clips, in the pairing that agrees most; None when a clip has none."""
    few, many = sorted((before, after), key=len)
    if not few:
        return None
    best = min((list(zip(few, order, strict=True)) for order in permutations(many, len(few))), key=_differences)
    pairs = [(one, two) if few is before else (two, one) for one, two in best]
    changed = tuple((name, one[name], two[name]) for one, two in pairs for name in LOOKS if one[name] != two[name])
    return Likeness(share=1 - len(changed) / (len(LOOKS) * len(few)), changed=changed)


def _differences(pairs: list[tuple[dict[str, str], dict[str, str]]]) -> int:
    return sum(one[name] != two[name] for one, two in pairs for name in LOOKS)


@cache
def _judge() -> Judge:
    from engine.evaluation.judge import Judge

    return Judge.load()
