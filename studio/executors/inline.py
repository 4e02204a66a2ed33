"""The caller itself: what a ZeroGPU Space requires, where the GPU exists only inside a Gradio event."""

from __future__ import annotations

import threading
import uuid

from studio.executors.model import Model, OwnModel
from studio.shelf import Shelf
from studio.store import Store


class Inline:
    """Works while it is called."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store, self._shelf = store, shelf
        self._model: Model | None = None
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
                    self._model = self._model or OwnModel(self._shelf)
                except ValueError as error:
                    self._store.ledger.finish(job.id, self._owner, "failed", message=str(error))
                    continue
                Maker(job, self._store, self._model, self._owner, engine.CancelToken()).run()

    def close(self) -> None:
        self._model = None
