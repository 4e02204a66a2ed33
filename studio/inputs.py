"""What comes from outside, checked before a service sees it: kinds, signs, sizes. A sentence says what is wrong."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call

LARGEST = 2**53 - 1  # whole numbers that every JSON reader keeps exactly
LONGEST = 1_000_000  # characters of a text: those of the longest story.json
DEEPEST, MOST = 8, 10_000  # levels of lists in lists, and things in one
T = TypeVar("T", bound=type)


def checked_inputs(cls: T) -> T:
    """Hold every public method of a class to the types it names; what doesn't fit is a ValueError of one sentence."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, checked_call(method))
    return cls


def checked_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is only called with values of the types it names, all of them of a sensible size."""
    names = tuple(inspect.signature(function).parameters)

    @cache
    def strict() -> Callable[..., Any]:  # built at the first call: importing does nothing
        return validate_call(function, config=ConfigDict(arbitrary_types_allowed=True))

    @wraps(function)
    def call(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        for name, value in (*zip(names, inputs, strict=False), *named.items()):
            sound(value, name)
        try:
            return strict()(*inputs, **named)
        except ValidationError as error:
            raise ValueError(_sentence(error, names)) from None

    return call


def sound(value: object, name: str = "value", depth: int = 0) -> None:
    """ValueError for what no file, database or program could keep: half signs, endless numbers, bottomless lists."""
    match value:
        case str():
            if len(value) > LONGEST:
                raise ValueError(f"{name} has {len(value)} characters; the most is {LONGEST}")
            if "\0" in value or not _whole(value):
                raise ValueError(f"{name} holds a sign that is no text; write it again without it")
        case float() if not math.isfinite(value):
            raise ValueError(f"{name} is {value}; it must be a number")
        case int() if not -LARGEST <= value <= LARGEST:
            raise ValueError(f"{name} is too large a number; the most is {LARGEST}")
        case list() | tuple() | set() | frozenset() | dict():
            if len(value) > MOST or depth == DEEPEST:
                raise ValueError(f"{name} holds too much; the most is {MOST} things in {DEEPEST} levels")
            pairs = value.items() if isinstance(value, dict) else ((name, one) for one in value)
            for key, one in pairs:
                sound(key, name, depth + 1)
                sound(one, name if not isinstance(key, str) else key[:40], depth + 1)


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(error: ValidationError, names: tuple[str, ...]) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = [names[part] if k == 0 and isinstance(part, int) and part < len(names) else str(part)
             for k, part in enumerate(first["loc"])]  # fmt: skip
    name = ".".join(where)[:60]
    if first["type"].startswith("missing"):
        return f"{name} is missing"
    if first["type"].startswith("unexpected"):
        known = ", ".join(other for other in names if other != "self")
        return f"{name} is not asked for here; known are {known}"
    return f"{name} is {str(first['input'])[:60]!r}; {first['msg'].lower()}"
