"""Which earlier shots stay in the context when there are more than its window holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def select(
    known: Sequence[int], *, needed: Collection[int] = (), picked: Collection[int], room: int
) -> tuple[int, ...]:
    """At most ``room`` of the ``known`` shots, in scene order: needed and picked ones, the first, the most recent."""
    recent = sorted(known, reverse=True)
    ranked = [*needed, *(k for k in recent if k in picked), *recent[-1:], *recent]
    return tuple(sorted(list(dict.fromkeys(ranked))[: max(room, 0)]))
