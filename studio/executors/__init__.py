"""Who works on the ledger: a process of its own, the caller, or the workers of a Ray cluster."""

from __future__ import annotations

from typing import Protocol

from studio.executors.inline import Inline
from studio.executors.local import Local
from studio.executors.ray import Ray
from studio.settings import Settings
from studio.shelf import Shelf
from studio.store import Store


class Executor(Protocol):
    """Makes queued jobs happen."""

    def start(self) -> None:
        """The studio opens: take up what was left unfinished, and have the model ready."""
        ...

    def wake(self) -> None:
        """There is something in the queue."""
        ...

    def close(self) -> None:
        """Let go of the model; an unfinished job waits for the next start."""
        ...


def executor(store: Store, settings: Settings, shelf: Shelf) -> Executor:
    """The executor that the settings name; ValueError when it cannot work here."""
    match settings.executor:
        case "local":
            return Local(store, shelf)
        case "inline":
            return Inline(store, shelf, lent=settings.lent)
        case "ray":
            return Ray(store, shelf, address=settings.ray_address, workers=settings.ray_workers)


__all__ = ["Executor", "Inline", "Local", "Ray", "executor"]
