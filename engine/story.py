"""story.json: a scene written by hand or by a program, checked before anything heavy starts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.methods import METHODS
from engine.scene import MAX_PROMPT, MAX_SHOT_SEED, MAX_SHOTS, Scene, Shot
from engine.settings import MAX_GUIDANCE, MAX_SEED, MAX_STEPS

MAX_BYTES = 1_000_000
MAX_DEPTH, MAX_DIGITS = 8, 40
MAX_FRAMES, MAX_SIDE = 257, 1280


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class StoryShot(_Strict):
    """One shot: what happens, for how many frames (4k+1), and whether it starts with a cut."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT, description="What happens, e.g. 'Character 1 waves.'")
    frames: int = Field(17, ge=1, le=MAX_FRAMES, description="Length: 4k+1 frames; the pocket model plays 8 a second.")
    seed: int | None = Field(None, ge=0, le=MAX_SHOT_SEED, description="Its own seed; none: from the story's seed.")
    cut: bool = Field(True, description="False goes on from the last picture of the shot before.")


class Story(_Strict):
    """A scene and how to make it. Settings that are left out come from the backbone."""

    prompt: str = Field("", max_length=MAX_PROMPT, description="'[Character] ... [Environment] ... [Story] ...'")
    shots: tuple[StoryShot, ...] = Field(strict=False, min_length=1, max_length=MAX_SHOTS)
    seed: int = Field(0, ge=0, le=MAX_SEED)
    steps: int | None = Field(None, ge=1, le=MAX_STEPS)
    guidance: float | None = Field(None, ge=1, le=MAX_GUIDANCE, description="1 leaves guidance out.")
    method: Literal[*METHODS] = "lct"
    height: int = Field(80, ge=16, le=MAX_SIDE)
    width: int = Field(128, ge=16, le=MAX_SIDE)

    def scene(self) -> Scene:
        """The engine's own form; raises ValueError for sizes and lengths that no model makes."""
        shots = tuple(Shot(**shot.model_dump()) for shot in self.shots)
        return Scene(prompt=self.prompt, shots=shots, height=self.height, width=self.width)


def read_story(path: str | Path) -> Story:
    """Read and check a story file; ValueError says in one sentence what is wrong and what would be right."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"story file {path} does not exist")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ValueError(f"story file {path} has {size} bytes; the most is {MAX_BYTES}")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"story file {path} is not UTF-8 text (byte {error.start})") from None
    return parse_story(text, name=f"story file {path}")


def parse_story(text: str, *, name: str = "story") -> Story:
    """Check a story's text; ``name`` is what an error calls it."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"{name} has {len(text)} characters; the most is {MAX_BYTES}")
    try:
        data = json.loads(text, object_pairs_hook=_once, parse_int=_whole, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"{name} is nested too deep; the most is {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not JSON: {error.msg}, line {error.lineno}") from None
    if _depth(data) > MAX_DEPTH:
        raise ValueError(f"{name} is nested too deep; the most is {MAX_DEPTH} levels")
    return check_story(data)


def check_story(data: Any) -> Story:  # noqa: ANN401 - whatever came in is what is checked
    """Plain JSON data as a Story; ValueError names the first wrong field, its value and the nearest right one."""
    if not isinstance(data, dict):
        raise ValueError("story is no JSON object; it starts with { and has at least 'shots'")
    try:
        story = Story.model_validate(data)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from None
    story.scene()
    return story


def schema() -> dict[str, Any]:
    """The JSON schema of a story file."""
    return Story.model_json_schema()


def _sentence(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in found["loc"]).lstrip(".")
    if found["type"] == "extra_forbidden":
        known = list(StoryShot.model_fields if found["loc"][0] == "shots" else Story.model_fields)
        near = difflib.get_close_matches(str(found["loc"][-1]), known, n=1, cutoff=0.0)[0]
        return f"{_short(where)} is no known field; the nearest is {near!r}"
    return wrong(where, found)


def wrong(where: str, found: Mapping[str, Any]) -> str:
    """What pydantic found wrong with a value, in one sentence with the nearest value that would do.

    The page, its programs and the command line all say it by this, so that they say the same.
    """
    value, limits = found["input"], found.get("ctx", {})
    if found["type"] == "missing":
        return f"{where} is missing"
    if found["type"] in ("too_short", "too_long"):
        near = limits.get("min_length") or limits.get("max_length")
        return f"{where} has {limits['actual_length']} entries; the nearest possible number is {near}"
    if found["type"] == "string_too_long":
        return f"{where} has {len(value)} characters; the most is {limits['max_length']}"
    plain = {"ensure_ascii": False, "skipkeys": True, "default": lambda other: type(other).__name__}
    told = _short(repr(value) if isinstance(value, str) else json.dumps(value, **plain))
    near = limits.get("ge", limits.get("le", limits["lt"] - 1 if "lt" in limits else None))
    if near is not None:
        return f"{where} is {told}; the nearest possible value is {near:.16g}"
    return f"{where} is {told}; {found['msg'][0].lower()}{found['msg'][1:]}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_short(twice)} is given twice in one object; give it once")
    return data


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits; the most is {MAX_DIGITS}")
    return int(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON or a film knows")


def _depth(data: Any) -> int:  # noqa: ANN401 - any JSON value
    level, depth = [data], 0
    while level:
        depth += 1
        inside = [
            value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)
        ]
        level = [value for values in inside for value in values]
    return depth
