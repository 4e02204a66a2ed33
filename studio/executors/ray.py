"""Many workers on one or many machines, through Ray. They compute; the ledger and the files stay with this machine."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from studio.executors.local import ROOT, Local
from studio.executors.model import WorkerLost, only
from studio.shelf import Shelf
from studio.store import Store

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

    from engine import CancelToken, Event, Scene, Take

    Part = Callable[[ActorHandle], ObjectRef]

LOOK = 0.05  # seconds between two looks at the creator's wish to stop
LEFT_AT_HOME = ["tests", "runs", "assets/example.zip", ".git"]  # of this repository, when other machines need it


class Ray(Local):
    """A worker process that hands its jobs to a cluster: the one at ``address``, or one on this machine.

    workers: how many; 0 for one to each GPU of the cluster, or to each machine where there is none.
    """

    def __init__(self, store: Store, shelf: Shelf, *, address: str = "", workers: int = 0) -> None:
        super().__init__(store, shelf)
        if find_spec("ray") is None:
            raise ValueError("STUDIO_EXECUTOR is 'ray', but Ray is not installed; pip install ray, or use 'local'")
        self._arguments += [address or "local", str(workers)]


class Hand:
    """In a process of the cluster: a backbone, and the shots it is at, one event for each call."""

    def __init__(self, backbone: str, offload: str) -> None:
        self._name, self._offload, self._events = backbone, offload, iter(())

    def load(self) -> None:
        import engine

        self._backbone = engine.load(self._name, offload=self._offload or None)

    def begin(self, scene: Scene, settings: dict[str, Any]) -> Event | None:
        """The first event; with ``go_on`` the others, and None when all is made."""
        import engine

        self._events = engine.generate(scene, self._backbone, **settings)
        return self.go_on()

    def go_on(self) -> Event | None:
        import engine

        event = next(self._events, None)
        return None if isinstance(event, engine.Finished) else event  # it would send every take once more

    def drop(self) -> None:
        self._events = iter(())

    def decode(self, raw: Take) -> Take:
        import engine

        return engine.decode_take(raw, self._backbone)

    def encode(self, take: Take) -> Take:
        import engine

        return engine.encode_take(take, self._backbone)

    def record(self) -> dict[str, Any]:
        return self._backbone.record() | {"fps": self._backbone.fps, "size": self._backbone.size}


class Cluster:
    """The hands of a Ray cluster as one model, shared by the threads of one process.

    A hand that dies is replaced; its part of the work is raised as ``WorkerLost`` after all other parts are done.
    """

    def __init__(self, backbone: str, offload: str, address: str, workers: str) -> None:
        import ray

        count = int(workers)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        quiet = {"log_to_driver": False, "logging_level": "error"}
        try:
            if address == "local":
                ray.init("local", num_cpus=count or None, include_dashboard=False, **quiet)
            else:
                code = {"working_dir": str(ROOT), "excludes": LEFT_AT_HOME}
                ray.init(address, runtime_env=code, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"REELBOARD_RAY_ADDRESS is {address!r}; no Ray cluster answers there: {reason}") from None
        gpus = int(ray.cluster_resources().get("GPU", 0))
        needs = {"num_cpus": 1, "num_gpus": 1 if gpus else 0, "scheduling_strategy": "SPREAD"}
        self.hands = count or gpus or len(ray.nodes())
        self._make, self._load = ray.remote(Hand).options(**needs), (backbone, offload)
        self._lock = threading.Lock()
        self._free: deque[ActorHandle] = deque()
        self._starting: dict[ObjectRef, ActorHandle] = {}
        for _ in range(self.hands):
            self._start()

    def use(self, name: str, offload: str = "") -> None:
        if offload:
            raise ValueError(f"offload is {offload!r}; a cluster has only the studio's own way, so leave it empty")
        if name:
            raise ValueError(f"backbone is {name!r}; a cluster has only the studio's own, so choose that one")

    def generate(self, scene: Scene, *, cancel: CancelToken, **settings: Any) -> Iterator[Event]:
        """Shots that don't see each other are parts of their own, made side by side."""
        apart = settings["method"] == "independent"
        parts = [only(scene, (shot,)) for shot in scene.to_make] if apart else [scene]
        return self._walk([lambda hand, part=part: hand.begin.remote(part, settings) for part in parts], cancel)

    def decode(self, raw: Take, *, cancel: CancelToken) -> Take:
        (take,) = self._walk([lambda hand: hand.decode.remote(raw)], cancel)
        return take

    def encode(self, take: Take, *, cancel: CancelToken) -> Take:
        (encoded,) = self._walk([lambda hand: hand.encode.remote(take)], cancel)
        return encoded

    def record(self, *, cancel: CancelToken) -> dict[str, Any]:
        (told,) = self._walk([lambda hand: hand.record.remote()], cancel)
        return told

    def pace(self) -> None:
        """Its machines may differ, and this one makes nothing."""

    def _walk(self, parts: Sequence[Part], cancel: CancelToken) -> Iterator[Any]:
        """All that the parts bring, as it comes; each part has a hand to itself until it brings no more."""
        waiting, running, lost = deque(parts), {}, None
        try:
            while waiting or running:
                cancel.check()
                if waiting and (hand := self._take(cancel, wait=not running)):
                    running[waiting.popleft()(hand)] = hand
                for ref in _ready(list(running)):
                    hand = running[ref]
                    try:
                        brought = _result(ref)
                    except WorkerLost as error:
                        del running[ref]
                        self._start()
                        lost = error
                        continue
                    del running[ref]
                    if brought is None:
                        self._free.append(hand)
                    else:
                        running[hand.go_on.remote()] = hand
                        yield brought
        finally:
            for hand in running.values():
                hand.drop.remote()
                self._free.append(hand)
        if lost is not None:
            raise lost

    def _start(self) -> None:
        hand = self._make.remote(*self._load)
        self._starting[hand.load.remote()] = hand

    def _take(self, cancel: CancelToken, *, wait: bool) -> ActorHandle | None:
        """A hand that is free; ValueError when the model cannot be loaded."""
        while True:
            cancel.check()
            with self._lock:
                for ref in _ready(list(self._starting), seconds=0):
                    hand = self._starting.pop(ref)
                    try:
                        _result(ref)
                    except Exception:  # whatever it was, such as a GPU's memory: there stay as many hands
                        self._start()
                        raise
                    self._free.append(hand)
                if self._free or not wait:
                    return self._free.popleft() if self._free else None
            time.sleep(LOOK)


def _ready(refs: list[ObjectRef], seconds: float = LOOK) -> list[ObjectRef]:
    import ray

    return ray.wait(refs, num_returns=len(refs), timeout=seconds)[0] if refs else []


def _result(ref: ObjectRef) -> Any:  # noqa: ANN401 - whatever the hand gave
    """What a hand returned, or what it raised, as itself."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(ref)
    except RayTaskError as error:
        raise error.cause from None
    except RayError as error:
        raise WorkerLost(str(error)) from None
