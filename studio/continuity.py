"""How a take fits the takes beside it: colours, light, and who is in the picture; each worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio import film
from studio.models import Project, TakeInfo
from studio.store import Store

if TYPE_CHECKING:
    from engine.identity import Likeness

PALETTE, EXPOSURE = 0.5, 0.5  # share of the colours, and stops, from which on a cut is worth a look


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Between two takes in the order of the film. palette, exposure: as ``engine.continuity``.

    other: the slate of the other shot. likeness: of the characters; None where nobody was read in one of them.
    """

    other: str
    earlier: bool  # the other take is the one before
    palette: float
    exposure: float
    likeness: Likeness | None

    @property
    def loud(self) -> bool:
        """Whether something jumps."""
        other = self.likeness is not None and self.likeness.share < 1
        return self.palette >= PALETTE or abs(self.exposure) >= EXPOSURE or other

    @property
    def text(self) -> str:
        """The numbers in plain words."""
        where = f"from {self.other}" if self.earlier else f"to {self.other}"
        stops = f"{abs(self.exposure):.1f} stops {'brighter' if self.exposure > 0 else 'darker'}"
        light = "same light" if abs(self.exposure) < 0.05 else stops
        told = [f"{self.palette:.0%} of the colours change", light]
        if self.likeness is not None:
            now = changes(self.likeness)
            told.append(f"{now} ({self.likeness.share:.0%} of the looks stay)" if now else "same looks (100%)")
        return f"Cut {where}: {', '.join(told)}."


def changes(likeness: Likeness) -> str:
    """What a character has become, as the judge reads it; "" where all looks stay."""
    return ", ".join(_change(one, two) for _, one, two in likeness.changed)


def _change(before: str, after: str) -> str:
    """Of one thing about a character, as the judge reads it."""
    gone, new = before.replace("_", " "), after.replace("_", " ")
    if after == "none":
        return f"{gone} is gone"
    return f"{new} is new" if before == "none" else f"{gone} becomes {new}"


def cuts(store: Store, project: Project, shot: str, take: TakeInfo) -> list[Cut]:
    """Of a take, to the chosen takes of its shot's neighbours in the scene."""
    shots = project.scene_of(shot).shots
    place = [one.id for one in shots].index(shot)
    beside = [(shots[k], k < place) for k in (place - 1, place + 1) if 0 <= k < len(shots)]
    return [_cut(store, project.slates[one.id], one.take, take, earlier) for one, earlier in beside if one.take]


def read_characters(store: Store, take: TakeInfo) -> None:
    """Have the judge say who is in a take, if it was not asked yet; only what the pocket model drew can be read."""
    from engine.identity import characters

    if not take.file and store.facts.get(_characters(take)) is None:
        store.facts.keep(_characters(take), characters(film.frames(store.media, take.latents)))


def _cut(store: Store, slate: str, other: TakeInfo, take: TakeInfo, earlier: bool) -> Cut:
    before, after = (other, take) if earlier else (take, other)
    palette, exposure = drifted(store, before, after)
    return Cut(
        other=slate, earlier=earlier, palette=palette, exposure=exposure, likeness=likeness_of(store, before, after)
    )


def drifted(store: Store, before: TakeInfo, after: TakeInfo) -> tuple[float, float]:
    """Palette and exposure from one take to the next, as ``engine.continuity.drift``."""
    from engine.continuity import drift

    name = f"drift {before.latents} {after.latents}"
    found = store.facts.get(name)
    if found is None:
        one = drift(film.frames(store.media, before.latents), film.frames(store.media, after.latents))
        found = [one.palette, one.exposure]
        store.facts.keep(name, found)
    return found[0], found[1]


def likeness_of(store: Store, before: TakeInfo, after: TakeInfo) -> Likeness | None:
    """How alike the characters of two takes are; None where the judge read nobody in one of them."""
    from engine.identity import likeness

    one, two = store.facts.get(_characters(before)), store.facts.get(_characters(after))
    return likeness(one, two) if one and two else None


def _characters(take: TakeInfo) -> str:
    return f"characters {take.latents}"
