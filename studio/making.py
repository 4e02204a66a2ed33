"""Makes what a job asks for. Whatever is finished is on disk before the next thing begins."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

from studio import film
from studio.continuity import read_characters
from studio.executors.model import Model, WorkerLost
from studio.failures import told
from studio.models import WORDLESS, Job, TakeInfo
from studio.store import Store
from studio.store.ledger import Lost

if TYPE_CHECKING:
    from engine import CancelToken, Scene, Take

BEAT = 1.0  # seconds between two signs of life
log = logging.getLogger(__name__)


class Maker:
    """One job in the hands of one worker (``owner``)."""

    def __init__(self, job: Job, store: Store, model: Model, owner: str, token: CancelToken) -> None:
        self.job, self.store, self.model, self.owner, self.token = job, store, model, owner, token
        self.ids = [shot.id for shot in job.task.shots]
        self.takes: dict[str, str] = {}  # what is in the context, by shot
        self.leave = False  # the process is told to end: the job goes back to the queue

    @cached_property
    def about(self) -> dict[str, Any]:
        """The backbone: its name, its weights, and the size and rate of its films."""
        return self.model.record(cancel=self.token)

    def run(self) -> None:
        """Make the job and write how it ended; never raises."""
        from engine import Cancelled

        started = monotonic()
        try:
            with self._signs_of_life():
                self._make()
            state, message = "done", ""
        except Lost:
            return
        except WorkerLost as error:
            log.warning("a worker of the cluster is gone: %s", error)
            with suppress(Lost, sqlite3.Error):  # unwritten, it is found as one whose worker died
                self.store.ledger.release(self.job.id, self.owner)
            return
        except Cancelled:
            state, message = ("interrupted", "") if self.leave else ("cancelled", "")
        except Exception as error:  # noqa: BLE001 - whatever it was, the creator is told and the next job is made
            state, message = "failed", told(self.store.home, self.job, error)
        self._finish(state, message, monotonic() - started)
        with suppress(OSError, sqlite3.Error):  # the next one will
            self.store.tidy()

    def _finish(self, state: str, message: str, seconds: float) -> None:
        for last in (False, True):
            try:
                self.store.ledger.finish(self.job.id, self.owner, state, message=message, seconds=seconds)
            except Lost:
                return
            except sqlite3.Error:
                if last:
                    log.warning("the end of job %s could not be written; it will be taken up again", self.job.id)
                self.store.make_room()
            else:
                return

    def _make(self) -> None:
        """Decode what was denoised before a crash, make the rest among it, then put the film together."""
        self.model.use(self.job.task.options.backbone, self.job.task.options.offload)
        self._settle()
        made = {shot.shot: self._kept_take(shot.take) for shot in self.job.shots if shot.state == "done"}
        for shot in self.job.shots:
            if shot.state == "denoised":
                raw = film.load_raw(self.store.media, shot.latents)
                made[shot.shot] = self._keep(shot.shot, self.model.decode(raw, cancel=self.token))
        if len(made) < len(self.job.task.make):
            self._generate(self._scene(made))
        project = self.store.projects.get(self.job.project)
        takes = [shot.take for shot in project.shots if shot.take] if project else []
        if takes:
            try:
                made = film.assemble(self.store.media, takes, check=self._check)
            except ValueError as error:  # the shots are made; whoever opens the film is told
                log.warning("no film: %s", error)
            else:
                self.store.projects.set_film(self.job.project, made, [take.id for take in takes])
        if project and takes and self.about["backbone"] == "pocket":
            self._judge([shot.take for one in project.scenes if one.id == self.job.task.scene for shot in one.shots])

    def _judge(self, takes: Sequence[TakeInfo | None]) -> None:
        """Who is in the takes of the scene, for the marks of continuity; nothing is lost when it can't be said."""
        try:
            for take in filter(None, takes):
                if not self.token.cancelled:  # the shots are made: this may wait for the next job
                    read_characters(self.store, take)
        except (ValueError, OSError, sqlite3.Error) as error:
            log.warning("no marks of continuity: %s", error)

    def _settle(self) -> None:
        """The takes that are chosen when the job begins are those that it looks at, however often it is resumed."""
        task = self.job.task
        if not task.begun:
            project = self.store.projects.get(self.job.project)
            shown = {shot.id: project.shown(shot.id) if project else None for shot in task.shots}
            shots = tuple(shot.model_copy(update={"take": shown[shot.id] or shot.take}) for shot in task.shots)
            task = task.model_copy(update={"shots": shots, "begun": True})
            self.store.ledger.begin(self.job.id, self.owner, task)
            self.job = self.job.model_copy(update={"task": task})
        self.takes = {shot.id: shot.take.id for shot in task.shots if shot.take and shot.id not in task.make}
        self.takes |= {shot.shot: shot.take for shot in self.job.shots if shot.state == "done"}

    def _scene(self, made: dict[str, Take]) -> Scene:
        """The task as a scene: what exists is given, what is neither wanted nor there is left out."""
        import engine

        task, shots = self.job.task, []
        for shot in task.shots:
            take, wanted = made.get(shot.id), task.see is None or shot.id in task.see
            if take is None and shot.take is not None and shot.id not in task.make and wanted:
                take = self._given(shot.take)
            skipped = take is None and shot.id not in task.make
            frames = len(take.frames) if take else shot.frames  # a take may be older than its shot's length
            words = {"prompt": shot.prompt or WORDLESS, "frames": frames, "cut": shot.cut, "seed": shot.seed}
            shots.append(engine.Shot(**words, take=take, noise=shot.noise, picked=shot.picked, skipped=skipped))
        height, width = self.about["size"]
        return engine.Scene(prompt=task.prompt, shots=tuple(shots), height=height, width=width)

    def _given(self, info: TakeInfo) -> Take:
        """A kept take to look at; the latents of what came from a file are made once and kept for these weights."""
        take = film.load_take(self.store.media, info)
        if take.latents.numel():
            model = self.about["backbone"]
            maker = film.facts(self.store.media, info).get("model") or model
            if maker != model:
                raise ValueError(
                    f"a shot that this one looks at was made by {maker}, which {model} can't read; make it again "
                    "first, or pick other shots to remember"
                )
            return take
        fact = f"latents {info.latents} {self.about['weights']}"
        if name := self.store.facts.get(fact):
            return replace(film.load_raw(self.store.media, name), frames=take.frames)
        take = self.model.encode(take, cancel=self.token)
        self.store.facts.keep(fact, film.keep_raw(self.store.media, take))
        return take

    def _generate(self, scene: Scene) -> None:
        import engine

        options, ledger, mine = self.job.task.options, self.store.ledger, (self.job.id, self.owner)
        done, total = 0, 0
        settings = options.model_dump(include={"method", "group", "steps", "guidance"}) | {"seed": self.job.task.seed}
        for event in self.model.generate(scene, cancel=self.token, **settings):
            match event:
                case engine.Progress():
                    if not total:  # what was made before a break is behind it
                        total, left = (self._stages(one, event.steps) for one in (self._whole(scene), scene))
                        done = total - left
                    done += 1
                    if ledger.progress(*mine, done, total) == "now":
                        self.token.cancel()
                case engine.Preview():
                    ledger.look(*mine, self.ids[event.shot], film.jpeg(event.frames[0]))
                case engine.Denoised():
                    kept = {self.ids[k]: film.keep_raw(self.store.media, take) for k, take in event.takes.items()}
                    ledger.denoised(*mine, kept)
                case engine.ShotDone():
                    self._keep(self.ids[event.shot], event.take)

    def _whole(self, scene: Scene) -> Scene:
        """The scene as it was before any of its shots was made."""
        make = self.job.task.make
        pairs = zip(self.ids, scene.shots, strict=True)
        return replace(scene, shots=tuple(replace(shot, take=None) if key in make else shot for key, shot in pairs))

    def _stages(self, scene: Scene, steps: int) -> int:
        """Signs of progress that a scene brings: the steps of every round, and each shot's decoding."""
        from engine.outline import turns

        options = self.job.task.options
        return steps * len(turns(scene, options.method, options.group)) + len(scene.to_make)

    def _keep(self, shot: str, take: Take) -> Take:
        if self.job.task.options.draft:
            take = replace(take, made_by=take.made_by | {"draft": True})
        context = take.made_by["context"]
        saw = {}
        for entry in context:
            other = self.ids[entry["shot"]]
            saw[other] = self.job.id if entry["noise"] is None else self.takes[other]
        info = film.keep_take(self.store.media, take, fps=self.about["fps"]).model_copy(
            update={"job": self.job.id, "saw": saw}
        )
        self.takes[shot] = info.id
        choose = self.job.task.choose
        self.store.ledger.finish_shot(self.job.id, self.owner, shot, info, take.made_by, choose=choose)
        if self.store.ledger.beat(self.job.id, self.owner):  # "now" or "after": a shot is finished, so both are here
            self.token.cancel()
        return take

    def _check(self) -> None:
        """Between two pieces of work that is not the model's: raise ``Cancelled`` when that is the creator's wish."""
        if self.store.ledger.beat(self.job.id, self.owner) == "now":
            self.token.cancel()
        self.token.check()

    def _kept_take(self, take_id: str) -> Take:
        info: TakeInfo = self.store.projects.take(take_id)
        return replace(film.load_take(self.store.media, info), made_by=self.store.projects.made_by(take_id))

    @contextmanager
    def _signs_of_life(self) -> Iterator[None]:
        """Beat while a step takes long, and hear when the creator wants to stop."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                try:
                    if self.store.ledger.beat(self.job.id, self.owner) == "now":
                        self.token.cancel()
                except Lost:
                    self.token.cancel()
                except sqlite3.Error:
                    log.warning("no sign of life could be written for job %s", self.job.id)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
