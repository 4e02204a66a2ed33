"""All that a page can ask for. Every input is checked here, whoever sent it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine import MAX_SHOTS, vocabulary
from studio.jobs import Status, Worker
from studio.models import Options, Project, ShotInfo
from studio.settings import Settings, writable_home
from studio.splitter import choose_splitter
from studio.store import Store

STORIES = Path(__file__).parents[1] / "prompts" / "stories.json"
MAX_STORY = 20_000  # characters


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
        self._worker = Worker(self.store, settings.backbone)
        self._splitter = choose_splitter(settings)

    @cached_property
    def stories(self) -> list[dict[str, Any]]:
        """The example stories."""
        return json.loads(STORIES.read_text())

    @property
    def status(self) -> Status:
        return self._worker.status

    def open(self, project_id: str | None) -> Project:
        """A visitor's project; without one the last project (on a public page: a new one)."""
        found = self.store.get(project_id) if project_id else None
        if found is None and not self.settings.public:
            found = self.store.latest()
        return found or self.store.create()

    def new(self) -> Project:
        return self.store.create()

    def project(self, project_id: str) -> Project:
        found = self.store.get(project_id)
        if found is None:
            raise ValueError("this project is no longer here; reload the page")
        return found

    def split(self, project_id: str, story: str, shots: int) -> tuple[Project, str]:
        """A new shot list from a story; the takes of the old shots stay in the store."""
        if len(story) > MAX_STORY:
            raise ValueError(f"story has {len(story)} characters; the most is {MAX_STORY}, so tell it in parts")
        project = self.project(project_id)
        self._not_running(project)
        board, note = self._splitter.split(story, shots)
        infos = tuple(
            _checked(ShotInfo, id=uuid.uuid4().hex, prompt=bare, cut=prompt != bare or index == 0)
            for index, prompt in enumerate(board.shots)
            for bare in (prompt.removeprefix("[SHOT CUT]").strip(),)
        )
        self.store.set_film(project.id, "")
        return self.store.save(
            project.model_copy(update={"story": story, "prompt": board.prompt, "shots": infos})
        ), note

    def edit(self, project_id: str, prompt: str, edits: Sequence[Edit], options: dict[str, Any]) -> Project:
        """Save what was typed; unchanged projects are left alone."""
        project = self.project(project_id)
        typed = {shot.id: vars(edit) for shot, edit in zip(project.shots, edits, strict=False)}
        shots = tuple(_checked(ShotInfo, **dict(shot) | typed.get(shot.id, {})) for shot in project.shots)
        wanted = {"prompt": prompt, "shots": shots, "options": _checked(Options, **options)}
        changed = _checked(Project, **dict(project) | wanted)
        return project if changed == project else self.store.save(changed)

    def generate(self, project_id: str) -> None:
        """Make every shot of the project."""
        project = self.project(project_id)
        if not project.shots:
            raise ValueError("there are no shots yet; write a story and split it first")
        self._worker.submit(project, [shot.id for shot in project.shots], seed=project.options.seed)

    def redo(self, project_id: str, index: int) -> None:
        """A new take of one shot, with a new seed, among the takes of the others."""
        project = self.project(project_id)
        if not 0 <= index < len(project.shots):
            raise ValueError(f"shot is {index + 1}; the project has {len(project.shots)}")
        self._worker.submit(project, [project.shots[index].id], seed=uuid.uuid4().int % 1_000_000)

    def stop(self) -> None:
        self._worker.stop()

    def unknown_words(self, project: Project) -> tuple[str, ...]:
        """Words of the prompts that the model cannot know; ValueError when there is no model."""
        backbone = self._worker.backbone()
        texts = (project.prompt, *(shot.prompt for shot in project.shots))
        return tuple(dict.fromkeys(word for text in texts for word in backbone.unknown_words(text)))

    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        return vocabulary()

    def media(self, name: str) -> Path:
        return self.store.path(name)

    def _not_running(self, project: Project) -> None:
        if self.status.busy and self.status.project == project.id:
            raise ValueError("this film is being made; stop it before changing its shots")


T = TypeVar("T", bound=BaseModel)


def _checked(kind: type[T], **values: Any) -> T:
    """Build a value, or say in one sentence what is wrong."""
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or kind.__name__.lower()
        raise ValueError(f"{name} is {str(first['input'])[:60]!r}; {first['msg'].lower()}") from None


__all__ = ["MAX_SHOTS", "Edit", "Studio"]
