"""What a creator does with jobs in the queue: order, hold, stop, once more, smaller, the same again."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from studio import ladder
from studio.limits import Limits
from studio.models import Job
from studio.store import Ledger
from studio.tasks import reseeded

STARTS = ("retry", "duplicate", "rerun", "smaller")  # what gives the worker something to do


class Queue:
    """Actions by their names; each takes a job."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger, self._limits = ledger, limits
        self.actions: dict[str, Callable[[Job], object]] = {
            "earlier": lambda job: self._move(job, -1),
            "later": lambda job: self._move(job, 1),
            "stop": lambda job: ledger.stop(job.id),
            "retry": self._retry,
            "duplicate": self._duplicate,
            "rerun": self.rerun,
            "smaller": self._smaller,
        }

    def rerun(self, job: Job) -> Job:
        """Byte for byte; its takes are not chosen."""
        (again,) = self._limits.submit(job.project, job.task.model_copy(update={"choose": False}), work=[job.work])
        return again

    def _move(self, job: Job, by: int) -> None:
        """One place earlier or later among those that wait."""
        waiting = [one.id for one in self._ledger.open_jobs() if one.state != "running"]
        place = waiting.index(job.id) + by if job.id in waiting else -1
        if 0 <= place < len(waiting):
            first, second = (job.id, waiting[place]) if by < 0 else (waiting[place], job.id)
            self._ledger.move(first, second)

    def _retry(self, job: Job) -> None:
        self._limits.submit(job.project, again=[job.id])

    def _duplicate(self, job: Job) -> None:
        self._limits.submit(job.project, reseeded(job.task, uuid.uuid4().int % 1_000_000), work=[job.work])

    def _smaller(self, job: Job) -> None:
        if tasks := ladder.smaller(job):
            self._limits.submit(job.project, *tasks)
        else:
            self._retry(job)
