"""What the studio keeps and shows, as values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine import MAX_PROMPT, MAX_SHOTS, nearest_length

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


class ShotInfo(_Value):
    """One shot of a project and the take that was chosen for it."""

    id: str
    prompt: str = Field(max_length=MAX_PROMPT)
    frames: int = 17
    cut: bool = True
    take: TakeInfo | None = None

    @field_validator("frames")
    @classmethod
    def _legal(cls, frames: int) -> int:
        return min(nearest_length(frames), LONGEST)


class Options(_Value):
    """How a project's shots are made."""

    method: Literal["lct", "independent"] = "lct"
    seed: int = Field(default=0, ge=0, lt=2**31)
    steps: int | None = Field(default=None, ge=1, le=200)
    guidance: float | None = Field(default=None, ge=1, le=20)


class Project(_Value):
    """One storyboard."""

    id: str
    story: str = ""
    prompt: str = Field(default="", max_length=MAX_PROMPT)
    shots: tuple[ShotInfo, ...] = Field(default=(), max_length=MAX_SHOTS)
    options: Options = Options()
    film: str = ""
    version: int = 0
