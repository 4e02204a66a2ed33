"""Who may come in: names and passwords from the settings, compared without telling anything by the time it takes."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path

MISSES, WITHIN = 10, 60.0  # wrong passwords for one name, and the seconds in which that many close it
SHORTEST = 8  # characters of a password


class Logins:
    """Called with a name and a password by the page's server; True lets in.

    Guessing is slow: after ten wrong passwords a name stays shut until a minute has passed since the first of them.
    """

    def __init__(self, users: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._known, self._clock = {name: _digest(password) for name, password in users.items()}, clock
        self._misses: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MISSES))  # by known name only

    def __call__(self, name: str, password: str) -> bool:
        right = hmac.compare_digest(_digest(password), self._known.get(name, b"\0" * 32))
        if name not in self._known:
            return False
        misses, now = self._misses[name], self._clock()
        shut = len(misses) == MISSES and now - misses[0] < WITHIN
        if not right and not shut:
            misses.append(now)
        return right and not shut


def read_users(path: Path) -> dict[str, str]:
    """Lines of NAME:PASSWORD; ValueError says which line is not, never what it holds."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ValueError(
            f"STUDIO_USERS is {path.name!r}, which can't be read; name a file of NAME:PASSWORD lines"
        ) from None
    users = {}
    for number, line in enumerate(lines, start=1):
        name, mark, password = line.strip().partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not (name and mark) or len(password) < SHORTEST:
            raise ValueError(
                f"STUDIO_USERS has no NAME:PASSWORD in line {number}; a password has {SHORTEST} signs or more"
            )
        users[name] = password
    if not users:
        raise ValueError("STUDIO_USERS names nobody; write a line of NAME:PASSWORD, or leave it out")
    return users


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
