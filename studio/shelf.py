"""The backbones that projects may choose: the studio's own, and those in its folder of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import list_backbones, load

if TYPE_CHECKING:
    from engine import Backbone, Entry


@dataclass(frozen=True)
class Shelf:
    """What a project calls a backbone, and what the engine loads.

    own: the backbone of projects that chose none. models: a folder of pipelines, or None. offload: where the weights
    of large ones wait, "" by the memory that is free.
    """

    own: str = "pocket"
    models: Path | None = None
    offload: str = ""

    def words(self) -> list[str]:
        """As a worker's command line has it."""
        return [self.own, str(self.models or ""), self.offload]

    def entries(self) -> list[Entry]:
        """All that can be chosen, by ``title``, with what each can do; ValueError when the models folder is gone."""
        return list_backbones(self.models)

    def path(self, name: str) -> str:
        """What the engine loads for a project's choice; ValueError when there is no such backbone."""
        if not name:
            return self.own
        known = {entry.title: entry for entry in self.entries()}
        if name not in known:
            raise ValueError(f"backbone is {name[:80]!r}; it is one of {', '.join(known)}")
        if problem := known[name].problem:
            raise ValueError(problem)
        return known[name].name


class Loaded:
    """One backbone in memory at a time: the next one takes the place of the last."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf, self.path, self._offload, self._backbone = shelf, "", "", None

    def get(self, name: str = "", offload: str = "") -> Backbone:
        """The backbone of a project's choice; ValueError when it can't be loaded.

        offload: where its weights wait, "" as the shelf says.
        """
        path, offload = self._shelf.path(name), offload or self._shelf.offload
        if self._backbone is None or (path, offload) != (self.path, self._offload):
            self._backbone = None  # its memory is needed
            self._backbone, self.path, self._offload = load(path, offload=offload or None), path, offload
        return self._backbone
