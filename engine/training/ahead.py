"""Draws the batches of coming steps while a GPU computes; on a CPU, where both need the same cores, it waits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
WORKERS, DEPTH = 8, 16


class Ahead(Generic[T]):
    """``draw`` must be a pure function of the step; what comes out is the same with and without help."""

    def __init__(self, draw: Callable[[int], T], *, helped: bool) -> None:
        self._draw, self._coming = draw, dict[int, Future[T]]()
        self._pool = ThreadPoolExecutor(WORKERS) if helped else None

    def __call__(self, step: int) -> T:
        """The batch of a step."""
        if self._pool is None:
            return self._draw(step)
        for coming in range(step, step + DEPTH):
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(self._draw, coming)
        return self._coming.pop(step).result()
