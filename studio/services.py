"""All that a page can ask for. Every input is checked here, whoever sent it."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine import MAX_SHOTS, CancelToken, unknown_words, vocabulary
from studio import film
from studio.drafts import Asked, Draft, DraftShot, finished
from studio.executors import EXECUTORS
from studio.exports import EXPORTS, export
from studio.imports import imported
from studio.models import Job, Options, Project, ShotInfo, TakeInfo, Task, TaskShot
from studio.settings import Settings, writable_home
from studio.splitter import choose_splitter
from studio.store import Store
from studio.store.archive import pack, unpack

STORIES = Path(__file__).parents[1] / "prompts" / "stories.json"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a creator typed on one shot's card."""

    prompt: str
    frames: int
    cut: bool


class Studio:
    """The services behind the pages."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(writable_home(settings))
        self.exports = self.store.home / "exports"
        shutil.rmtree(self.exports, ignore_errors=True)  # they can be written again at any time
        self.exports.mkdir()
        self.executor = EXECUTORS[settings.executor](self.store, settings.backbone)
        self._splitter = choose_splitter(settings)

    @cached_property
    def stories(self) -> list[dict[str, Any]]:
        """The example stories."""
        return json.loads(STORIES.read_text())

    def start(self) -> None:
        """Take up what an earlier run of the studio left unfinished, and have the model ready."""
        self.executor.start()

    def job(self, project_id: str) -> Job | None:
        """The project's open job, or the one that ended last."""
        return self.store.ledger.last(project_id)

    def ahead(self, job: Job) -> int:
        """How many jobs come before this one."""
        return sum(other.place < job.place for other in self.store.ledger.open_jobs())

    def remaining(self, job: Job) -> float | None:
        """Seconds to go, from the pace of earlier jobs; None before anything was learned."""
        pace = self.store.ledger.pace()
        share = 1 - job.done / job.total if job.total else 1.0
        return None if pace is None else pace * job.work * share

    def open(self, project_id: str | None) -> Project:
        """A visitor's project; without one the last project (on a public page: a new one)."""
        found = self.store.projects.get(project_id) if project_id else None
        if found is None and not self.settings.public:
            found = self.store.projects.latest()
        return found or self.store.projects.create()

    def new(self) -> Project:
        return self.store.projects.create()

    def project(self, project_id: str) -> Project:
        found = self.store.projects.get(project_id)
        if found is None:
            raise ValueError("this project is no longer here; reload the page")
        return found

    def split(self, project_id: str, story: str, shots: int, **wishes: Any) -> tuple[Project, str]:
        """A new shot list from a story, with the ``wishes`` of Asked; the takes of the old shots stay in the store."""
        draft = finished(self.drafts(project_id, Asked(story=story, shots=shots, **wishes)))
        return self.accept(project_id, draft), draft.note

    def drafts(self, project_id: str, asked: Asked, *, cancel: CancelToken | None = None) -> Iterator[Draft]:
        """A split, shot by shot; nothing is kept of it until one of its drafts is accepted."""
        self._not_running(self.project(project_id))
        return self._splitter.drafts(asked, cancel=cancel)

    def imported(self, text: str) -> tuple[Draft, ...]:
        """Drafts of a pasted story.json (one) or a Fountain screenplay (one for each scene)."""
        return imported(text)

    def again(self, project_id: str, locked: Sequence[int], *, wish: str = "", **options: Any) -> Asked:
        """What to ask of ``drafts`` so that all shots but the locked ones (from 0) are written anew."""
        project = self.project(project_id)
        present = tuple(DraftShot(prompt=shot.prompt, frames=shot.frames, cut=shot.cut) for shot in project.shots)
        story = project.story.strip() or "\n".join(shot.prompt for shot in present)
        known = {"story": story, "shots": len(present), "prompt": project.prompt, "present": present}
        return Asked(**known | options, locked=frozenset(locked), wish=wish)

    def accept(self, project_id: str, draft: Draft, *, keep: bool = False, revision: int | None = None) -> Project:
        """Take a draft as the project's shots.

        keep: they are the same shots written anew, with their takes. revision: of the project that the draft was asked
        of; what was edited since is not written over.
        """
        project = self.project(project_id)
        self._not_running(project)
        before = project.shots if keep else ()
        shots = tuple(
            _checked(
                ShotInfo, **(dict(before[index]) if index < len(before) else {"id": uuid.uuid4().hex}) | vars(shot)
            )
            for index, shot in enumerate(draft.shots)
            if shot is not None
        )
        wanted = {"story": draft.story, "prompt": draft.prompt, "shots": shots}
        wanted |= {"options": draft.options} if draft.options else {}
        wanted |= {} if revision is None else {"revision": revision}
        self.store.projects.save(_checked(Project, **dict(project) | wanted))
        if not keep:
            self.store.projects.set_film(project.id, "")
        return self.project(project.id)

    def edit(
        self,
        project_id: str,
        prompt: str,
        edits: Sequence[Edit],
        options: dict[str, Any],
        *,
        revision: int | None = None,
    ) -> Project:
        """Save what was typed; unchanged projects are left alone.

        revision: of the project that the creator saw; an edit of an older one is refused and says what changed.
        """
        project = self.project(project_id)
        typed = {shot.id: vars(edit) for shot, edit in zip(project.shots, edits, strict=False)}
        shots = tuple(_checked(ShotInfo, **dict(shot) | typed.get(shot.id, {})) for shot in project.shots)
        wanted = {"prompt": prompt, "shots": shots, "options": _checked(Options, **options)}
        wanted |= {} if revision is None else {"revision": revision}
        changed = _checked(Project, **dict(project) | wanted)
        same = changed.model_copy(update={"revision": project.revision}) == project
        return project if same else self.store.projects.save(changed)

    def undo(self, project_id: str) -> Project:
        """Take the last edit back."""
        return self.store.projects.undo(self.project(project_id).id)

    def redo_edit(self, project_id: str) -> Project:
        """Bring back what was undone."""
        return self.store.projects.redo(self.project(project_id).id)

    def generate(self, project_id: str) -> Job:
        """Make every shot of the project; a job that broke off with the same wishes goes on where it stopped."""
        project = self.project(project_id)
        if not project.shots:
            raise ValueError("there are no shots yet; write a story and split it first")
        return self._submit(project, [shot.id for shot in project.shots], project.options.seed)

    def redo(self, project_id: str, index: int, *, see: Sequence[int] | None = None) -> Job:
        """A new take of one shot, with a new seed, looking at the takes of the others, or only at those in ``see``."""
        project = self.project(project_id)
        for number in (index, *(see or ())):
            if not 0 <= number < len(project.shots):
                raise ValueError(f"shot is {number + 1}; the project has {len(project.shots)}")
        for number in see or ():
            if project.shots[number].take is None:
                raise ValueError(f"shot {number + 1} has no take yet, so there is nothing to look at; make it first")
        seen = None if see is None else tuple(project.shots[number].id for number in see)
        return self._submit(project, [project.shots[index].id], uuid.uuid4().int % 1_000_000, see=seen)

    def takes(self, project: Project, index: int) -> list[TakeInfo]:
        """All takes of a shot, oldest first."""
        return self.store.projects.takes(project.shots[index].id)

    def choose(self, project_id: str, index: int, take_id: str) -> Project:
        """Make another take of a shot the one that counts, and put the film together anew."""
        project = self.project(project_id)
        self._not_running(project)
        self.store.projects.choose(project.shots[index].id, take_id)
        takes = [shot.take for shot in self.project(project_id).shots if shot.take]
        self.store.projects.set_film(project_id, film.assemble(self.store.media, takes))
        return self.project(project_id)

    def stop(self, project_id: str, how: str = "now") -> None:
        """Stop the project's job "now", or "after" the shot that is being made."""
        if how not in ("now", "after"):
            raise ValueError(f"how is {how[:20]!r}; it is 'now' or 'after'")
        job = self.job(project_id)
        if job is not None and job.busy:
            self.store.ledger.stop(job.id, how)

    def close(self) -> None:
        """Let the worker go; what it was making waits for the next start."""
        self.executor.close()

    def rerun(self, take_id: str) -> Job:
        """Make a take again exactly as it was made: the same bytes on the same processor."""
        job = self.store.ledger.get(self.store.projects.take(take_id).job)
        if job is None:
            raise ValueError("this take came from another studio; its record says how it was made, not what it saw")
        again = self.store.ledger.submit(job.project, job.task, work=job.work)
        self.executor.wake()
        return again

    def export(self, project_id: str, name: str) -> Path:
        """The film or its board in one of the forms of ``EXPORTS``, as a file of its own."""
        folder = self.exports / uuid.uuid4().hex
        folder.mkdir()
        return export(self.store, self.project(project_id), name, folder)

    def save_zip(self, project_id: str) -> bytes:
        """The project with all its takes as one file."""
        return pack(self.store.projects.archive(project_id), self.store.media)

    def open_zip(self, content: bytes) -> Project:
        """A project file as a new project."""
        return self.store.projects.restore(unpack(content, self.store.media))

    def unknown_words(self, project: Project) -> tuple[str, ...]:
        """Words of the prompts that the model cannot know; ValueError when there is no model."""
        texts = (project.prompt, *(shot.prompt for shot in project.shots))
        return unknown_words("\n".join(texts), self.settings.backbone)

    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        return vocabulary()

    def media(self, name: str) -> Path:
        return self.store.media.path(name)

    def _submit(self, project: Project, make: Sequence[str], seed: int, *, see: tuple[str, ...] | None = None) -> Job:
        """Queue a job, or go on with the project's last one when it broke off at the very same task."""
        last = self.job(project.id)
        if last is not None and last.busy:
            raise ValueError("this film is being made; stop it or wait until it is done")
        shots = tuple(TaskShot(**shot.model_dump(exclude={"stale"})) for shot in project.shots)
        task = Task(prompt=project.prompt, shots=shots, make=tuple(make), see=see, options=project.options, seed=seed)
        if last is not None and last.state in ("failed", "cancelled") and _same(last.task, task):
            self.store.ledger.retry(last.id)
            job = self.store.ledger.get(last.id)
        else:
            work = sum(shot.frames for shot in shots if shot.id in make) * (project.options.steps or 1)
            job = self.store.ledger.submit(project.id, task, work=float(work))
        self.executor.wake()
        return job

    def _not_running(self, project: Project) -> None:
        job = self.job(project.id)
        if job is not None and job.busy:
            raise ValueError("this film is being made; stop it before changing its shots")


def _same(one: Task, two: Task) -> bool:
    """Whether two tasks wish for the same; the takes that a broken-off job already made are no difference."""

    def bare(task: Task) -> Task:
        shots = (s.model_copy(update={"take": None}) if s.id in task.make else s for s in task.shots)
        return task.model_copy(update={"shots": tuple(shots)})

    return bare(one) == bare(two)


T = TypeVar("T", bound=BaseModel)


def _checked(kind: type[T], **values: Any) -> T:
    """Build a value, or say in one sentence what is wrong."""
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or kind.__name__.lower()
        raise ValueError(f"{name} is {str(first['input'])[:60]!r}; {first['msg'].lower()}") from None


__all__ = ["EXPORTS", "MAX_SHOTS", "Edit", "Studio"]
