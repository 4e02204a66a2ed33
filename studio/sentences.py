"""What a creator reads when something failed: never a path, a key or a line of code. The log has the rest."""

from __future__ import annotations

import errno
import sqlite3

FULL = "The disk is full; free some space and try again: whatever was finished is kept."
DIED = "The model's process ended again and again at this job; the log may say why."
UNKNOWN = "Something went wrong in the studio; nothing was lost, and its log says what it was."


def sentence(error: Exception) -> str:
    """One sentence for any error: its own when we wrote it."""
    full = isinstance(error, OSError) and (error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space" in str(error))
    if full or (isinstance(error, sqlite3.Error) and any(word in str(error) for word in ("full", "disk I/O"))):
        return FULL
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return "The studio is busy saving something else; try again."
    if isinstance(error, OSError) and error.strerror:
        return f"The studio can't read or write its files ({error.strerror}); is its folder still there and writable?"
    return " ".join(str(error).split()) if isinstance(error, ValueError | OSError) else UNKNOWN
