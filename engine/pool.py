"""The history pool: takes, stills and uploads from which a creator picks what a new shot shall look at.

LCT section 4.3: first make a pool of characters and places, then choose for every new shot what it remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from engine.affinity import related
from engine.backbones.base import Backbone
from engine.generation import NOTHING, encode_take
from engine.scene import Shot, Take
from engine.uploads import read_upload


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to remember: pixels with their latents, and the words that say what they show."""

    name: str
    kind: str  # "take", "still" or "upload"
    prompt: str
    take: Take


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """An entry that may help a shot, and why; nothing is used until the creator accepts it."""

    entry: Entry
    score: float
    reasons: tuple[str, ...]


class Pool:
    """Entries by name, in the backbone's own size unless told. Latents are computed once, when an entry is added."""

    def __init__(
        self, backbone: Backbone, *, height: int | None = None, width: int | None = None, longest: int = 17
    ) -> None:
        self.backbone, self.entries = backbone, dict[str, Entry]()
        self.shape = backbone.shape(longest, height or backbone.size[0], width or backbone.size[1])

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def add_take(self, name: str, take: Take, *, prompt: str) -> Entry:
        """A finished take as it is."""
        self._check(name, prompt)
        return self._add(name, "take", prompt, take)

    def add_still(self, name: str, take: Take, *, frame: int, prompt: str) -> Entry:
        """One frame of a take, which is a one-frame shot (LCT section 4.1)."""
        if not 0 <= frame < len(take.frames):
            near = min(max(frame, 0), len(take.frames) - 1)
            raise ValueError(
                f"frame is {frame}; the take has frames 0 to {len(take.frames) - 1}, the nearest is {near}"
            )
        self._check(name, prompt)
        return self._add(name, "still", prompt, self._encoded(take.frames[frame : frame + 1], {"frame": frame}))

    def add_upload(self, name: str, path: str | Path, *, prompt: str) -> Entry:
        """A picture or film from a file."""
        self._check(name, prompt)
        frames = read_upload(path, self.shape, fps=self.backbone.fps)
        frames = frames[: self._longest(len(frames))]
        return self._add(name, "upload", prompt, self._encoded(frames, {"file": Path(path).name}))

    def shots(self, *names: str, noise: int | None = None) -> tuple[Shot, ...]:
        """Entries in the given order, as given shots to put into a scene; noise: their t_c."""
        for name in names:
            if name not in self.entries:
                known = ", ".join(self.entries) or "nothing yet"
                raise ValueError(f"{name!r} is not in the pool; it holds {known}")
        found = [self.entries[name] for name in names]
        return tuple(Shot(prompt=e.prompt, frames=len(e.take.frames), take=e.take, noise=noise) for e in found)

    def suggest(self, prompt: str, *, limit: int = 3) -> list[Suggestion]:
        """Entries that share characters or the place with a shot's prompt, best first."""
        ranked = related(prompt, {entry.name: entry.prompt for entry in self})[:limit]
        return [Suggestion(entry=self.entries[name], score=score, reasons=why) for name, score, why in ranked]

    def _longest(self, frames: int) -> int:
        """The longest clip of at most so many frames that the backbone makes; some want more than its codec does."""
        for count in range(frames, 1, -1):
            try:
                self.backbone.shape(count, self.shape.height, self.shape.width)
            except ValueError:
                continue
            return count
        return 1

    def _check(self, name: str, prompt: str) -> None:
        if name in self.entries:
            raise ValueError(f"{name!r} is in the pool already; give another name")
        if not prompt.strip():
            raise ValueError(f"prompt of {name!r} is empty; say what it shows, so that the model knows")

    def _add(self, name: str, kind: str, prompt: str, take: Take) -> Entry:
        self.entries[name] = entry = Entry(name=name, kind=kind, prompt=prompt, take=take)
        return entry

    def _encoded(self, frames: Tensor, made_by: dict[str, object]) -> Take:
        return encode_take(Take(frames=frames, latents=NOTHING, seed=0, made_by=made_by), self.backbone)
