"""What needs less memory than a job that had too little. Nothing is done before its creator agrees."""

from __future__ import annotations

from engine import nearest_length
from studio.models import FPS, Job, Task
from studio.sentences import DIED

OUT_OF_MEMORY = "There was not enough memory; make one shot after the other, or shorter ones."
SIGNS = ("out of memory", "can't allocate memory", "not enough memory")  # of torch, whose own errors are many


def ran_out(error: BaseException) -> bool:
    """Whether memory was too little, of a graphics card or of the machine."""
    known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return known or (isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS))


def offer(job: Job) -> str:
    """A sentence to agree to, for a job that ran out of memory; "" for any other, and when nothing smaller is left.

    A system that has no memory left ends processes without a word, so a job that its workers died at counts as well.
    """
    if job.state != "failed" or job.message not in (OUT_OF_MEMORY, DIED):
        return ""
    if not _left(job):
        return "Put the film together again"
    if _joint(job):
        return "Make one shot after the other"
    if _looks_far(job):
        return "Remember only the shot before"
    frames = shorter(job)
    return f"Shorten to {frames / FPS:.1f} s" if frames else ""


def shorter(job: Job) -> int | None:
    """Frames of the shots that are left, when only shorter ones need less; None as long as there is another way."""
    left = [shot.frames for shot in job.task.shots if shot.id in _left(job)]
    if not left or _joint(job) or _looks_far(job) or max(left) == 1:
        return None
    return nearest_length(max(left) // 2)


def smaller(job: Job) -> list[Task]:
    """What is left of a job, as tasks that need less: one shot at a time, with less to look at, then with less of it.

    None when all shots are made, so that the job itself can go on. ValueError when there is nothing to offer.
    """
    if not offer(job):
        raise ValueError("this job did not run out of memory, or nothing smaller is left; make its shots shorter")
    task, left = job.task, _left(job)
    if left and _joint(job):
        options = task.options.model_copy(update={"method": "lct-ar", "group": None})
        return [task.model_copy(update={"options": options, "make": tuple(left), "begun": False})]
    if frames := shorter(job):
        short = {shot.id: {"frames": min(shot.frames, frames)} for shot in task.shots if shot.id in left}
        shots = tuple(shot.model_copy(update=short.get(shot.id, {})) for shot in task.shots)
        return [task.model_copy(update={"shots": shots, "make": tuple(left), "begun": False})]
    return [task.model_copy(update={"make": (shot,), "see": _before(task, shot), "begun": False}) for shot in left]


def _left(job: Job) -> list[str]:
    return [shot.shot for shot in job.shots if shot.state != "done"]


def _joint(job: Job) -> bool:
    return job.task.options.method == "lct" and len(job.task.make) > 1


def _before(task: Task, shot: str) -> tuple[str, ...]:
    """The shot before in the context, if there is one."""
    order = [one.id for one in task.shots]
    return tuple(order[max(order.index(shot) - 1, 0) : order.index(shot)])


def _looks_far(job: Job) -> bool:
    """Whether a shot that is left looks at more than the one before it."""
    task, left = job.task, _left(job)
    seen = {shot.id for shot in task.shots} if task.see is None else set(task.see)
    return task.options.method != "independent" and any(seen - {shot} - set(_before(task, shot)) for shot in left)
