"""The caller itself: what a ZeroGPU Space requires, where the GPU exists only inside a Gradio event."""

from __future__ import annotations

import logging
import threading
import uuid
from importlib.util import find_spec

from studio.executors.lent import Lent
from studio.executors.model import Model, OwnModel
from studio.failures import told
from studio.shelf import Shelf
from studio.store import Store

log = logging.getLogger(__name__)


class Inline:
    """Works while it is called. lent: the graphics card belongs to others and is lent by the call."""

    def __init__(self, store: Store, shelf: Shelf, *, lent: bool = False) -> None:
        if lent and find_spec("spaces") is None:
            raise ValueError("SPACES_ZERO_GPU is on, but its package is not installed; pip install spaces")
        self._store, self._shelf, self._kind = store, shelf, Lent if lent else OwnModel
        self._model: Model | None = None
        self._lock, self._owner = threading.Lock(), uuid.uuid4().hex

    def start(self) -> None:
        """There is no GPU outside an event: an unfinished film goes on when its creator asks again."""
        self._store.ledger.reconcile(lease=0)
        if self._kind is Lent:
            try:
                self._model = Lent(self._shelf)
            except ValueError as error:  # said again, to the creator, when there is a film to make
                log.warning("the model could not be opened: %s", error)

    def wake(self) -> None:
        """Work until the queue is empty; a second caller waits for the first."""
        import engine
        from studio.making import Maker

        with self._lock:
            self._store.ledger.reconcile()
            while (job := self._store.ledger.claim(self._owner)) is not None:
                try:
                    self._model = self._model or self._kind(self._shelf)
                except Exception as error:  # noqa: BLE001 - its creator is told
                    self._store.ledger.finish(
                        job.id, self._owner, "failed", message=told(self._store.home, job, error)
                    )
                    continue
                Maker(job, self._store, self._model, self._owner, engine.CancelToken()).run()

    def close(self) -> None:
        self._model = None
