"""What a take was made of, against what the board asks for now. Nothing is made again by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.models import ShotInfo


def stale(shot: ShotInfo, made_by: Mapping[str, Any], prompt: str, shots: Sequence[ShotInfo]) -> tuple[str, ...]:
    """Reasons why the chosen take of ``shot`` is out of date; empty when it is not, or when there is none.

    made_by: the take's record. prompt: what all shots share. shots: the whole board.
    """
    if shot.take is None or not made_by:
        return ()
    checks = {
        "its words changed": made_by.get("prompt", shot.prompt) != shot.prompt,
        "what all shots share changed": made_by.get("scene", prompt) != prompt,
        "its length changed": made_by.get("frames", shot.frames) != shot.frames,
        "its cut changed": made_by.get("cut", shot.cut) != shot.cut,
    }
    reasons = [reason for reason, holds in checks.items() if holds]
    board = {other.id: (number, other.take) for number, other in enumerate(shots, start=1)}
    for seen, source in shot.take.saw.items():
        number, take = board.get(seen, (0, None))
        if not number:
            reasons.append("a shot that it saw is gone")
        elif take is None or source not in (take.id, take.job):
            reasons.append(f"shot {number} has another take")
    return tuple(reasons)
