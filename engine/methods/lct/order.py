"""LCT's ways through a scene: all shots at once, one after the other, or group by group (sections 3.2 and 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.context import Block, Placement, Rule, diagonal, joint
from engine.methods.base import Picture, Taught, Texts
from engine.methods.lct.blocks import scene_blocks, shot_blocks
from engine.methods.lct.select import select
from engine.scene import MAX_SHOTS, Scene

BEYOND = 3  # shots that are made at once in a scene that outgrows the window


@dataclass(frozen=True, kw_only=True)
class LCT(Taught):
    """Shots of a round share the sampler's level; given and finished shots stand among them at their own.

    rule: ``joint``, or ``causal`` for weights that were tuned so: then finished shots never look at later ones, and
    their keys and values are computed once (``cached``).
    group: shots in a round; None makes all of them jointly. A shot that goes on is made after the one before it, whose
    last picture it begins with (section 4.3).
    """

    name: str = "lct"
    rule: Rule = staticmethod(joint)
    place: Placement = staticmethod(diagonal)
    cached: bool = False
    continues: bool = True
    tuning: str | None = None
    group: int | None = None

    def rounds(self, scene: Scene, group: int | None = None) -> tuple[tuple[int, ...], ...]:
        make = scene.to_make
        fits = len(make) + len(scene.given) <= MAX_SHOTS
        if size := group or self.group or (None if fits else BEYOND):
            return tuple(_in_groups(scene, make, size, whole=not self.cached))
        return tuple(_in_turn(scene, make))

    def context(self, scene: Scene, making: Sequence[int], made: Sequence[int]) -> tuple[int, ...]:
        known = [k for k in (*scene.given, *made) if not self.cached or k < min(making)]
        picked = {k for k in known if scene.shots[k].picked}
        needed = {k - 1 for k in making if scene.goes_on(k)}.intersection(known)
        return select(known, needed=needed, picked=picked, room=MAX_SHOTS - len(making))

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        blocks = scene_blocks(texts)
        for shot in sorted(pictures):
            blocks += shot_blocks(shot, texts, pictures[shot], patch=patch)
        return blocks


def _in_turn(scene: Scene, shots: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Shots by how many others they wait for, those that wait for none first."""
    waits: dict[int, int] = {}
    for k in shots:
        waits[k] = 1 + waits[k - 1] if scene.goes_on(k) and k - 1 in waits else 0
    for turn in sorted(set(waits.values())):
        yield tuple(k for k in shots if waits[k] == turn)


def _in_groups(scene: Scene, shots: Sequence[int], size: int, *, whole: bool) -> Iterator[tuple[int, ...]]:
    """At most ``size`` at once, in order, so that a film that broke off goes on in the same groups.

    All but the first group leave room for a shot that came before, and every group for those that its own go on from.
    whole: a group sees given shots among its own; else these part it.
    """
    group: list[int] = []
    for k in shots:
        room = size if k - len(group) == 0 else min(size, MAX_SHOTS - 1)
        parted = not whole and any(group and group[-1] < given < k for given in scene.given)
        needed = {j - 1 for j in (*group, k) if scene.goes_on(j)}
        full = len(group) == room or len({*group, k} | needed) > MAX_SHOTS
        if full or parted or (scene.goes_on(k) and k - 1 in group):
            yield tuple(group)
            group = []
        group.append(k)
    if group:
        yield tuple(group)
