"""A graphics card that is lent by the call (ZeroGPU Spaces): one call for each shot, of as many seconds as it takes.

The package of such Spaces, ``spaces``, forks this process for its calls. So the backbone is in memory before the first
one, what goes to a call and comes back is pickled, and whoever no longer reads ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from studio.executors.model import OwnModel, only
from studio.shelf import Shelf
from studio.tasks import STEPS

if TYPE_CHECKING:
    from engine import Backbone, CancelToken, Event, Scene, Take

FIRST, LEAST, MOST = 60, 10, 120  # seconds to ask for: before any call was timed, besides its work, and at most
ROOM = 1.5  # times as long as calls took, for one that takes longer is cut off
HERE: dict[str, Backbone] = {}  # what a forked process finds in its memory


class Lent(OwnModel):
    """The studio's own backbone, which computes while a card is lent; made before the page is served."""

    def __init__(self, shelf: Shelf) -> None:
        import spaces  # before anything looks for a card

        self._call: Callable[..., Iterator[Any]] = spaces.GPU(duration=lambda *asked: asked[-1])(_work)
        super().__init__(shelf)
        self._name, self._pace = shelf.own, None
        HERE["backbone"] = self._backbone

    def use(self, name: str, offload: str = "") -> None:
        if offload:
            raise ValueError(f"offload is {offload!r}; this Space has only the studio's own way, so leave it empty")
        if name:
            raise ValueError(f"backbone is {name!r}; this Space has only the studio's own, so choose that one")

    def generate(self, scene: Scene, *, cancel: CancelToken, **settings: Any) -> Iterator[Event]:
        """A call for each round: shots that are made one after the other don't wait for one long loan."""
        import engine
        from engine.outline import outline

        steps = settings.get("steps") or STEPS
        for one in outline(scene, self._name, method=settings["method"], group=settings["group"]):
            amount, started = one.running * steps, monotonic()
            for event in self._lend("generate", only(scene, one.shots), cancel, settings, self._seconds(amount)):
                if isinstance(event, engine.ShotDone):
                    scene = _with_take(scene, event.shot, event.take)
                yield event
            self._pace = (monotonic() - started) / amount

    def decode(self, raw: Take, *, cancel: CancelToken) -> Take:
        (take,) = self._lend("decode_take", raw, cancel, {}, FIRST)
        return take

    def encode(self, take: Take, *, cancel: CancelToken) -> Take:
        (encoded,) = self._lend("encode_take", take, cancel, {}, FIRST)
        return encoded

    def pace(self) -> None:
        """Nobody lends a card to be timed."""

    def _seconds(self, amount: float) -> int:
        return FIRST if self._pace is None else min(MOST, LEAST + round(ROOM * self._pace * amount))

    def _lend(
        self, what: str, asked: Scene | Take, cancel: CancelToken, settings: dict[str, Any], seconds: int
    ) -> Iterator[Any]:
        cancel.check()
        with _refused(), closing(self._call(what, asked, settings, seconds)) as events:
            for event in events:
                yield _good(event)
                cancel.check()


@contextmanager
def _refused() -> Iterator[None]:
    """No card is lent, for a visitor's share of the day is used up: said as ``spaces`` says it, without its markup."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "gradio":
            raise
        raise ValueError(re.sub(r"<[^>]*>", "", str(getattr(error, "message", error)))) from error


def _good(event: Any) -> Any:  # noqa: ANN401 - whatever a call gives
    if isinstance(event, Exception):
        raise event
    return event


def _work(what: str, asked: Scene | Take, settings: dict[str, Any], _seconds: int) -> Iterator[Any]:
    """In the process that has the card. Errors are given back, for of those that are raised only a name arrives."""
    import engine

    try:
        found = getattr(engine, what)(asked, HERE["backbone"], **settings)
        for event in found if what == "generate" else (found,):
            if not isinstance(event, engine.Finished):  # it would send every take once more
                yield event
    except Exception as error:  # noqa: BLE001 - raised again where the card was asked for
        yield error


def _with_take(scene: Scene, number: int, take: Take) -> Scene:
    shots = (replace(shot, take=take) if k == number else shot for k, shot in enumerate(scene.shots))
    return replace(scene, shots=tuple(shots))
