"""What needs less memory than a job that had too little. Nothing is done before its creator agrees."""

from __future__ import annotations

from studio.models import Job, Task

OUT_OF_MEMORY = "There was not enough memory; make one shot after the other, or shorter ones."


def offer(job: Job) -> str:
    """A sentence to agree to, for a job that ran out of memory; "" for any other, and when nothing smaller is left."""
    if job.state != "failed" or job.message != OUT_OF_MEMORY:
        return ""
    if not _left(job):
        return "Put the film together again"
    if _joint(job):
        return "Make one shot after the other"
    return "Remember only the shot before" if len(job.task.shots) > 1 else ""


def smaller(job: Job) -> list[Task]:
    """What is left of a job, as tasks that need less: one shot at a time, then with less to look at.

    None when all shots are made, so that the job itself can go on. ValueError when there is nothing to offer.
    """
    if not offer(job):
        raise ValueError("this job did not run out of memory, or nothing smaller is left; make its shots shorter")
    task, left = job.task, _left(job)
    if left and _joint(job):
        options = task.options.model_copy(update={"method": "lct-ar", "group": None})
        return [task.model_copy(update={"options": options, "make": tuple(left), "begun": False})]
    order = [shot.id for shot in task.shots]
    seen = {shot: tuple(order[max(order.index(shot) - 1, 0) : order.index(shot)]) for shot in left}
    return [task.model_copy(update={"make": (shot,), "see": seen[shot], "begun": False}) for shot in left]


def _left(job: Job) -> list[str]:
    return [shot.shot for shot in job.shots if shot.state != "done"]


def _joint(job: Job) -> bool:
    return job.task.options.method == "lct" and len(job.task.make) > 1
