"""Who works on the ledger: a process of its own, or the caller."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from time import monotonic
from typing import Protocol

from studio.store import Store

ROOT = Path(__file__).parents[1]
LOOK, LONGEST_PAUSE, SHORT_LIFE = 0.3, 30.0, 10.0  # seconds
log = logging.getLogger(__name__)


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


class Local:
    """A worker process, started at first need and again whenever it dies."""

    def __init__(self, store: Store, backbone: str) -> None:
        self._store, self._backbone = store, backbone
        self._lock, self._process, self._closed = threading.Lock(), None, threading.Event()

    def start(self) -> None:
        self.wake()

    def wake(self) -> None:
        with self._lock:
            if self._process is None and not self._closed.is_set():
                self._process = self._start()
                threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(30)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "studio.worker", str(self._store.home), self._backbone]
        return subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - our own module

    def _watch(self) -> None:
        """Start the worker again when it ends; one that dies at once is given more and more time."""
        started, pause = monotonic(), LOOK
        while not self._closed.wait(pause):
            with self._lock:
                if self._closed.is_set() or self._process.poll() is None:
                    pause = LOOK
                    continue
                pause = min(2 * pause, LONGEST_PAUSE) if monotonic() - started < SHORT_LIFE else LOOK
                log.warning("the worker ended (%s) and is started again", self._process.returncode)
                try:
                    self._process, started = self._start(), monotonic()
                except OSError as error:  # no memory or no process to spare: perhaps later
                    log.warning("the worker could not be started: %s", error)


class Inline:
    """The caller itself: what a ZeroGPU Space requires, where the GPU exists only inside a Gradio event."""

    def __init__(self, store: Store, backbone: str) -> None:
        self._store, self._name, self._backbone = store, backbone, None
        self._lock, self._owner = threading.Lock(), uuid.uuid4().hex

    def start(self) -> None:
        """There is no GPU outside an event: an unfinished film goes on when its creator asks again."""
        self._store.ledger.reconcile(lease=0)

    def wake(self) -> None:
        """Work until the queue is empty; a second caller waits for the first."""
        import engine
        from studio.making import Maker

        with self._lock:
            self._store.ledger.reconcile()
            while (job := self._store.ledger.claim(self._owner)) is not None:
                try:
                    self._backbone = self._backbone or engine.load(self._name)
                except ValueError as error:
                    self._store.ledger.finish(job.id, self._owner, "failed", message=str(error))
                    continue
                Maker(job, self._store, self._backbone, self._owner, engine.CancelToken()).run()

    def close(self) -> None:
        self._backbone = None


EXECUTORS: dict[str, type[Local] | type[Inline]] = {"local": Local, "inline": Inline}
