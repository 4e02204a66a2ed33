"""What the studio keeps and shows, as values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine import MAX_PROMPT, MAX_SHOTS, nearest_length

FPS = 8  # frames a second of a film
LONGEST = 33  # frames of a shot on the pocket backbone


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TakeInfo(_Value):
    """A finished version of a shot; files are relative to the media folder."""

    id: str
    seed: int
    video: str
    poster: str
    latents: str
    job: str = ""
    saw: dict[str, str] = Field(default_factory=dict)  # shot id -> take id, or the job that made both together


class ShotInfo(_Value):
    """One shot of a project and the take that was chosen for it."""

    id: str
    prompt: str = Field(max_length=MAX_PROMPT)
    frames: int = 17
    cut: bool = True
    take: TakeInfo | None = None
    stale: tuple[str, ...] = ()  # why the take is no longer what the board asks for

    @field_validator("frames")
    @classmethod
    def _legal(cls, frames: int) -> int:
        return min(nearest_length(frames), LONGEST)


class Options(_Value):
    """How a project's shots are made."""

    method: Literal["lct", "lct-ar", "independent"] = "lct"
    seed: int = Field(default=0, ge=0, lt=2**31)
    steps: int | None = Field(default=None, ge=1, le=200)
    guidance: float | None = Field(default=None, ge=1, le=20)


class Project(_Value):
    """One storyboard."""

    id: str
    name: str = Field(default="", max_length=120)
    story: str = ""
    prompt: str = Field(default="", max_length=MAX_PROMPT)
    shots: tuple[ShotInfo, ...] = Field(default=(), max_length=MAX_SHOTS)
    options: Options = Options()
    film: str = ""
    version: int = 0  # grows with every change: what a page shows is old when it differs
    revision: int = 0  # grows with every edit: an edit made on an older one is refused


class TaskShot(_Value):
    """A shot as it was when a job was asked for."""

    id: str
    prompt: str
    frames: int
    cut: bool
    take: TakeInfo | None = None


class Task(_Value):
    """What a job shall make, whole: later edits of the project change nothing in it."""

    prompt: str
    shots: tuple[TaskShot, ...]
    make: tuple[str, ...]  # shot ids
    see: tuple[str, ...] | None = None  # shots that are context; None: all that have a take
    options: Options
    seed: int


class JobShot(_Value):
    """How far a job is with a shot: waiting, denoised (``latents`` are safe) or done (``take`` is)."""

    shot: str
    state: str
    latents: str = ""
    take: str = ""
    looks: int = 0


class Job(_Value):
    """An entry of the ledger."""

    id: str
    project: str
    task: Task
    state: str
    place: float
    stop: str = ""
    tries: int = 0
    done: int = 0
    total: int = 0
    work: float = 0.0
    seconds: float = 0.0
    message: str = ""
    shots: tuple[JobShot, ...] = ()

    @property
    def busy(self) -> bool:
        return self.state in ("queued", "held", "interrupted", "running")

    @property
    def making(self) -> tuple[str, ...]:
        """Shots that are still to come."""
        return tuple(shot.shot for shot in self.shots if shot.state != "done") if self.busy else ()
