"""A language model's answer, read while it is written. It is untrusted data: only plain text is taken from it."""

from __future__ import annotations

import json
import re
from typing import Any

from engine import MAX_PROMPT
from engine.splitter import plain, untagged
from studio.drafts import DraftShot

MAX_ANSWER, MOST = 60_000, 300  # characters and shots of an answer that are looked at
STRING = r'"(?:[^"\\]|\\.)*"'  # a whole JSON string
LIST = re.compile(r'"shots"\s*:\s*\[')
BARE = re.compile(r"\s*(?:```\w*\s*)?\[(?=\s*[\"{])")  # an answer that is the list alone
NEXT = re.compile(r',\s*(?=["{])')
_decoder = json.JSONDecoder(strict=False, parse_int=float)  # no number of an answer is used


class Reader:
    """Finds the scene's prompt and the whole shots in JSON that may be fenced, amid words, cut off or bent.

    Thinking aloud (<think>...</think>), unknown fields and values of the wrong kind are passed over.
    """

    def __init__(self) -> None:
        self.shots: list[DraftShot] = []
        self._text = ""
        self._start = self._at = -1  # of the list; of what was not read yet
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether more is not worth waiting for."""
        return (self._closed and bool(self.prompt)) or len(self._text) >= MAX_ANSWER or len(self.shots) >= MOST

    @property
    def prompt(self) -> str:
        """The scene's prompt, "" while there is none."""
        around = self._text[: max(self._start, 0)] + (self._text[self._at :] if self._closed else "")
        found = re.search(rf'"prompt"\s*:\s*({STRING})', around, flags=re.DOTALL)
        try:
            return " ".join(plain(_decoder.decode(found[1])).split())[:MAX_PROMPT] if found else ""
        except json.JSONDecodeError:
            return ""

    def feed(self, piece: str) -> bool:
        """Take the next piece; True when it completed a shot."""
        before = len(self.shots)
        self._text = (self._text + piece)[:MAX_ANSWER]
        if self._at < 0:
            self._find()
        while self._reading and self._next():
            pass
        return len(self.shots) > before

    def end(self) -> None:
        """No more will come: pass over what is bent, and take the whole shots behind it."""
        while self._reading:
            if not self._next():
                behind = NEXT.search(self._text, self._at + 1)
                if behind is None:
                    return
                self._at = behind.end()

    @property
    def _reading(self) -> bool:
        return self._at >= 0 and not self._closed and len(self.shots) < MOST

    def _find(self) -> None:
        thought = self._text.rfind("</think>")
        if thought < 0 and self._text.lstrip().startswith("<think>"):
            return
        begin = thought + len("</think>") if thought >= 0 else 0
        if found := LIST.search(self._text, begin) or BARE.match(self._text, begin):
            self._start, self._at = found.span()

    def _next(self) -> bool:
        """Read one value of the list; False when it is not whole yet."""
        self._at += len(self._text[self._at :]) - len(self._text[self._at :].lstrip(" \t\r\n,"))
        if self._text[self._at : self._at + 1] == "]":
            self._closed = True
            return False
        try:
            value, end = _decoder.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            return False
        except RecursionError:
            self._closed = True
            return False
        rest = self._text[end:].lstrip()
        if isinstance(value, float) and not rest:
            return False  # more digits may come
        self._at = end
        if not rest.startswith(":") and (shot := shot_of(value)):
            self.shots.append(shot)
        return True


def shot_of(value: Any) -> DraftShot | None:  # noqa: ANN401 - any JSON value
    """A shot from one value of an answer: {"prompt": ..., "cut": ...} or the prompt alone; None if it is neither."""
    data = value if isinstance(value, dict) else {"prompt": value}
    if not isinstance(data.get("prompt"), str):
        return None
    text = " ".join(untagged(plain(data["prompt"])).split())[:MAX_PROMPT].strip()
    return DraftShot(prompt=text, cut=data.get("cut") is not False) if text else None
