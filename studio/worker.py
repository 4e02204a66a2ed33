"""The model's process, ``python -m studio.worker HOME STUDIO OWN MODELS OFFLOAD``; it works off the ledger."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.executors.model import Model, OwnModel
from studio.executors.ray import Cluster
from studio.failures import told
from studio.models import Job
from studio.pace import learn
from studio.shelf import Shelf
from studio.store import Store
from studio.store.ledger import Lost

if TYPE_CHECKING:
    from studio.making import Maker

IDLE = 0.2  # seconds between two looks at an empty queue
LONG = 10  # such looks, after which there is time to measure how quick this machine is
PAUSE = 2.0  # seconds after which a disk that refused is asked again
log = logging.getLogger(__name__)


class Worker:
    """Claims jobs until it is told to end, or until the studio that started it is gone and the queue is empty.

    It is at as many jobs at a time as ``load``'s model has hands.

    studio: the process that started it; asked of the system here, it could be gone already and another in its place.
    """

    def __init__(self, home: Path, studio: int, load: Callable[[], Model]) -> None:
        self.home, self.studio, self.load = home, studio, load
        self.ending = False
        self.model: Model | None = None
        self.makers: list[Maker] = []
        self.others: list[threading.Thread] = []

    def run(self) -> None:
        self._listen()
        with (self.home / "worker.lock").open("w") as lock:
            if self._alone(lock.fileno()):
                self._work(Store(self.home))

    def _listen(self) -> None:
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the studio, which ends this process itself

    def _alone(self, lock: int) -> bool:
        """Wait until no other worker has this folder: one model is enough for a machine."""
        while not self.ending and os.getppid() == self.studio:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(IDLE)
            else:
                return True
        return False

    def _work(self, store: Store) -> None:
        store.ledger.reconcile(lease=0)  # this process holds the lock, so no other worker lives
        try:
            self._open(store)
        except Exception as error:  # noqa: BLE001 - said again, to the creator, when there is a film to make
            log.warning("the model could not be opened: %s", error)
        self._serve(store)
        for hand in self.others:  # the lock is held until the last job is out of hand
            hand.join()

    def _open(self, store: Store) -> Model:
        """The model, loaded at the first call; its other hands begin to work then."""
        if self.model is None:
            self.model = self.load()
            self._listen()  # a library may have taken the signals for itself
            for _ in range(self.model.hands - 1):
                self.others.append(threading.Thread(target=self._serve, args=(store,)))
                self.others[-1].start()
        return self.model

    def _serve(self, store: Store) -> None:
        """One job after the other; in the first rest this machine is timed.

        Each hand owns its jobs itself: one that was silent so long that another hand took its job up must hear of it.
        """
        idle, owner = 0, uuid.uuid4().hex
        while not self.ending:
            job = self._next(store, owner)
            if job is None:
                if os.getppid() != self.studio:
                    return
                time.sleep(IDLE)
                idle += 1
                if idle == LONG:
                    self._learn(store)
                continue
            try:
                model = self._open(store)
            except Exception as error:  # noqa: BLE001 - the creator is told, and the next job may be another model's
                with suppress(Lost, sqlite3.Error):  # unwritten, it is found as one whose worker died
                    store.ledger.finish(job.id, owner, "failed", message=told(self.home, job, error))
                continue
            self._make(job, store, model, owner)

    def _learn(self, store: Store) -> None:
        """Time this machine; a plan can do without, and a large model may not fit at the sizes that are tried."""
        try:
            if self.model is not None:
                learn(store, self.model)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next job is made
            log.warning("this machine could not be timed: %s", error)

    def _next(self, store: Store, owner: str) -> Job | None:
        """The next job; none while the ledger cannot be written, which a full disk is until there is room.

        A job whose end could not be written then is found by its silence.
        """
        try:
            made = [maker.job.id for maker in tuple(self.makers)]  # of other hands: late, but alive, after a sleep
            store.ledger.reconcile(alive=made)
            return store.ledger.claim(owner)
        except sqlite3.Error as error:
            log.warning("no job can be taken: %s", error)
            time.sleep(PAUSE)
            return None

    def _make(self, job: Job, store: Store, model: Model, owner: str) -> None:
        from engine import CancelToken
        from studio.making import Maker

        maker = Maker(job, store, model, owner, CancelToken())
        self.makers.append(maker)
        if self.ending:  # told so before there was a maker to tell
            self._end()
        maker.run()
        self.makers.remove(maker)

    def _end(self, *_: object) -> None:
        self.ending = True
        for maker in self.makers:
            maker.leave = True
            maker.token.cancel()


def main() -> None:
    """``HOME STUDIO OWN MODELS OFFLOAD`` makes shots in this process; with ``ADDRESS WORKERS`` too in a cluster."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker: %(message)s")
    home, studio, own, models, offload, *cluster = sys.argv[1:]
    shelf = Shelf(own, Path(models) if models else None, offload)
    load = partial(Cluster, own, offload, *cluster) if cluster else partial(OwnModel, shelf)
    Worker(Path(home), int(studio), load).run()


if __name__ == "__main__":
    main()
