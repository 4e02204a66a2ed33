"""A process of its own that owns the model: a crash of either leaves the other whole."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

from studio.settings import without_secrets
from studio.shelf import Shelf
from studio.store import Store

ROOT = Path(__file__).parents[2]
LOOK, LONGEST_PAUSE, SHORT_LIFE = 0.3, 30.0, 10.0  # seconds
PATIENCE = 30.0  # seconds for a worker to end
log = logging.getLogger(__name__)


class Local:
    """A worker process, started at first need and again whenever it dies."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._arguments = [str(store.home), str(os.getpid()), *shelf.words()]
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
                try:
                    self._process.wait(PATIENCE)
                except subprocess.TimeoutExpired:  # a step of a large model: it ends by itself after it
                    log.warning("the worker is still at a step and ends after it")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "studio.worker", *self._arguments]
        return subprocess.Popen(command, cwd=ROOT, env=without_secrets())  # noqa: S603 - our own module

    def _watch(self) -> None:
        """Start the worker again when it ends; one that lives shortly is given more and more time."""
        started, pause = monotonic(), LOOK
        while not self._closed.wait(LOOK):
            if self._process.poll() is None:
                continue
            pause = min(2 * pause, LONGEST_PAUSE) if monotonic() - started < SHORT_LIFE else LOOK
            log.warning("the worker ended (%s) and is started again", self._process.returncode)
            self._closed.wait(pause - LOOK)
            started = monotonic()
            with self._lock:
                if self._closed.is_set():
                    return
                try:
                    self._process = self._start()
                except OSError as error:  # no memory or no process to spare: perhaps later
                    log.warning("the worker could not be started: %s", error)
