"""Fountain screenplays (fountain.io, syntax 1.1): the scenes, each told as a story that any splitter can split."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from engine.splitter import MAX_STORY, introductions

MAX_SCRIPT, MAX_SCENES = 500_000, 300  # characters, of which a long film has about 200,000
HEADING = re.compile(r"(?:int\.?/ext|ext\.?/int|int|ext|est|i/e)(?:\.|\s)\s*(?=\S)", re.IGNORECASE)
DOTTED = re.compile(r"(?:int|ext|i/e)[./]", re.IGNORECASE)
TRANSITION = re.compile(r"[^a-z]*(?:TO:|FADE IN:|FADE OUT\.?)")
TITLE_KEYS = ("title", "credit", "author", "authors", "source", "notes", "draft date", "date", "contact", "copyright")
EXTENSION = re.compile(r"\([^()]{0,200}\)|\^")
CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞА-Я][A-ZÀ-ÖØ-ÞА-Я'’.-]*(?: [A-ZÀ-ÖØ-ÞА-Я][A-ZÀ-ÖØ-ÞА-Я'’.-]*)*")
UNSEEN = re.compile(r"\((?:v\.?\s?o|o\.?\s?[sc])\.?\)", re.IGNORECASE)
WHEN = {
    "day": "in the daytime",
    "morning": "in the morning",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
    **{time: f"at {time}" for time in ("night", "dusk", "dawn", "sunset", "sunrise", "midnight", "noon")},
}
SAME = ("continuous", "later", "moments later", "same", "same time")


@dataclass(frozen=True, kw_only=True)
class ScreenScene:
    """One scene: its heading as written, its story in sentences, and how many things happen in it."""

    heading: str
    story: str
    beats: int


@dataclass(frozen=True)
class _Block:
    """Lines between two blank ones."""

    lines: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.lines[0]


def read_fountain(text: str) -> tuple[ScreenScene, ...]:
    """The scenes in which something happens; ValueError when there are none.

    Who was described in an earlier scene is introduced again in each scene that names them.
    """
    if len(text) > MAX_SCRIPT:
        raise ValueError(f"screenplay has {len(text)} characters; the most is {MAX_SCRIPT}, so import it in parts")
    blocks = _blocks(text)
    headed = [k for k, block in enumerate(blocks) if _is_heading(block.first)]
    if not headed:
        raise ValueError("screenplay has no scene heading; begin each scene with a line such as EXT. BEACH - DAY")
    if len(headed) > MAX_SCENES:
        raise ValueError(f"screenplay has {len(headed)} scenes; the most is {MAX_SCENES}, so import it in parts")
    names = {_name(block.first) for block in blocks if _is_speech(block)}
    known: dict[str, str] = {}
    scenes = []
    for start, end in zip(headed, [*headed[1:], len(blocks)], strict=True):
        heading = blocks[start]
        rest = (_Block(heading.lines[1:]),) if heading.lines[1:] else ()
        told = [line for block in (*rest, *blocks[start + 1 : end]) if (line := _told(block, names))]
        if told:
            story = "\n".join((_where(heading.first), *told)).strip()
            title = _bare(heading.first).removeprefix(".")
            if len(story) > MAX_STORY:
                raise ValueError(
                    f"scene {title[:60]} has {len(story)} characters; the most is {MAX_STORY}, so part it"
                )
            new = introductions(story)
            met = [f"Meet {who}." for name, who in known.items() if name not in new and _names(name, story)]
            known = new | known
            scenes.append(ScreenScene(heading=title, story="\n".join((*met, story)), beats=sum(map(_beats, told))))
    if not scenes:
        raise ValueError("screenplay has scene headings but nothing happens under them; add what is seen")
    return tuple(scenes)


def is_fountain(text: str) -> bool:
    """Whether a text is a screenplay, to judge by its scene headings, and no story that is told in sentences."""
    return any(_is_slug(block.first) for block in _blocks(text))


def _blocks(text: str) -> list[_Block]:
    """What stands between blank lines, without title page, comments, notes, page breaks, sections and synopses."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip()
    text = _without(_without(text, "/*", "*/"), "[[", "]]")
    parts = [
        "\n".join(lines) for blank, lines in groupby(text.split("\n"), key=lambda line: not line.strip()) if not blank
    ]
    if parts and parts[0].partition(":")[0].strip().lower() in TITLE_KEYS:
        del parts[0]
    blocks = []
    for part in parts:
        lines = [line.strip() for line in part.split("\n")]
        lines = [line for line in lines if not line.startswith(("#", "=", "~"))]
        if lines:
            blocks.append(_Block(tuple(lines)))
    return blocks


def _without(text: str, opening: str, closing: str) -> str:
    """A text without what stands between two marks."""
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join((*kept, text[at:]))


def _names(name: str, story: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", story) is not None


def _is_heading(line: str) -> bool:
    return bool(HEADING.match(line)) or bool(re.match(r"\.[\w(]", line))


def _is_slug(line: str) -> bool:
    """A heading that is no sentence: all in capitals, or INT. and EXT. with nothing like a sentence's end."""
    dotted = DOTTED.match(line) and not line.endswith((".", "!", "?", "…"))
    return bool(HEADING.match(line) and (line == line.upper() or dotted))


def _is_speech(block: _Block) -> bool:
    """A name in capitals (or after @) with words under it."""
    first = block.first
    name = EXTENSION.sub("", first).strip()
    capitals = name == name.upper() and any(sign.isalpha() for sign in name) and not first.startswith(("!", ">", "."))
    return len(block.lines) > 1 and (first.startswith("@") or capitals) and not _is_heading(first)


def _name(cue: str) -> str:
    """Ruby, of "RUBY (V.O.) ^"; a name after @ stays as it is written."""
    bare = EXTENSION.sub("", cue).strip()
    return bare[1:].strip() if bare.startswith("@") else bare.title()


def _told(block: _Block, names: set[str]) -> str:
    """A block as sentences; "" for what is not seen or heard."""
    if _is_speech(block):
        return _speech(block)
    lines = [_bare(line.removeprefix("!")) for line in block.lines if not line.startswith(">")]
    text = " ".join(line for line in lines if not TRANSITION.fullmatch(line))
    return _in_small_letters(text, names).strip()


def _speech(block: _Block) -> str:
    asides = [line.strip("() ") for line in block.lines[1:] if line.startswith("(")]
    words = _bare(" ".join(line for line in block.lines[1:] if not line.startswith("(")))
    who = f"The voice of {_name(block.first)}" if UNSEEN.search(block.first) else _name(block.first)
    how = f", {', '.join(asides)}" if asides else ""
    return f"{who} says{how}: “{words}”" if words else ""


def _in_small_letters(text: str, names: set[str]) -> str:
    """RUBY (a red fox) and RUBY, a red fox: names in capitals, as at a first entrance, become Ruby."""
    text = CAPITALS.sub(lambda found: found[0].title() if found[0].title() in names else found[0], text)
    text = re.sub(r"\b([A-ZÀ-ÖØ-Þ]{2,40})\b(?=,? \(|, )", lambda found: found[1].title(), text)
    return re.sub(
        r",? \(([^()]{0,200})\)(?!\w),?", lambda found: f", {found[1]}," if found[1].strip(" 0123456789") else "", text
    )


def _beats(told: str) -> int:
    """How many things happen: one with every sentence, one in a speech."""
    return 1 if told.endswith("”") else max(1, len(re.findall(r"[.!?…]+(?=\s|$)", told)))


def _where(heading: str) -> str:
    """In the castle at night. / At the beach in the daytime."""
    inside = heading.lower().startswith(("int", "i/e"))
    bare = (
        HEADING.sub("", _bare(heading).removeprefix("."), count=1)
        if not heading.startswith(".")
        else _bare(heading)[1:]
    )
    places = [part.strip() for part in re.split(r"\s+[-–—]+\s+", bare) if part.strip()]
    last = places[-1].lower() if places else ""
    when = WHEN.get(last, "")
    if when or last in SAME:
        places.pop()
    spot = ", ".join(place.title() if "'" in place or "’" in place else f"the {place.lower()}" for place in places)
    told = f"{'in' if inside else 'at'} {spot.replace('’S', '’s')} {when}" if spot else when
    told = " ".join(told.replace("'S", "'s").replace("the the ", "the ").split())
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _bare(line: str) -> str:
    """Without emphasis, scene numbers and escapes."""
    line = re.sub(r"\s{0,9}#[^#\n]{1,20}#$", "", line.strip())
    line = re.sub(r"(?<!\\)(\*{1,3}|_)(?=\S)(.{1,200}?)(?<=[^\s\\])\1", r"\2", line)
    return " ".join(re.sub(r"\\([*_])", r"\1", line).split())
