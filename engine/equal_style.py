"""Equal-style splitting of a long take: every part about as long as the others, and in one style.

TokensGen (appendix A.1) asks GPT-4o for parts "with the same style and length as the original prompt" and reports
that their numbers of words differ from it all the same. So lengths are measured here, and made equal: what is too long
is cut at the end of a sentence or clause, what is too short is told more of what stays the same throughout the take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MOST_WORDS = 55  # of one part, as in the paper's instruction for Video-Infinity
SLACK = 0.15  # of the words, and at least LEAST: how far a part may be from the others
LEAST = 2
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['’-]\w+)*"
)
STEADY = (  # true of any take without cuts, and short enough for any gap
    "The light stays the same.",
    "The place stays the same.",
    "The camera holds still.",
    "All moves are smooth.",
    "Nothing else changes.",
)


def words_in(text: str) -> int:
    """Words of a text; in scripts without spaces, signs."""
    return sum(1 for _ in WORD.finditer(text))


def bounds(words: int) -> tuple[int, int]:
    """The fewest and the most words that count as ``words``."""
    slack = max(LEAST, round(SLACK * words))
    return max(1, words - slack), words + slack


def uneven(texts: Sequence[str], words: int) -> tuple[int, ...]:
    """Which of the texts are too short or too long for ``words``."""
    low, high = bounds(words)
    return tuple(k for k, text in enumerate(texts) if not low <= words_in(text) <= high)


def fillers(prompt: str, text: str) -> tuple[str, ...]:
    """What stays true throughout a take: what the scene's prompt says of the place and of who is in the text."""
    where = re.search(r"\[Environment\]\s*([^\[]*)", prompt)
    looks = re.findall(r"(Character \d): ([^\[]*?\.)(?=\s|$)", prompt)
    told = [f"{who} is {how}" for who, how in looks if who in text]
    return (*([where[1].strip()] if where else []), *told, *STEADY)


def evened(text: str, words: int, more: Iterable[str] = ()) -> str:
    """The text with about ``words`` words: cut at its last sentence, clause or word that fits, or told ``more``.

    A text that all of ``more`` cannot fill stays short; no word of it is repeated to reach a number.
    """
    low, high = bounds(words)
    if words_in(text) > high:
        return _cut(text, low, high)
    for sentence in more:
        if words_in(text) >= low:
            break
        known = {word.lower() for word in WORD.findall(text)}
        new = sum(word.lower() not in known for word in WORD.findall(sentence))
        if 2 * new >= words_in(sentence) and words_in(f"{text} {sentence}") <= high:
            text = f"{text} {sentence}"
    return text


def _cut(text: str, low: int, high: int) -> str:
    """At the last sentence end between ``low`` and ``high`` words, else the last clause end, else the last word."""
    ends = [match.end() for match in WORD.finditer(text)]
    able = [(end, text[end : end + 2]) for end in ends[low - 1 : high]]
    for stops in (".!?…。！？", ",;:–—，、"):
        found = [end for end, after in able if after[:1] and after[0] in stops]
        if found:
            return _closed(text[: found[-1]])
    return _closed(text[: able[-1][0]])


def _closed(text: str) -> str:
    return f"{text.rstrip(' ,;:–—')}."
