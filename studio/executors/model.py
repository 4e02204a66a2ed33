"""What a maker of films needs of a model, wherever it runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from studio.shelf import Loaded, Shelf

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

    def use(self, name: str, offload: str = "") -> None:
        """Work with the backbone of a project's choice, its weights waiting there; ValueError when it can't be had."""
        ...

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
        """The backbone's own: its name, the fingerprint of its weights; "fps" and "size" of its films."""
        ...

    def pace(self) -> dict[str, Any] | None:
        """How quick this machine is: the name it was opened by and the values of ``engine.plan.Pace``.

        None where shots are made elsewhere, or there is no backbone now.
        """
        ...


class OwnModel:
    """A backbone of the shelf in this process, one at a time; ValueError when the studio's own can't be had."""

    hands = 1

    def __init__(self, shelf: Shelf) -> None:
        self._loaded = Loaded(shelf)
        self._backbone = self._loaded.get()

    def use(self, name: str, offload: str = "") -> None:
        self._backbone = None  # or another one would be loaded beside it
        self._backbone = self._loaded.get(name, offload)

    def generate(self, scene: Scene, *, cancel: CancelToken, **settings: Any) -> Iterator[Event]:
        import engine

        return engine.generate(scene, self._backbone, cancel=cancel, **settings)

    def decode(self, raw: Take, *, cancel: CancelToken) -> Take:
        import engine

        return engine.decode_take(raw, self._backbone, cancel)

    def encode(self, take: Take, *, cancel: CancelToken) -> Take:
        import engine

        cancel.check()
        return engine.encode_take(take, self._backbone)

    def record(self, *, cancel: CancelToken) -> dict[str, Any]:  # noqa: ARG002 - known at once
        return self._backbone.record() | {"fps": self._backbone.fps, "size": self._backbone.size}

    def pace(self) -> dict[str, Any] | None:
        from engine.plan import measure

        if self._backbone is None:  # the one that was asked for last can't be had
            return None
        return {"backbone": self._loaded.path} | asdict(measure(self._backbone, *self._backbone.size))


def only(scene: Scene, wanted: Collection[int]) -> Scene:
    """The scene with some of its shots to make; their seeds and places stay the same."""
    left = (replace(s, skipped=s.skipped or (s.take is None and k not in wanted)) for k, s in enumerate(scene.shots))
    return replace(scene, shots=tuple(left))
