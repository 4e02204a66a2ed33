"""Kinds of values on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """For ``type=`` of an argument: a number above 0, or one sentence."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            least = "1, 2, 3..." if kind is int else "a number above 0"
            raise argparse.ArgumentTypeError(f"is {text[:40]!r}; it must be {least}")
        return value

    return read
