"""The process that owns the model: ``python -m studio.worker HOME OWN MODELS OFFLOAD``; it works off the ledger."""

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

if TYPE_CHECKING:
    from studio.making import Maker

IDLE = 0.2  # seconds between two looks at an empty queue
LONG = 10  # such looks, after which there is time to measure how quick this machine is
PAUSE = 2.0  # seconds after which a disk that refused is asked again
log = logging.getLogger(__name__)


class Worker:
    """Claims jobs until it is told to end, or until the studio that started it is gone and the queue is empty.

    It is at as many jobs at a time as ``load``'s model has hands.
    """

    def __init__(self, home: Path, load: Callable[[], Model]) -> None:
        self.home, self.load, self.owner = home, load, uuid.uuid4().hex
        self.parent, self.ending = os.getppid(), False
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
        while not self.ending and os.getppid() == self.parent:
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
        """One job after the other; in the first rest this machine is timed."""
        idle = 0
        while not self.ending:
            job = self._next(store)
            if job is None:
                if os.getppid() != self.parent:
                    return
                time.sleep(IDLE)
                idle += 1
                if idle == LONG and self.model is not None:
                    with suppress(sqlite3.Error):  # a plan can do without
                        learn(store, self.model)
                continue
            try:
                model = self._open(store)
            except Exception as error:  # noqa: BLE001 - the creator is told, and the next job may be another model's
                store.ledger.finish(job.id, self.owner, "failed", message=told(self.home, job, error))
                continue
            self._make(job, store, model)

    def _next(self, store: Store) -> Job | None:
        """The next job; none while the ledger cannot be written, which a full disk is until there is room."""
        try:
            return store.ledger.claim(self.owner)
        except sqlite3.Error as error:
            log.warning("no job can be taken: %s", error)
            time.sleep(PAUSE)
            return None

    def _make(self, job: Job, store: Store, model: Model) -> None:
        from engine import CancelToken
        from studio.making import Maker

        maker = Maker(job, store, model, self.owner, CancelToken())
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
    """``HOME OWN MODELS OFFLOAD`` makes shots in this process; with ``ADDRESS WORKERS`` behind it in a Ray cluster."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker: %(message)s")
    home, own, models, offload, *cluster = sys.argv[1:]
    shelf = Shelf(own, Path(models) if models else None, offload)
    Worker(Path(home), partial(Cluster, own, *cluster) if cluster else partial(OwnModel, shelf)).run()


if __name__ == "__main__":
    main()
