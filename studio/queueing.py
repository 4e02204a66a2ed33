"""What a creator does with jobs in the queue: order, hold, stop, once more, smaller, the same again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from studio.ladder import Way
from studio.limits import Limits
from studio.models import Job, Task
from studio.store import Ledger
from studio.tasks import chance, reseeded

STARTS = ("retry", "duplicate", "rerun", "smaller")  # what gives the worker something to do


class Queue:
    """Actions by their names; each takes a job.

    efforts: how much work each of a project's tasks is. way: what a job that ran out of memory may do instead.
    """

    def __init__(
        self,
        ledger: Ledger,
        limits: Limits,
        *,
        efforts: Callable[[str, Sequence[Task]], Sequence[float]],
        way: Callable[[Job], Way | None],
    ) -> None:
        self._ledger, self._limits, self._efforts, self._way = ledger, limits, efforts, way
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
        self._limits.submit(job.project, reseeded(job.task, chance()), work=[job.work])

    def _smaller(self, job: Job) -> None:
        way = self._way(job)
        if way is None:
            raise ValueError("this job did not run out of memory, or nothing smaller is left; make its shots shorter")
        if way.tasks:
            self._limits.submit(job.project, *way.tasks, work=self._efforts(job.project, way.tasks))
        else:
            self._limits.submit(job.project, again=[job.id], offload=way.offload)
