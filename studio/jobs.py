"""One worker owns the model; jobs run in its thread whatever the page does, and the page only looks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from studio import film

if TYPE_CHECKING:
    from engine import Backbone
    from studio.models import Project
    from studio.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """What a page may know of the worker."""

    state: str = "idle"  # idle, loading, running, done, failed, stopped
    project: str = ""
    done: int = 0
    total: int = 1
    making: tuple[str, ...] = ()
    message: str = ""
    started: float = 0.0
    previews: dict[str, bytes] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return self.state in ("loading", "running")

    @property
    def remaining(self) -> float | None:
        """Seconds to go, once a tenth is done."""
        if not self.busy or self.done < max(2, self.total // 10):
            return None
        return (time.monotonic() - self.started) / self.done * (self.total - self.done)


class Worker:
    """Makes takes, one job at a time."""

    def __init__(self, store: Store, backbone: str) -> None:
        self._store, self._name = store, backbone
        self._lock, self._start = threading.Lock(), threading.Lock()
        self._backbone: Backbone | None = None
        self._cancel = None
        self.status = Status()

    def backbone(self) -> Backbone:
        """The model, loaded at first need; ValueError with the remedy when it can't be."""
        with self._lock:
            if self._backbone is None:
                import engine

                self._backbone = engine.load(self._name)
            return self._backbone

    def submit(self, project: Project, shots: Sequence[str], *, seed: int) -> None:
        """Start making shots (by id) of a project, the others being its context; ValueError when busy."""
        from engine import CancelToken

        with self._start:
            if self.status.busy:
                raise ValueError("another film is being made; stop it or wait until it is done")
            self._cancel = CancelToken()
            self.status = Status(state="loading", project=project.id, making=tuple(shots), started=time.monotonic())
        threading.Thread(target=self._run, args=(project, tuple(shots), seed, self._cancel), daemon=True).start()

    def stop(self) -> None:
        """Ask the running job to end; it does within one step."""
        if self._cancel is not None:
            self._cancel.cancel()

    def _run(self, project: Project, shots: tuple[str, ...], seed: int, cancel: object) -> None:
        from engine import Cancelled

        try:
            self._make(project, shots, seed, cancel)
            self.status = replace(self.status, state="done", previews={}, making=())
        except Cancelled:
            self.status = replace(self.status, state="stopped", message="Stopped.", previews={}, making=())
        except (ValueError, OSError) as error:
            self.status = replace(self.status, state="failed", message=str(error), previews={}, making=())
        except Exception:
            log.exception("a job failed")
            message = "Something went wrong while making the shots; the log has the details."
            self.status = replace(self.status, state="failed", message=message, previews={}, making=())

    def _make(self, project: Project, shots: tuple[str, ...], seed: int, cancel: object) -> None:
        import engine

        backbone, options = self.backbone(), project.options
        scene = engine.Scene(
            prompt=project.prompt,
            shots=tuple(
                engine.Shot(
                    prompt=shot.prompt,
                    frames=shot.frames,
                    cut=shot.cut,
                    take=film.load_take(self._store, shot.take) if shot.take and shot.id not in shots else None,
                )
                for shot in project.shots
                if shot.take or shot.id in shots
            ),
        )
        ids = [shot.id for shot in project.shots if shot.take or shot.id in shots]
        steps = options.steps or backbone.steps
        rounds = 1 if options.method == "lct" else len(shots)
        self.status = replace(
            self.status, state="running", total=steps * rounds + len(shots), started=time.monotonic()
        )
        settings = {"method": options.method, "seed": seed, "steps": options.steps, "guidance": options.guidance}
        for event in engine.generate(scene, backbone, cancel=cancel, **settings):
            match event:
                case engine.Progress():
                    self.status = replace(self.status, done=self.status.done + 1)
                case engine.Preview():
                    pictures = self.status.previews | {ids[event.shot]: film.jpeg(event.frames[0])}
                    self.status = replace(self.status, previews=pictures)
                case engine.ShotDone():
                    self._store.add_take(ids[event.shot], film.keep_take(self._store, event.take), event.take.made_by)
                    making = tuple(i for i in self.status.making if i != ids[event.shot])
                    self.status = replace(self.status, making=making)
        kept = self._store.get(project.id)
        takes = [shot.take for shot in kept.shots if shot.take] if kept else []
        if takes:
            self._store.set_film(project.id, film.assemble(self._store, takes))
