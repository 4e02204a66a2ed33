"""The process that owns the model: ``python -m studio.worker HOME BACKBONE``. It works through the ledger."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from studio.store import Store

if TYPE_CHECKING:
    from studio.making import Maker

IDLE = 0.2  # seconds between two looks at an empty queue


class Worker:
    """Claims jobs until it is told to end, or until the studio that started it is gone and the queue is empty."""

    def __init__(self, home: Path, backbone: str) -> None:
        self.home, self.name, self.owner = home, backbone, uuid.uuid4().hex
        self.parent, self.ending = os.getppid(), False
        self.maker: Maker | None = None

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the studio, which ends this process itself
        with (self.home / "worker.lock").open("w") as lock:
            if not self._alone(lock.fileno()):
                return
            self._work()

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

    def _work(self) -> None:
        store = Store(self.home)
        store.ledger.reconcile(lease=0)  # this process holds the lock, so no other worker lives
        backbone = None
        with suppress(ValueError):  # said again, to the creator, when there is a film to make
            backbone = self._load()
        while not self.ending:
            job = store.ledger.claim(self.owner)
            if job is None:
                if os.getppid() != self.parent:
                    return
                time.sleep(IDLE)
                continue
            try:
                backbone = backbone or self._load()
            except ValueError as error:
                store.ledger.finish(job.id, self.owner, "failed", message=str(error))
                continue
            from engine import CancelToken
            from studio.making import Maker

            self.maker = Maker(job, store, backbone, self.owner, CancelToken())
            if self.ending:  # told so before there was a maker to tell
                self._end()
            self.maker.run()

    def _load(self) -> object:
        import engine

        return engine.load(self.name)

    def _end(self, *_: object) -> None:
        self.ending = True
        if self.maker is not None:
            self.maker.leave = True
            self.maker.token.cancel()


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker: %(message)s")
    Worker(Path(sys.argv[1]), sys.argv[2]).run()


if __name__ == "__main__":
    main()
