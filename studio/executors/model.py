"""What a maker of films needs of a model, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine import CancelToken, Event, Scene, Take


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

    def pace(self) -> dict[str, Any] | None:
        """How quick this machine is: the name it was opened by and the values of ``engine.plan.Pace``.

        None where shots are made elsewhere.
        """
        ...


class OwnModel:
    """A backbone in this process; ValueError when there is none of this name."""

    hands = 1

    def __init__(self, name: str) -> None:
        import engine

        self._name, self._backbone = name, engine.load(name)

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

    def pace(self) -> dict[str, Any]:
        from engine import Scene
        from engine.plan import measure

        return {"backbone": self._name} | asdict(measure(self._backbone, Scene.height, Scene.width))
