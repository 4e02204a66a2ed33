"""When a job fails: what a creator can do about it, and a log for whoever helps."""

from __future__ import annotations

import logging
import sqlite3
import traceback
from contextlib import suppress
from pathlib import Path

from studio import ladder
from studio.models import Job
from studio.sentences import sentence

LONGEST = 4_000  # characters of a log that are shown
REMEDIES = (  # signs in a job's message, and what helps
    ("disk is full", "Free some space, then go on: finished shots are kept."),
    ("process ended", "Go on to try once more; if it ends again, take the smaller way: memory may be too little."),
    ("memory", "Close other programs, or take a smaller model or shorter shots; then go on."),
    ("weights", "Name a folder with a whole model in REELBOARD_BACKBONE and start the studio again."),
    ("folder", "Name a folder with a whole model in REELBOARD_BACKBONE and start the studio again."),
)


def remedy(job: Job) -> str:
    """What to do about a failed job; "" for any other."""
    if job.state != "failed":
        return ""
    if job.message == ladder.OUT_OF_MEMORY:
        return ladder.REMEDIES[ladder.stage(job)]
    fitting = (advice for sign, advice in REMEDIES if sign in job.message)
    return next(fitting, "Go on to try once more from where it stopped; the log says more.")


log = logging.getLogger(__name__)


def told(home: Path, job: Job, error: Exception) -> str:
    """What a creator reads of an error that ended a job; what nobody foresaw is kept in its log as well."""
    if not isinstance(error, ValueError | OSError | sqlite3.Error | MemoryError):
        log.error("a job failed", exc_info=error)
        with suppress(OSError):  # the disk may be why
            write_log(home, job, error)
    return ladder.OUT_OF_MEMORY if ladder.ran_out(error) else sentence(error)


def write_log(home: Path, job: Job, error: BaseException) -> None:
    """Keep what happened beside the projects."""
    folder = home / "logs"
    folder.mkdir(exist_ok=True)
    told = "".join(traceback.format_exception(error))
    (folder / f"{job.id}.txt").write_text(f"{job.task.options.model_dump_json()}\n{told}", encoding="utf-8")


def read_log(home: Path, job: Job) -> str:
    """The end of what ``write_log`` kept; "" when there is nothing."""
    path = home / "logs" / f"{job.id}.txt"
    return path.read_text(encoding="utf-8")[-LONGEST:] if path.exists() else ""
