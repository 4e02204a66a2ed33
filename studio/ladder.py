"""What needs less memory than a job that had too little. Nothing is done before its creator agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from studio.models import FPS, Job, Task
from studio.sentences import DIED

OUT_OF_MEMORY = "There was not enough memory; what was finished is kept."
REMEDIES = {  # what helps, by the stage at which there was too little
    "denoise": "Take the smaller way, or make the shots shorter.",
    "decode": "No step is lost: close other programs and go on, or take the smaller way.",
    "stitch": "Every shot is made: close other programs, then put the film together again.",
}
SIGNS = ("out of memory", "can't allocate memory", "not enough memory")  # of torch, whose own errors are many


def ran_out(error: BaseException) -> bool:
    """Whether memory was too little, of a graphics card or of the machine."""
    known = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return known or (isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS))


@dataclass(frozen=True, kw_only=True)
class Way:
    """What needs less, in words, and as tasks for what is left of a job; none when the job itself can go on.

    frames: of the shots that are left, where they become shorter. offload: where the weights of a job that goes on
    wait, "" as before.
    """

    text: str
    tasks: tuple[Task, ...] = ()
    frames: int | None = None
    offload: str = ""


def fell_short(job: Job) -> bool:
    """Whether a job ran out of memory.

    A system that has no memory left ends processes without a word, so a job that its workers died at counts as well.
    """
    return job.state == "failed" and job.message in (OUT_OF_MEMORY, DIED)


def stage(job: Job) -> str:
    """At which stage a job broke off: a key of ``REMEDIES``."""
    if not left(job):
        return "stitch"
    return "decode" if any(shot.state == "denoised" for shot in job.shots) else "denoise"


def offer(job: Job, *, legal: Sequence[int], farther: str = "") -> Way | None:
    """What to agree to, for a job that fell short; None when nothing smaller is left.

    First what leaves the film as it is, then one shot at a time, with less to look at, then with less of it. Shots are
    decoded one by one whatever they looked at, so where that was too much there is nothing between.

    legal: frames of the shots that its model can make. farther: where the weights could wait so that a GPU has more
    room; "" where that would not help.
    """
    at, make = stage(job), tuple(left(job))
    if at == "stitch":
        return Way(text="Put the film together again")
    task = job.task.model_copy(update={"begun": False, "make": make})
    if at == "decode":
        return _decoded(job, farther) or _shorter(task, legal)
    if farther:
        return Way(text="Let the weights wait in main memory (slow)", tasks=(_with(task, offload=farther),))
    if _joint(job):
        return Way(text="Make one shot after the other", tasks=(_with(task, method="lct-ar", group=None),))
    if _looks_far(job):
        alone = ({"make": (shot,), "see": _before(task, shot)} for shot in make)
        return Way(text="Remember only the shot before", tasks=tuple(task.model_copy(update=one) for one in alone))
    return _shorter(task, legal)


def _decoded(job: Job, farther: str) -> Way | None:
    """Decode what was denoised, which is kept; None where a try that had nothing else in memory was too much."""
    if farther:
        return Way(text="Only decode again, with the weights in main memory (slow)", offload=farther)
    return Way(text="Only decode again") if job.done else None


def _with(task: Task, **options: Any) -> Task:
    return task.model_copy(update={"options": task.options.model_copy(update=options)})


def _shorter(task: Task, legal: Sequence[int]) -> Way | None:
    """What is left, in about half the length."""
    longest = max(shot.frames for shot in task.shots if shot.id in task.make)
    frames = min((n for n in legal if n < longest), key=lambda n: abs(2 * n - longest), default=None)
    if frames is None:
        return None
    short = {shot.id: {"frames": min(shot.frames, frames)} for shot in task.shots if shot.id in task.make}
    shots = tuple(shot.model_copy(update=short.get(shot.id, {})) for shot in task.shots)
    tasks = (task.model_copy(update={"shots": shots}),)
    return Way(text=f"Shorten to {frames / FPS:.1f} s", tasks=tasks, frames=frames)


def left(job: Job) -> list[str]:
    """The shots that a job has not made."""
    return [shot.shot for shot in job.shots if shot.state != "done"]


def _joint(job: Job) -> bool:
    """Whether several of the shots that are left are made at once; one that goes on waits for the one before."""
    options, make = job.task.options, left(job)
    waiting = sum(not two.cut and {one.id, two.id} <= set(make) for one, two in pairwise(job.task.shots))
    count = len(make) - waiting
    together = {"lct": options.group or count, "lct-ar": options.group or 1}.get(options.method, 1)
    return min(together, count) > 1


def _before(task: Task, shot: str) -> tuple[str, ...]:
    """The shot before in the context, if there is one."""
    order = [one.id for one in task.shots if one.id == shot or one.id in _seen(task)]
    return tuple(order[max(order.index(shot) - 1, 0) : order.index(shot)])


def _seen(task: Task) -> set[str]:
    return {shot.id for shot in task.shots} if task.see is None else set(task.see)


def _looks_far(job: Job) -> bool:
    """Whether a shot that is left looks at more than the one before it."""
    task = job.task
    seen = _seen(task)
    return task.options.method != "independent" and any(seen - {s} - set(_before(task, s)) for s in left(job))
