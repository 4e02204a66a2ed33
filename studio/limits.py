"""What one visitor of a public page may use up. On a machine of one's own there is no such bound."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from studio.models import FPS, Job, Task

if TYPE_CHECKING:
    from studio.settings import Settings
    from studio.store import Ledger

DAY = 86_400  # seconds
WORDS = {
    "projects": "new projects",
    "splits": "stories split",
    "shots": "shots made",
    "seconds": "seconds of film made",
    "uploads": "files opened",
    "exports": "exports written",
}


class Limits:
    """Counts by visitor and day, in memory: they begin anew with the studio.

    who: the visitor of the call that is running, as the page's server knows them; it is asked at every count.
    """

    def __init__(self, settings: Settings, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self.who: Callable[[], str] = str
        self._public, self._ledger, self._clock = settings.public, ledger, clock
        self._most = {what: getattr(settings, f"visitor_{what}") for what in WORDS}
        self._most_jobs = settings.visitor_jobs
        self._lock, self._day = threading.Lock(), 0
        self._used: Counter[tuple[str, str]] = Counter()
        self._jobs: dict[str, list[str]] = {}

    def spend(self, what: str, amount: float = 1) -> None:
        """Count something that a visitor uses up; ValueError, and nothing is counted, when it is too much."""
        with self._lock:
            self._check({what: amount})
            self._used[self.who(), what] += amount

    def submit(
        self, project_id: str, *tasks: Task, work: Sequence[float] = (), again: Sequence[str] = (), offload: str = ""
    ) -> list[Job]:
        """Queue jobs as ``Ledger.submit`` does, if the visitor may; shots of those ``again`` were counted before."""
        made = [shot for task in tasks for shot in task.shots if shot.id in task.make]
        wanted = {"shots": len(made), "seconds": sum(shot.frames for shot in made) / FPS}
        with self._lock:
            self._check(wanted)
            waiting = self._waiting() if self._public else []
            together = len({*waiting, *again}) + len(tasks)
            if self._public and together > self._most_jobs:
                helps = "make it scene by scene" if len(tasks) > self._most_jobs else "wait until one is done"
                raise ValueError(
                    f"jobs is {together} at once; one visitor of this public page may have "
                    f"{self._most_jobs}, so {helps}"
                )
            jobs = self._ledger.submit(project_id, *tasks, work=work, again=again, offload=offload)
            if self._public:
                self._jobs[self.who()] = [*waiting, *(job.id for job in jobs)]
                for what, amount in wanted.items():
                    self._used[self.who(), what] += amount
        return jobs

    def _check(self, wanted: dict[str, float]) -> None:
        if not self._public:
            return
        if (today := int(self._clock() // DAY)) != self._day:
            self._day, self._used = today, Counter()
        for what, amount in wanted.items():
            used, most = self._used[self.who(), what], self._most[what]
            if used + amount > most:
                raise ValueError(
                    f"{WORDS[what]} would be {used + amount:g} today; a visitor of this public page may have {most}, "
                    "so come back tomorrow, or run Reelboard on a machine of your own"
                )

    def _waiting(self) -> list[str]:
        """The visitor's jobs that are not over; visitors without any are forgotten."""
        open_jobs = {job.id for job in self._ledger.open_jobs()}
        left = {who: [job for job in jobs if job in open_jobs] for who, jobs in self._jobs.items()}
        self._jobs = {who: jobs for who, jobs in left.items() if jobs}
        return self._jobs.get(self.who(), [])
