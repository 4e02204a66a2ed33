"""How quick this machine is with a model: timed by the worker at its start, while nothing waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.executors.model import Model
from studio.store import Store

if TYPE_CHECKING:
    from engine.plan import Pace

FACT = "pace"


def measured(store: Store, name: str) -> Pace | None:
    """Of the backbone of this name; None before the worker found time."""
    from engine.plan import Pace

    found = store.facts.get(FACT)
    if found is None or found.pop("backbone") != name:
        return None
    return Pace(**{key: tuple(value) if isinstance(value, list) else value for key, value in found.items()})


def learn(store: Store, model: Model) -> None:
    """Time it; what an earlier start found may be of another machine, or of a busy hour."""
    if found := model.pace():
        store.facts.keep(FACT, found)
