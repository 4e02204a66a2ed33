"""All that a page can ask for. Every input is checked here, whoever sent it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from engine import (
    LONGEST_SCENE,
    CancelToken,
    forget_prompts,
    free_memory,
    lengths,
    offloads,
    unknown_words,
    vocabulary,
    window,
)
from studio import about, board, ladder
from studio.bible import compose
from studio.drafts import Asked, Draft, DraftShot, finished
from studio.executors import Inline, executor
from studio.exports import EXPORTS, export
from studio.imports import imported, lasting, pasted
from studio.inputs import checked_inputs
from studio.limits import Limits
from studio.models import FPS, LONGEST, MAX_NOTE, Job, Note, Options, Project, Removed, TakeInfo, Task
from studio.pace import measured
from studio.planning import Advice, Plan, advise, misfits, plan, refuse
from studio.pool import Pool
from studio.preferences import Preferences, choosable, chosen, keep, preferred, refuse_choice, told_by
from studio.queueing import STARTS, Queue
from studio.review import Seam, keep_sound, reviewed, seams
from studio.sentences import sentence
from studio.settings import Settings, writable_home
from studio.shelf import Shelf
from studio.splitter import Rules, choose_splitter, to_paste, try_out
from studio.staleness import due
from studio.store import Listed, Store
from studio.store.archive import unpack
from studio.tasks import chance, drafted, goes_on, redo_task, reseeded, scene_tasks, seeded, there, work

STORIES = Path(__file__).parents[1] / "prompts" / "stories.json"
EXAMPLE = Path(__file__).parents[1] / "assets" / "example.zip"
SPARE = 64_000_000  # bytes that stay free on the disk
A_FRAME = 64_000  # bytes of a frame in all forms that are kept: pixels, latents, video
KEPT = {True: 3_600, False: 86_400}  # seconds for which an export can be fetched, on a public page and on one's own


@checked_inputs
class Studio:
    """The services behind the pages."""

    def __init__(self, settings: Settings) -> None:
        self._told = settings  # by variables
        self.settings = preferred(settings, chosen(writable_home(settings)))
        self.store = Store(settings.home)
        self.limits = Limits(settings, self.store.ledger)
        self._queue = Queue(self.store.ledger, self.limits, efforts=self._efforts, way=self._way)
        self._asking = threading.Lock()
        self.exports, self.received = self.store.home / "exports", self.store.home / "received"
        for folder in (self.exports, self.received):  # they can be written, or sent, again at any time
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=True)
        self.shelf = Shelf(settings.backbone, settings.models, settings.offload)
        self.executor = executor(self.store, settings, self.shelf)
        self.pool = Pool(self.store, self.limits, self.shelf)
        self._splitter = choose_splitter(self.settings)

    @property
    def has_model(self) -> bool:
        """Whether a language model splits stories, which hears wishes for tone and language."""
        return not isinstance(self._splitter, Rules)

    @cached_property
    def stories(self) -> list[dict[str, Any]]:
        """The example stories."""
        return json.loads(STORIES.read_text())

    def start(self) -> None:
        """Take up what an earlier run of the studio left unfinished, and have the model ready."""
        with suppress(OSError, sqlite3.Error):  # a later one will
            self.store.tidy()
        self.executor.start()

    def job(self, project_id: str) -> Job | None:
        """The project's job that runs or comes next, or the one that ended last."""
        waiting = self.jobs(project_id)
        running = [job for job in waiting if job.state == "running"]
        return (running or waiting or [self.store.ledger.last(project_id)])[0]

    def broken(self, project: Project) -> list[Job]:
        """Jobs that broke off and left shots unmade, scene by scene; none while the project is being made.

        One that was stopped counts only while a shot of it has no take at all.
        """
        if any(job.busy for job in self.jobs(project.id)):
            return []
        found = [self.store.ledger.last(project.id, scene.id) for scene in project.scenes]
        there = {shot.id: shot.take for shot in project.shots}
        left = [(job, [s.shot for s in job.shots if s.state != "done" and s.shot in there]) for job in found if job]
        return [
            job
            for job, shots in left
            if shots and (job.state == "failed" or (job.state == "cancelled" and any(there[s] is None for s in shots)))
        ]

    def jobs(self, project_id: str) -> list[Job]:
        """The project's jobs that are not over, in the order in which they will run."""
        return [job for job in self.store.ledger.open_jobs() if job.project == project_id]

    def queue(self, project_id: str) -> tuple[list[Job], list[Job]]:
        """Jobs that are open, and the last that are over; on a public page only those of the project."""
        mine = project_id if self.settings.public else None
        waiting = [job for job in self.store.ledger.open_jobs() if mine in (None, job.project)]
        return waiting, self.store.ledger.recent(mine)

    @property
    def paused(self) -> bool:
        """Whether no job of the queue begins."""
        return self.store.ledger.paused

    def pause(self, *, paused: bool = True) -> None:
        """Let no job of the queue begin, or let them go; one that runs goes on."""
        if self.settings.public:
            raise ValueError("the queue of a public page is everybody's; hold your own jobs")
        self.store.ledger.pause(paused=paused)
        if not paused:
            self.executor.wake()

    def ahead(self, job: Job) -> int:
        """How many jobs come before this one."""
        before = (other for other in self.store.ledger.open_jobs() if other.place < job.place)
        return sum(other.state != "held" for other in before)

    def remaining(self, job: Job) -> float | None:
        """Seconds to go, from the pace of earlier jobs; None before anything was learned."""
        pace = self.store.ledger.pace(job.task.options.backbone)
        if not pace or not job.work:
            return None
        share = 1 - job.done / job.total if job.total else len(ladder.left(job)) / len(job.shots)
        return pace * job.work * share

    def remaining_in_all(self, project_id: str) -> float | None:
        """Seconds until the last of a project's jobs is done, with what comes before it; None as ``remaining``."""
        jobs = [job for job in self.store.ledger.open_jobs() if job.state != "held"]
        last = max((job.place for job in jobs if job.project == project_id), default=0)
        left = [self.remaining(job) for job in jobs if job.place <= last]
        return None if None in left else sum(left)

    def open(self, project_id: str | None) -> Project:
        """A visitor's project; without one the last project (on a public page: a new one)."""
        found = self.store.projects.get(project_id) if project_id else None
        if found is None and not self.settings.public:
            found = self.store.projects.latest()
        return found or self._first()

    def _first(self) -> Project:
        """A finished film to look at and to play with, or an empty board."""
        self.limits.spend("projects")
        if self.settings.example and EXAMPLE.exists():
            return self.store.projects.restore(unpack(EXAMPLE, self.store.media))
        return self.store.projects.create()

    def new(self, name: str = "") -> Project:
        self.limits.spend("projects")
        return self.store.projects.create(name[:120])

    def projects(self, *, trashed: bool = False) -> list[Listed]:
        """All projects, the last touched first; on a public page nobody sees those of others."""
        return [] if self.settings.public else self.store.projects.listed(trashed=trashed)

    def trash(self, project_id: str, *, trashed: bool = True) -> None:
        """Put a project away, or take it back out of the trash."""
        if trashed:
            self._not_running(self.project(project_id))
        self.store.projects.trash(project_id, trashed=trashed)

    def project(self, project_id: str) -> Project:
        return self.store.projects.open(project_id)

    def split(
        self, project_id: str, story: str, shots: int, *, scene: str | None = None, **wishes: Any
    ) -> tuple[Project, str]:
        """A story as the shots of a scene (of the first, or a new one), with the ``wishes`` of Asked, and a note.

        The takes of the old shots stay in the store.
        """
        draft = finished(self.drafts(project_id, Asked(story=story, shots=shots, **wishes), scene=scene))
        return self.accept(project_id, draft, scene=scene), draft.note

    def drafts(
        self, project_id: str, asked: Asked, *, scene: str | None = None, cancel: CancelToken | None = None
    ) -> Iterator[Draft]:
        """A split, shot by shot; nothing is kept of it until one of its drafts is accepted."""
        self.limits.spend("splits")
        return self._drafts(project_id, asked, scene, cancel)

    def _drafts(
        self, project_id: str, asked: Asked, scene: str | None, cancel: CancelToken | None = None
    ) -> Iterator[Draft]:
        self._not_running(self.project(project_id), scene)
        return self._splitter.drafts(asked, cancel=cancel)

    def wish(
        self, project_id: str, scene: str | None, story: str, shots: int, **wishes: Any
    ) -> tuple[Iterator[Draft], bool]:
        """Drafts of what a creator told or pasted for a scene, and whether its shots are the same ones, written anew.

        That is so where one of them is locked: it stays to the byte, and where it is.
        """
        now = self.project(project_id)
        self.limits.spend("splits")  # before anything is read: to read a long screenplay takes a while
        if (found := pasted(story)) is not None:
            return iter((lasting(found, wishes.get("seconds")),)), False
        if scene and any(shot.locked for shot in now.scene(scene).shots):
            asked = self.again(project_id, scene, story=story, shots=shots, **wishes)
            return self._drafts(project_id, asked, scene), True
        return self._drafts(project_id, Asked(story=story, shots=shots, **wishes), scene), False

    def question(self, story: str, shots: int, **wishes: Any) -> str:
        """What a language model would be asked, for a chat elsewhere; ``wish`` takes its answer as a story.

        Or, in a sentence, why nothing can be asked.
        """
        try:
            return to_paste(Asked(story=story, shots=shots, **wishes))
        except ValueError as error:
            return sentence(error)

    def take_in(self, text: str) -> tuple[Project, str]:
        """A story.json (one scene) or a Fountain screenplay (its scenes) as a new project, and a note."""
        draft = imported(text)
        return self.accept(self.new(draft.title).id, draft), draft.note

    def rewrite(self, project_id: str, shot: str, wish: str) -> tuple[Project, str]:
        """One shot's words written anew after a wish, and a note on how; its takes stay."""
        project = self.project(project_id)
        scene = project.scene_of(shot).id
        draft = finished(self.drafts(project_id, self.again(project_id, scene, only=shot, wish=wish), scene=scene))
        return self.accept(project_id, draft, scene=scene, keep=True, revision=project.revision), draft.note

    def again(self, project_id: str, scene: str, *, only: str = "", wish: str = "", **options: Any) -> Asked:
        """What to ask of ``drafts`` so that a scene's shots that are not locked (or ``only`` one) are written anew."""
        project = self.project(project_id)
        home = project.scene(scene)
        present = tuple(DraftShot(prompt=shot.prompt, frames=shot.frames, cut=shot.cut) for shot in home.shots)
        locked = frozenset(n for n, s in enumerate(home.shots) if (s.id != only if only else s.locked))
        story = home.story.strip() or "\n".join(shot.prompt for shot in present)
        known = {"story": story, "shots": len(present), "prompt": compose(project.bible, home), "present": present}
        return Asked(**known | options, locked=locked, wish=wish)

    def accept(
        self,
        project_id: str,
        draft: Draft,
        *,
        scene: str | None = None,
        keep: bool = False,
        revision: int | None = None,
        author: str = "",
    ) -> Project:
        """Take a draft as a scene's shots; one with more shots than a scene holds goes on in new scenes after it.

        scene: the first one, or a new one, when it is not named. keep: they are the same shots written anew, with
        their takes. revision: of the project that the draft was asked of; what was edited since is not written over.
        """
        self._not_running(self.project(project_id), scene)

        def fill(now: Project) -> Project:
            home = now if now.scenes else board.add_scene(now)
            return board.accept(home, scene or home.scenes[0].id, draft, keep=keep)

        return self.store.projects.edit(project_id, fill, seen=revision, author=author)

    def edit(
        self, project_id: str, edit: str, /, *, revision: int | None = None, author: str = "", **values: Any
    ) -> Project:
        """Do one of ``EDITS``; nothing is written when it changes nothing.

        revision: of the project that the creator saw; an edit of what another author changed since is refused and
        says so.
        """
        if edit == "set_options" and "backbone" in values:
            self.shelf.path(str(values["backbone"]))
        return self.store.projects.edit(
            project_id, lambda now: board.apply(now, edit, values), seen=revision, author=author
        )

    def tell(
        self, project_id: str, story: str, *, scene: str | None = None, revision: int | None = None, author: str = ""
    ) -> Project:
        """Keep the story of a scene while it is written; the first words of a project begin its first scene."""

        def change(now: Project) -> Project:
            home = now if now.scenes or not story.strip() else board.add_scene(now)
            if not home.scenes:
                return now
            return board.apply(home, "set_scene", {"scene": scene or home.scenes[0].id, "story": story})

        return self.store.projects.edit(project_id, change, seen=revision, author=author)

    def undo(self, project_id: str, revision: int | None = None, *, author: str = "") -> Project:
        """Take the last edit back."""
        return self.store.projects.undo(self.project(project_id).id, revision, author=author)

    def redo_edit(self, project_id: str, revision: int | None = None, *, author: str = "") -> Project:
        """Bring back what was undone."""
        return self.store.projects.redo(self.project(project_id).id, revision, author=author)

    def prompt(self, project: Project, shot: str) -> tuple[str, str]:
        """What the model reads for a shot: the words of its scene, and its own."""
        return compose(project.bible, project.scene_of(shot)), project.shot(shot).prompt

    def generate(
        self, project_id: str, *, scene: str | None = None, missing: bool = False, draft: bool = False
    ) -> list[Job]:
        """Make every shot that is not locked, scene after scene; a job that broke off goes on where it stopped.

        scene: only this one. missing: only shots without a take; when all have one, those whose take is old.
        draft: in fewer steps, to look at; what is made of a draft later has its seed. A shot whose take is as it
        should be gets a seed of chance, unless it has its own: the film's would make the very same take again.
        """
        project = self.project(project_id)
        if self.broke_off(project):
            self.executor.wake()
            return self.jobs(project_id)
        scenes = project.scenes if scene is None else (project.scene(scene),)
        asked = [s for one in scenes for s in one.shots if not s.locked]
        if missing:
            asked = [s for s in asked if s.take is None] or [s for s in asked if due(s, draft=draft)]
        chosen = {s.id for s in asked}
        wanted = [(one, [s.id for s in one.shots if s.id in chosen]) for one in scenes]
        if not any(make for _, make in wanted):
            empty = not any(one.shots for one in scenes)
            raise ValueError(
                "there are no shots yet; write a story and split it first"
                if empty
                else "there is nothing to make: every shot is locked or up to date"
            )
        fresh = {s.id: chance() for s in asked if s.take and not s.stale and s.seed is None}
        tasks = [self._anew(task, fresh, project) for one, make in wanted for task in scene_tasks(project, one, make)]
        with self._asking:  # two windows that press Make at once make one film
            for one in scenes:
                self._not_running(project, one.id)
            jobs = self._submit(project, [drafted(task) for task in tasks] if draft else tasks)
        self.executor.wake()
        return jobs

    def plan(self, project: Project, scene: str) -> list[Plan]:
        """What making a scene's shots that are not locked would take, task by task; ValueError without a model.

        Seconds follow from the last jobs, as those that a running job has to go; before any, from the worker's timing,
        which may have met a busy moment.
        """
        home = project.scene(scene)
        tasks = scene_tasks(project, home, [shot.id for shot in home.shots if not shot.locked])
        backbone = self.shelf.path(project.options.backbone)
        pace, lived = measured(self.store, backbone), self.store.ledger.pace(project.options.backbone)
        plans = [plan(there(task, project), backbone, pace) for task in tasks]
        if lived is None:
            return plans
        return [replace(one, seconds=lived * work(one.task, project, backbone)) for one in plans]

    def advice(self, project: Project, scene: str) -> list[Advice]:
        """What would help before a scene is made; lengths that the model can't make stand in the way of any plan."""
        backbone = self.shelf.path(project.options.backbone)
        if wrong := misfits(project, [shot for shot in project.scene(scene).shots if not shot.locked], backbone):
            return wrong
        pace = measured(self.store, backbone)
        again = partial(plan, backbone=backbone, pace=pace)
        unknown = partial(self.unknown_in, backbone=project.options.backbone)
        known = {"unknown": unknown, "room": None if pace is None or not pace.shared else free_memory()}
        found = [one for made in self.plan(project, scene) for one in advise(project, made, again, **known)]
        return list({one.text: one for one in found}.values())

    def lengths(self, project: Project) -> tuple[int, ...]:
        """Frames of the shots that the project's model can make; the pocket model's when there is no model to ask."""
        return self._lengths(project.options.backbone)

    def _lengths(self, backbone: str) -> tuple[int, ...]:
        try:
            return lengths(LONGEST, self.shelf.path(backbone))
        except ValueError:
            return lengths(LONGEST)

    def broke_off(self, project: Project) -> bool:
        """Whether jobs of the project wait and only the next call of its creator takes them up."""
        waiting = [job for job in self.jobs(project.id) if job.state != "held"]
        idle = bool(waiting) and all(job.state != "running" for job in waiting)
        return isinstance(self.executor, Inline) and idle and not self.paused

    def redo(
        self,
        project_id: str,
        shot: str,
        *,
        see: Sequence[str] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Job:
        """A new take of one shot, looking at its picks or at ``see``: shots, references, or SCENE.

        steps, guidance: of this take; None: those of the film.
        """
        project = self.project(project_id)
        found = project.shot(shot)
        if found.locked:
            raise ValueError(f"shot {project.slates[shot]} is locked; unlock it first")
        board.check_picks(project, shot, see or ())
        task = redo_task(project, shot, seed=chance(), see=see)
        own = {name: value for name, value in (("steps", steps), ("guidance", guidance)) if value is not None}
        task = task.model_copy(update={"options": board.checked(Options, task.options, **own)})
        (job,) = self._submit(project, [task])
        self.executor.wake()
        return job

    def approve(self, project_id: str, takes: dict[str, str], *, approved: bool) -> None:
        """Approve the takes, by shot, that a creator sees as the chosen ones, or take that back.

        One that finished or was chosen meanwhile is not approved in their place.
        """
        project = self.project(project_id)
        for shot in takes:
            if project.shot(shot).take is None:
                raise ValueError(
                    f"shot {project.slates[shot]} has no take yet, so it can't be approved; make it first"
                )
        self.store.projects.approve(project_id, takes, approved=approved)

    def takes(self, shot: str) -> list[TakeInfo]:
        """All takes of a shot, oldest first."""
        return self.store.projects.takes(shot)

    def take_numbers(self, project: Project) -> dict[str, tuple[int, int]]:
        """(number of the chosen take, how many there are) by shot."""
        return self.store.projects.take_numbers(project.id)

    def made_by(self, take: TakeInfo) -> dict[str, Any]:
        """All that made a take: words, seed, method, steps, guidance, weights; little of one from a file."""
        return self.store.projects.made_by(take.id)

    def starred(self, project: Project) -> dict[str, str]:
        """The shots of the takes with a star, by take."""
        return self.store.projects.starred(project.id)

    def notes(self, shot: str) -> list[Note]:
        """Remarks on a shot's takes."""
        return self.store.projects.notes(shot)

    def choose(
        self, project_id: str, shot: str, take_id: str, *, revision: int | None = None, author: str = ""
    ) -> Project:
        """Make another take of a shot the one that counts; ``revision`` and ``author`` as in ``edit``."""
        self.project(project_id).shot(shot)
        return self.store.projects.choose(project_id, shot, take_id, seen=revision, author=author)

    def film(self, project_id: str) -> Path:
        """The film as the board is now, put together anew when it shows something older."""
        project = self.project(project_id)
        if not any(shot.take for shot in project.shots):
            raise ValueError("this project has no film yet; make its shots first")
        return reviewed(self.store, project, self.exports)

    def seams(self, project: Project) -> list[Seam]:
        """What jumps between the shots of a scene."""
        return seams(self.store, project)

    def set_sound(self, project_id: str, content: bytes, name: str, *, author: str = "") -> Project:
        """Lay a sound under the film."""
        self.limits.spend("uploads")
        kept = keep_sound(self.store.media, content)
        return self.edit(project_id, "set_finish", author=author, sound=kept, sound_name=name[:120])

    def star(self, project_id: str, shot: str, take_id: str, *, starred: bool) -> None:
        """Mark a take as a good one, or take the mark back."""
        self.project(project_id).shot(shot)
        self.store.projects.star(shot, take_id, starred=starred)

    def note(self, project_id: str, shot: str, take_id: str, at: float, text: str) -> Note:
        """A remark on a take, ``at`` seconds into it."""
        found = self.project(project_id).shot(shot)
        if not text.strip() or len(text) > MAX_NOTE:
            raise ValueError(f"note has {len(text)} characters; it must have 1 to {MAX_NOTE}")
        seconds = min(max(at, 0.0), found.frames / FPS)
        kept = Note(id=uuid.uuid4().hex, take=take_id, at=seconds, text=text.strip())
        self.store.projects.add_note(shot, kept)
        return kept

    def drop_note(self, project_id: str, note: str, *, revision: int | None = None, author: str = "") -> Project:
        """Take a remark away; undo brings it back."""
        return self.store.projects.drop_note(project_id, note, seen=revision, author=author)

    def stop(self, project_id: str, how: str = "now") -> None:
        """Stop the project's jobs "now", or "after" the shot that is being made."""
        if how not in ("now", "after"):
            raise ValueError(f"how is {how[:20]!r}; it is 'now' or 'after'")
        for job in self.jobs(project_id):
            self.store.ledger.stop(job.id, how)

    def close(self) -> None:
        """Let the worker go; what it was making waits for the next start."""
        self.executor.close()

    def offer(self, job: Job) -> str:
        """What would need less memory, for a job that had too little: a sentence to agree to; "" for any other job."""
        way = self._way(job)
        return way.text if way else ""

    def _way(self, job: Job) -> ladder.Way | None:
        """What the ladder offers; None for a job that did not run out of memory."""
        if not ladder.fell_short(job):
            return None
        farther = self._farther(job) if job.message == ladder.OUT_OF_MEMORY else ""
        return ladder.offer(job, legal=self._lengths(job.task.options.backbone), farther=farther)

    def _farther(self, job: Job) -> str:
        """Where a job's weights leave a GPU of this machine the most room; "" when they wait there, or can't."""
        if not self._here:
            return ""
        options = job.task.options
        try:
            farthest = offloads(self.shelf.path(options.backbone))[-1]
        except ValueError:  # the model is gone
            return ""
        return "" if farthest in ("none", options.offload or self.shelf.offload) else farthest

    def manage(self, project_id: str, job_id: str, what: str, *, held: bool = False) -> None:
        """A job in the queue: "earlier", "later", "hold" (or let go), "stop", "retry" where it broke off.

        "duplicate" with another seed, "rerun" byte for byte, "smaller" as ``offer`` says. On a public page a project
        reaches only its own jobs.
        """
        job = self._job(job_id, project_id)
        way = self._way(job) if what == "smaller" else None
        if what not in ("hold", *self._queue.actions):
            raise ValueError(f"what is {what[:20]!r}; it is hold, {', '.join(self._queue.actions)}")
        with self._asking:  # two windows that press at once
            if what in STARTS:
                self._not_lost(job)
            if what in ("retry", "smaller"):
                self._not_running(self.project(job.project), job.task.scene)
            if what == "hold":
                self.store.ledger.hold(job_id, held=held)
            else:
                self._queue.actions[what](job)
        if way and way.frames:
            shots, still = self.project(job.project).shots, ladder.left(job)
            long = [shot.id for shot in shots if shot.id in still and shot.frames > way.frames]
            self.edit(job.project, "set_shots", shots=long, frames=way.frames)
        if what in STARTS or (what == "hold" and not held):
            self.executor.wake()

    def rerun(self, take_id: str) -> Job:
        """Make a take again exactly as it was made: the same bytes on the same processor; it is not chosen."""
        job = self.store.ledger.get(self.store.projects.take(take_id).job)
        if job is None:
            raise ValueError("this take came from another studio; its record says how it was made, not what it saw")
        self._not_lost(job)
        again = self._queue.rerun(job)
        self.executor.wake()
        return again

    def change_job(self, project_id: str, job_id: str, **options: Any) -> Job:
        """Other options (method, seed, steps, guidance) for a job that waits."""
        job = self._job(job_id, project_id)
        task = reseeded(job.task, options["seed"]) if "seed" in options else job.task
        task = task.model_copy(update={"options": board.checked(Options, task.options, **options)})
        self._fits(self.project(job.project), [task])
        (effort,) = self._efforts(job.project, [task])
        self.store.ledger.change(job_id, task, effort)
        return self._job(job_id, project_id)

    def export(self, project_id: str, name: str) -> Path:
        """The film or its board in one of the forms of ``EXPORTS``, as a file of its own."""
        project = self.project(project_id)
        self.limits.spend("exports")
        self._drop_exports(time.time() - KEPT[self.settings.public])
        folder = self.exports / uuid.uuid4().hex
        folder.mkdir()
        try:
            return export(self.store, project, name, folder)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def open_zip(self, source: Path | BufferedIOBase) -> Project:
        """A project file as a new project."""
        self.limits.spend("uploads")
        return self.store.projects.restore(unpack(source, self.store.media))

    def removed(self, project_id: str) -> tuple[Removed, ...]:
        """What lies in a project's trash, edit by edit, the last one first."""
        return self.store.removed(self.project(project_id).id)

    def take_back(
        self, project_id: str, keys: Sequence[str], *, revision: int | None = None, author: str = ""
    ) -> Project:
        """Removed shots and scenes, by id, with all their takes to where they were; undo removes them again."""

        def change(now: Project) -> Project:  # the trash is read while nobody else can empty it
            return board.bring_back(now, self.store.removed(now.id), keys)

        return self.store.projects.edit(project_id, change, seen=revision, author=author)

    def empty_trash(self, project_id: str | None = None) -> int:
        """Remove for good a project's removed shots with their takes, or the projects in the trash; how many.

        What has a starred take stays. On a public page nobody empties what belongs to others.
        """
        if project_id is not None:
            self._not_running(self.project(project_id))
        elif self.settings.public:
            raise ValueError("project is not named; on a public page only the trash of a project can be emptied")
        gone = self.store.empty_trash(project_id)
        self.store.tidy()
        return gone

    def unknown_in(self, text: str, backbone: str = "") -> tuple[str, ...]:
        """Words of a text that a project's model (the studio's own) cannot know; none when there is none to ask."""
        try:
            return unknown_words(text, self.shelf.path(backbone))
        except ValueError:
            return ()

    def about(self) -> about.About:
        """What the studio runs on and keeps."""
        return about.about(self.settings, self.store, self.exports)

    def models(self) -> tuple[about.Model, ...]:
        """What projects can choose; the first look at pipelines takes a while, for they take diffusers along."""
        return about.models(self.shelf)

    @property
    def preferences(self) -> Preferences | None:
        """What was chosen on the settings screen; None where only variables say."""
        return chosen(self.settings.home) if choosable(self.settings) else None

    @property
    def variables(self) -> dict[str, str]:
        """What variables say, and so cannot be chosen: the variable by the name of what it sets."""
        return told_by(self._told)

    def prefer(
        self, *, llm_base_url: str | None = None, llm_model: str | None = None, mcp: bool | None = None
    ) -> Preferences:
        """Choose who splits stories, from now on, and whether agents find tools here, from the next start on.

        None: as it was. An endpoint chosen here is asked without a key.
        """
        if not choosable(self._told):
            raise ValueError("settings of a studio that others come into are set by variables alone")
        asked = {"llm_base_url": llm_base_url, "llm_model": llm_model, "mcp": mcp}
        asked = {name: value.strip() if isinstance(value, str) else value for name, value in asked.items()}
        with self._asking:
            after = board.checked(Preferences, self.preferences, **{k: v for k, v in asked.items() if v is not None})
            refuse_choice(self._told, after)
            settings = preferred(self._told, after).model_copy(update={"mcp": self.settings.mcp})
            splitter = choose_splitter(settings)  # refuses what is no address
            keep(settings.home, after)
            self._splitter, self.settings = splitter, settings
        return after

    def try_splitter(self) -> str:
        """One sentence on whether the language model works, from one small story."""
        self.limits.spend("splits")
        return try_out(self._splitter)

    def clear_exports(self) -> None:
        """Remove what was exported; it can be exported again at any time. On a public page it is of others, too."""
        if self.settings.public:
            raise ValueError("exports of a public page are let go by themselves, an hour after they were made")
        self._drop_exports(float("inf"))

    def clear_prompts(self) -> None:
        """Remove the prompts that big models encoded; each is encoded again when it is next read."""
        if self.settings.public:
            raise ValueError("encoded prompts of a public page are of others, too; the oldest make room by themselves")
        forget_prompts()

    def waiting(self) -> dict[str, int]:
        """How many jobs of each project are not over."""
        return Counter(job.project for job in self.store.ledger.open_jobs())

    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        return vocabulary()

    def media(self, name: str) -> Path:
        return self.store.media.path(name)

    def _anew(self, task: Task, seeds: dict[str, int], project: Project) -> Task:
        """The task with other noise, or with that of a job that broke off at it and is to go on."""
        last = self.store.ledger.last(project.id, task.scene)
        if last is not None:
            same = seeded(task, {shot.id: shot.seed for shot in last.task.shots if shot.id in seeds})
            if goes_on(last, same, project):
                return same
        return seeded(task, seeds)

    def _submit(self, project: Project, tasks: Sequence[Task]) -> list[Job]:
        """Queue jobs, or go on with those that broke off at the very same task."""
        frames = sum(shot.frames for task in tasks for shot in task.shots if shot.id in task.make)
        free, needed = shutil.disk_usage(self.store.home).free, SPARE + A_FRAME * frames
        if free < needed:
            raise ValueError(
                f"the disk has {free >> 20} MB free and {needed >> 20} MB are needed; free some space first"
            )
        self._fits(project, tasks)
        new, again = [], []
        for task in tasks:
            last = self.store.ledger.last(project.id, task.scene)
            single = sum(other.scene == task.scene for other in tasks) == 1  # others must keep their order
            if single and last is not None and goes_on(last, task, project):
                again.append(last.id)
            else:
                new.append(task)
        return self.limits.submit(project.id, *new, work=self._efforts(project.id, new), again=again)

    def _efforts(self, project_id: str, tasks: Sequence[Task]) -> list[float]:
        """How much work each task is, whichever backbone it takes."""
        project, paths = self.project(project_id), self._paths(tasks)
        return [work(task, project, paths[task.options.backbone]) for task in tasks]

    def _fits(self, project: Project, tasks: Sequence[Task]) -> None:
        """Refuse what the model never learned or this machine can't hold, before any weights are touched."""
        wanted = {shot for task in tasks for shot in task.make}
        wordless = [shot.id for shot in project.shots if shot.id in wanted and not shot.prompt.strip()]
        if slates := [project.slates[key] for key in wordless]:
            raise ValueError(f"shot {', '.join(slates)} has no words yet; say what happens, or lock or remove it")
        for name, backbone in self._paths(tasks).items():
            try:
                window(backbone)
            except ValueError:  # no model to ask: the job says so
                continue
            pace = measured(self.store, backbone) if self._here else None
            again = partial(plan, backbone=backbone, pace=pace)
            for task in (one for one in tasks if one.options.backbone == name):
                if wrong := misfits(project, [shot for shot in task.shots if shot.id in task.make], backbone):
                    raise ValueError(wrong[0].text)
                try:
                    refuse(again(there(task, project)), again, memory=pace and pace.memory)
                except ValueError as error:
                    shots = ", ".join(project.slates[key] for key in task.make if key in project.slates)
                    raise ValueError(f"shots {shots or 'of this job'} can't be made: {error}") from None

    def _paths(self, tasks: Sequence[Task]) -> dict[str, str]:
        """What the engine loads for each backbone that tasks ask for."""
        return {name: self.shelf.path(name) for name in {task.options.backbone for task in tasks}}

    @property
    def _here(self) -> bool:
        """Whether shots are made on this machine, with all that it has."""
        return self.settings.executor != "ray" and not self.settings.lent

    def _drop_exports(self, before: float) -> None:
        """Let go of what was exported before a time; each can be written again."""
        for one in self.exports.iterdir():
            with suppress(OSError):  # another visitor's call was quicker
                if one.stat().st_mtime < before:
                    shutil.rmtree(one) if one.is_dir() else one.unlink()

    def _job(self, job_id: str, project_id: str) -> Job:
        job = self.store.ledger.get(job_id)
        if job is None or (self.settings.public and job.project != project_id):
            raise ValueError(f"job is {job_id[:40]!r}; there is no such job")
        return job

    def _not_lost(self, job: Job) -> None:
        """Refuse to make again what was removed for good."""
        if self.store.projects.lost(job.task.make):
            raise ValueError(
                "a shot of this job was removed for good, so it can't be made again; make the others from the board"
            )

    def _not_running(self, project: Project, scene: str | None = None) -> None:
        """Refuse while the project, or one scene of it, is being made."""
        for job in self.jobs(project.id):
            if scene is None or job.task.scene == scene:
                raise ValueError("this scene is being made; stop it or wait until it is done")


__all__ = ["EXPORTS", "LONGEST_SCENE", "Studio"]
