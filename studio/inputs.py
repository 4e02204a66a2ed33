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
            if not _called(name, ""):
                raise ValueError(f"{name[:40]!r} is not asked for here; known are {_listed(names)}")
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
                sound(one, _called(key, name), depth + 1)


def _called(key: object, otherwise: str) -> str:
    """A field's name, if it looks like one: it is a stranger's as well."""
    return key if isinstance(key, str) and key.isidentifier() and len(key) <= 40 else otherwise


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if name != "self")


def _sentence(error: ValidationError, names: tuple[str, ...]) -> str:
    from engine.story import wrong

    first = error.errors(include_url=False)[0]
    top, *rest = first["loc"]
    top = names[top] if isinstance(top, int) and top < len(names) else top
    rest = [str(part) for part in rest if isinstance(part, int) or _called(part, "")]  # not the names of checks
    name = ".".join((str(top), *rest))[:60]
    if first["type"].startswith("missing"):
        return f"{name} is missing"
    if first["type"].startswith("unexpected"):
        return f"{name} is not asked for here; known are {_listed(names)}"
    return wrong(name, first | {"msg": first["msg"].partition(" for <")[0]})
