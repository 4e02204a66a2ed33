"""From a board to what the worker shall make: which shots together, and what each of them looks at, in which order."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence

from studio.bible import compose
from studio.models import SCENE, Job, Options, Project, Reference, SceneInfo, ShotInfo, Task, TaskShot
from studio.planning import plan
from studio.staleness import DRAFT

DRAFT_STEPS = 6  # enough to judge what stands where
STEPS = 12  # of a sampler, where nothing else is asked for; only the guess of the time left needs it


def scene_options(project: Project, scene: SceneInfo) -> Options:
    """How a scene's shots are made: as all of the film, but for what its own plan says."""
    return project.options.model_copy(update=scene.making.model_dump(exclude_none=True))


def drafted(task: Task) -> Task:
    """The same with fewer steps; its noise is that of the final."""
    steps = min(task.options.steps or STEPS, DRAFT_STEPS)
    return task.model_copy(update={"options": task.options.model_copy(update={"draft": True, "steps": steps})})


def scene_tasks(project: Project, scene: SceneInfo, make: Sequence[str]) -> list[Task]:
    """Shots that remember their scene are made together, with every reference that one of them picked.

    A shot whose picks leave its scene out is made after them, alone with its picks; it keeps its place, unseen. The
    final of a draft has its seed.
    """
    seed = project.options.seed
    free = [shot for shot in scene.shots if shot.id in make and SCENE in _picks(shot)]
    alone = [shot for shot in scene.shots if shot.id in make and SCENE not in _picks(shot)]
    tasks = []
    if free:
        order = _in_order(project, scene, [key for shot in free for key in _picks(shot)])
        left_out = {shot.id for shot in alone}
        tasks.append(_task(project, scene, [shot.id for shot in free], order, seed, unseen=left_out))
    tasks += [_alone(project, scene, shot, _picks(shot), seed) for shot in alone]
    drafts = {shot.id: shot.take.seed for shot in scene.shots if shot.take and DRAFT in shot.stale}
    return [seeded(task, {key: drafts[key] for key in task.make if key in drafts}) for task in tasks]


def redo_task(project: Project, shot: str, *, seed: int, see: Sequence[str] | None = None) -> Task:
    """One shot anew, looking at its picks or at ``see``."""
    found, scene = project.shot(shot), project.scene_of(shot)
    picks = _picks(found) if see is None else tuple(see)
    if SCENE in picks:
        return _task(project, scene, [shot], _in_order(project, scene, picks), seed)
    return _alone(project, scene, found, picks, seed)


def there(task: Task, project: Project) -> Task:
    """The task without shots that are neither made nor to be seen as the board is now.

    What went on from one of them starts with a cut, as it does where it is made.
    """
    shown = {one.id for one in task.shots if (task.see is None or one.id in task.see) and project.shown(one.id)}
    shots, before = [], True
    for one in task.shots:
        here = one.id in shown or one.id in task.make
        if here:
            shots.append(one if before else one.model_copy(update={"cut": True}))
        before = here
    return task.model_copy(update={"shots": tuple(shots)})


def work(task: Task, project: Project, backbone: str) -> float:
    """Tokens times passes, with which time grows; frames times passes when there are no weights to ask."""
    try:
        size = sum(one.running for one in plan(there(task, project), backbone, None).rounds)
    except ValueError:
        size = sum(shot.frames for shot in task.shots if shot.id in task.make)
    return float(size * (task.options.steps or STEPS))


def chance() -> int:
    """A seed that nobody chose."""
    return uuid.uuid4().int % 1_000_000


def reseeded(task: Task, seed: int) -> Task:
    """The same wish with other noise."""
    shots = tuple(shot.model_copy(update={"seed": None}) for shot in task.shots)
    return task.model_copy(update={"shots": shots, "seed": seed, "begun": False})


def goes_on(job: Job, task: Task, project: Project) -> bool:
    """Whether a job broke off at this very task (or only these shots of it are left) and looks at the same takes."""
    if job.state not in ("failed", "cancelled"):
        return False
    left = tuple(shot.shot for shot in job.shots if shot.state != "done")
    wish = job.task
    seen = [shot for shot in wish.shots if wish.see is None or shot.id in wish.see]
    given = [shot for shot in seen if wish.begun and shot.id not in wish.make]
    same = all(project.shown(shot.id) == shot.take for shot in given)
    return same and task.make in (job.task.make, left) and _bare(job.task) == _bare(task)


def _picks(shot: ShotInfo) -> tuple[str, ...]:
    return (SCENE,) if shot.see is None else shot.see


def _in_order(project: Project, scene: SceneInfo, picks: Sequence[str]) -> list[str]:
    """What else was picked, then the last shot of the scene before when this one goes on from it, then the scene."""
    before = [shot.id for one in project.scenes[: project.scenes.index(scene)] for shot in one.shots]
    own = [shot.id for shot in scene.shots]
    last = before[-1:] if before and not scene.shots[0].cut else []
    return [*(key for key in picks if key not in (SCENE, *last, *own)), *last, *own]


def _alone(project: Project, scene: SceneInfo, shot: ShotInfo, picks: Sequence[str], seed: int) -> Task:
    """A shot with its picks in their order, of which later shots of its own scene stay behind it.

    Not under a causal method, where what is behind would not be seen. A shot that goes on stands right after the
    one that it goes on from, seen or not: it does not go on from any other.
    """
    own, board = [one.id for one in scene.shots], [one.id for one in project.shots]
    later = () if scene_options(project, scene).method == "lct-causal" else own[own.index(shot.id) + 1 :]
    place = board.index(shot.id)
    last = board[place - 1 : place] if place and not shot.cut else []
    before = [key for key in picks if key not in later and key not in last]
    order = [*before, *last, shot.id, *(key for key in later if key in picks)]
    return _task(project, scene, [shot.id], order, seed, unseen={*last} - {*picks})


def _task(
    project: Project,
    scene: SceneInfo,
    make: list[str],
    order: Sequence[str],
    seed: int,
    *,
    unseen: Collection[str] = (),
) -> Task:
    """A wish, whole. What was picked may have left the board since; the rest but ``unseen`` is looked at."""
    known = {shot.id: shot for shot in project.shots} | {one.id: one for one in project.references}
    makers = [known[key] for key in make]
    noises = {key: noise for shot in reversed(makers) for key, noise in shot.noises.items()}
    own = {shot.id for shot in scene.shots}
    shots = []
    for key in dict.fromkeys(order):
        if key not in known:
            continue
        noise = noises.get(key, noises.get(SCENE) if key in own else None)
        picked = any(key in (shot.see or ()) for shot in makers)
        shots.append(_wish(known[key], scene, project).model_copy(update={"noise": noise, "picked": picked}))
    see = tuple(shot.id for shot in shots if shot.id not in unseen)
    return Task(
        scene=scene.id,
        prompt=compose(project.bible, scene),
        shots=tuple(shots),
        make=tuple(make),
        see=see,
        options=scene_options(project, scene),
        seed=seed,
    )


def seeded(task: Task, seeds: Mapping[str, int]) -> Task:
    """The task with seeds of their own for some of its shots."""
    shots = (shot.model_copy(update={"seed": seeds[shot.id]}) if shot.id in seeds else shot for shot in task.shots)
    return task.model_copy(update={"shots": tuple(shots)})


def _wish(one: ShotInfo | Reference, scene: SceneInfo, project: Project) -> TaskShot:
    if isinstance(one, ShotInfo):
        return TaskShot(id=one.id, prompt=one.prompt, frames=one.frames, cut=project.cuts(one), seed=one.seed)
    return TaskShot(id=one.id, prompt=told(one, scene, project), frames=one.frames, cut=True, take=one.take)


def told(reference: Reference, scene: SceneInfo, project: Project) -> str:
    """What the model reads with a reference: its words, and which of the scene's characters it shows."""
    known = {entry.id for entry in project.bible if entry.text.strip()}
    cast = [key for key in scene.cast if key in known]
    words = reference.prompt.strip() or reference.name.strip() or "A picture."
    if reference.entry not in cast or re.search(r"\bCharacter \d", words):
        return words
    return f"Character {cast.index(reference.entry) + 1}. {words}"


def _bare(task: Task) -> Task:
    """What a task wishes for, whatever takes it looked at already."""
    shots = tuple(shot.model_copy(update={"take": None}) for shot in task.shots)
    return task.model_copy(update={"shots": shots, "begun": False, "make": ()})
