"""What a maker of films needs of a model, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine import Backbone, CancelToken, Event, Scene, Take


class WorkerLost(Exception):  # noqa: N818 - an outcome: the job is taken up again
    """The process that made a shot is gone; what was told before stays valid."""


class Model(Protocol):
    """Makes shots and raises ``engine.Cancelled`` soon after ``cancel`` is set.

    hands: films that it can be at side by side.
    """

    @property
    def hands(self) -> int: ...

    def generate(self, scene: Scene, *, cancel: CancelToken, **settings: Any) -> Iterator[Event]:
        """Events of ``engine.generate``; shots that see each other come in order."""
        ...

    def decode(self, raw: Take, *, cancel: CancelToken) -> Take:
        """Frames for a take that was kept as latents."""
        ...

    def encode(self, take: Take, *, cancel: CancelToken) -> Take:
        """Latents for a take that came from a file."""
        ...

    def record(self, *, cancel: CancelToken) -> dict[str, Any]:
        """The backbone's own: its name, the fingerprint of its weights."""
        ...


class OwnModel:
    """A backbone in this process; ValueError when there is none of this name."""

    hands = 1

    def __init__(self, name: str) -> None:
        import engine

        self._backbone: Backbone = engine.load(name)

    def generate(self, scene: Scene, *, cancel: CancelToken, **settings: Any) -> Iterator[Event]:
        import engine

        return engine.generate(scene, self._backbone, cancel=cancel, **settings)

    def decode(self, raw: Take, *, cancel: CancelToken) -> Take:
        import engine

        cancel.check()
        return engine.decode_take(raw, self._backbone)

    def encode(self, take: Take, *, cancel: CancelToken) -> Take:
        import engine

        cancel.check()
        return engine.encode_take(take, self._backbone)

    def record(self, *, cancel: CancelToken) -> dict[str, Any]:  # noqa: ARG002 - known at once
        return self._backbone.record()
