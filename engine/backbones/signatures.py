"""What constructors of diffusers' classes take, read from its source: importing it takes seconds, a list none."""

from __future__ import annotations

import ast
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

WITHIN = ("models", "schedulers")  # folders of diffusers that hold the parts of pipelines


@cache
def defaults_of(name: str) -> dict[str, object]:
    """The constructor's arguments whose defaults are plain values; none for a class that is not there."""
    top = Path(find_spec("diffusers").origin).parent
    for file in (file for folder in WITHIN for file in sorted((top / folder).rglob("*.py"))):
        text = file.read_text("utf-8")
        if f"\nclass {name}(" in text:
            return _defaults(ast.parse(text), name)
    return {}


def _defaults(module: ast.Module, name: str) -> dict[str, object]:
    body = (part for one in module.body if isinstance(one, ast.ClassDef) and one.name == name for part in one.body)
    makers = (part for part in body if isinstance(part, ast.FunctionDef) and part.name == "__init__")
    known: dict[str, object] = {}
    for takes in (maker.args for maker in makers):
        positional = [*takes.posonlyargs, *takes.args]
        pairs = [*zip(reversed(positional), reversed(takes.defaults), strict=False)]
        for argument, default in (*pairs, *zip(takes.kwonlyargs, takes.kw_defaults, strict=True)):
            with suppress(ValueError, TypeError):  # computed, or none at all
                known[argument.arg] = ast.literal_eval(default)
    return known
