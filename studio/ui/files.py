"""Files that a visitor sent to this server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder, is_in_or_equal


@contextmanager
def uploaded(sent: Any) -> Iterator[Path]:  # noqa: ANN401 - whatever a stranger sends
    """The file behind what a page or a client gives (its path, or gradio's record of it); it is gone afterwards.

    ValueError for anything that is not a file in the folder of uploads: nothing else on the disk can be named.
    """
    path = Path(str(sent.get("path", "") if isinstance(sent, dict) else sent))
    try:
        known = is_in_or_equal(path, get_upload_folder()) and path.is_file()
    except (OSError, ValueError):  # no name that a file could have
        known = False
    if not known:
        raise ValueError(f"file is {path.name[:60]!r}; send a picture or film first (handle_file in a program)")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
