"""What a story says in words the rules know: who is in it, where, when, in which weather, doing what.

Rules, not a model: the same story always reads the same, at once, with nothing to download. The words are the cartoon
world's own (``engine/world/lexicon.json``) and those that stories use besides (``story_words.json``); all others stay
exactly as the writer put them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.world.caption import lexicon

MAX_CAST = 4
SOMEONE = r"Character \d"
NAME = r"[A-ZÀ-ÖØ-ÞА-Я][\w’-]*\w"
BE = r"(?:is|was|are|were)"
DETERMINER = r"(?:an?|the|another|one|my|our|this|that)"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One character as the story describes it; ``noun`` is the word that later sentences use ("the fox")."""

    noun: str = ""
    look: str = ""  # adjectives as written, colour included: "small red"
    name: str = ""
    wears: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The world's word for the noun, or the noun itself where the world has none."""
        return words("species").get(self.noun, self.noun)

    @property
    def colour(self) -> str:
        found = _any_of("colour").search(self.look)
        return words("colour")[_key(found[0])] if found else ""

    def __str__(self) -> str:
        body = " ".join(part for part in (self.look, self.noun) if part)
        text = ", ".join(part for part in (self.name, body and _with_article(body)) if part)
        things = " and ".join(map(_with_article, self.wears))
        return f"{text} with {things}" if things else text


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where and when, in the world's words; empty where nothing was said."""

    place: str = ""
    time: str = ""
    weather: str = ""

    def then(self, later: Setting) -> Setting:
        """This setting with what the later one says put over it."""
        return replace(self, **{name: value for name, value in vars(later).items() if value})


@dataclass
class Cast:
    """The characters found so far, and who was spoken of last."""

    figures: list[Figure] = field(default_factory=list)
    last: str = ""

    def meet(self, found: Figure, *, new: bool, another: bool) -> int | None:
        """The number (from 0) of a described character: one we know, or a new one if the words allow one."""
        for k, known in enumerate(self.figures):
            if not another and _same(known, found):
                self.figures[k] = _joined(known, found)
                return k
        if not new or len(self.figures) == MAX_CAST:
            return None
        self.figures.append(found)
        return len(self.figures) - 1


@cache
def words(group: str) -> dict[str, str]:
    """Every wording of a group, in lower case, and what it means in the world's words."""
    extra = _data().get(group, {})
    if isinstance(extra, list):
        return {word: word for word in extra}
    meanings = {}
    for meaning, wordings in [*lexicon().get(group, {}).items(), *extra.items()]:
        meanings |= {re.sub(r"^(?:the|a) ", "", wording): meaning for wording in wordings if meaning != "none"}
    return meanings


def setting_of(text: str) -> Setting:
    """Place, time of day and weather that a text names; the first of each."""
    found = {}
    for group in ("place", "time", "weather"):
        found[group] = named(group, text)
        text = without(group, text)
    return Setting(**found)


def named(group: str, text: str) -> str:
    """The first thing of a group that a text names, in the world's words; empty if there is none."""
    match = _any_of(group).search(text)
    return words(group)[_key(match[0])] if match else ""


def without(group: str, text: str) -> str:
    """A text without the words of a group."""
    return _any_of(group).sub(" ", text)


def cast_of(story: str) -> Cast:
    """Everybody in the story, described or only named, in the order in which they enter it."""
    cast = Cast()
    for sentence in sentences(story):
        refer(sentence, cast)
    _adopt_names(story, cast)
    cast.figures.sort(key=lambda who: min(_enters(word, story) for word in (who.name, who.noun) if word))
    return Cast(figures=cast.figures)


def _enters(word: str, story: str) -> int:
    """Where a word first stands in the story, alone or in the plural; at its end if it is nowhere as such."""
    found = re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", story, re.IGNORECASE)
    return found.start() if found else len(story)


def sentences(story: str) -> list[str]:
    """The story at its full stops, whatever the script, and at its line ends; no quotation is parted."""
    ends = r"(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?…]+[\"'”’»)]*\s+(?=[^a-z\s])|[。！？।؟]+[”」』]?\s*|\n"
    spoken = {at for found in re.finditer(r"“[^“”]{0,1000}”", story) for at in range(*found.span())}
    stops = [match.end() for match in re.finditer(ends, story) if match.end() not in spoken]
    parts = [story[a:b].strip() for a, b in pairwise([0, *stops, len(story)])]
    return [part for part in parts if part.strip(" .,;:!?…-–—\"'")] or [story]


def refer(text: str, cast: Cast) -> str:
    """The sentence with everybody in it as "Character 1", "Character 2"...; the cast learns from what it says."""
    text = _described().sub(lambda match: _numbered(match, cast), text)
    for k, figure in enumerate(cast.figures, start=1):
        if figure.name:
            text = re.sub(rf"(?<!\w){re.escape(figure.name)}(?!\w)", f"Character {k}", text)
    text = _without_pronouns(text, cast)
    if spoken := re.search(SOMEONE, text):
        cast.last = spoken[0]
    _learn_looks(text, cast)
    return text


def content(text: str) -> list[str]:
    """What a sentence says beyond who there is, how they look, where and when: words and signs not yet understood."""
    for group in ("place", "time", "weather", "accessory", "colour"):
        text = without(group, text)
    text = re.sub(rf"{SOMEONE}|\b(?:{_wordings('species')})s?\b", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"['’]s\b", " ", text)
    plain = [word for word in re.findall(r"\w[\w'’-]*", text) if word.lower() not in _small()]
    return plain + re.findall(r"[^\w\s.,:;!?'\"“”‘’()\[\]-]", text)


def actions(text: str) -> list[str]:
    """The world's actions that a text names, in order."""
    return [verb_forms()[_key(match["form"])][0] for match in _verb().finditer(text) if not _is_thing(match)]


def in_plain_verbs(text: str) -> str:
    """Actions in the world's words, in the present: "was strolling" becomes "walks"; quotations stay."""
    parts = re.split(r"(“[^”]*”|\"[^\"]*\")", text)
    return "".join(part if k % 2 else _verb().sub(_plain, part) for k, part in enumerate(parts))


@cache
def verb_forms() -> dict[str, tuple[str, str]]:
    """Every form of every verb: "strolled" is ("walk", "past")."""
    forms: dict[str, tuple[str, str]] = {}
    for meaning, wordings in _data()["verbs"].items():
        for wording in wordings:
            verb, _, rest = wording.partition(" ")
            past, going = _data()["irregular"].get(verb, (_ending(verb, "ed"), _ending(verb, "ing")))
            for form, kind in ((verb, "base"), (_third(verb), "finite"), (past, "finite"), (going, "going")):
                forms.setdefault(f"{form} {rest}".strip(), (meaning, kind))
    return forms


@cache
def _data() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("story_words.json").read_text("utf-8"))


@cache
def _small() -> frozenset[str]:
    return frozenset(_data()["small"])


@cache
def _any_of(*groups: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{_wordings(*groups)})(?![\w-])", re.IGNORECASE)


def _wordings(*groups: str) -> str:
    """The groups' wordings as alternatives of a pattern, the longest first."""
    found = sorted({wording for group in groups for wording in words(group)}, key=len, reverse=True)
    return "|".join(map(re.escape, found))


def _as_known(group: str, wording: str) -> str:
    """A wording as the world's captions have it: itself if they use it, else the plain word."""
    plain = _key(wording)
    meaning = words(group)[plain]
    return plain if plain in lexicon()[group][meaning] else meaning


def _key(found: str) -> str:
    """What a pattern found, as the lists have it: in lower case, ſ as s, and i with and without its dot as i."""
    return found.lower().replace("ſ", "s").replace("ı", "i").replace("i̇", "i")


@cache
def _adjective() -> str:
    return rf"(?!(?i:{'|'.join(sorted(_small()))})\b)[^\W\d][\w'-]*,?\s+"


@cache
def _described() -> re.Pattern[str]:
    """Ruby, a small red fox with a crown / Ruby is a fox / the fox named Ruby / a blue bear in a scarf."""
    noun, thing, colour = (_any_of(*groups).pattern for groups in (("species", "beings"), ("accessory",), ("colour",)))
    adjective = _adjective()
    wears = (
        rf"(?i:with|wearing|in|who\s+wears|and)\s+(?i:(?:an?|the|his|her|its)\s+)?(?:{adjective}){{0,2}}?(?i:{thing})"
    )
    named = rf"(?i:named|called|whose\s+name\s+is)\s+{NAME}"
    return re.compile(
        rf"(?:(?<!\w)(?P<name>{NAME}),?\s+(?:{BE}\s+)?(?=(?i:an?|the)\s))?"
        rf"(?:(?<!\w)(?P<determiner>(?i:{DETERMINER}))\s+(?P<look>(?:{adjective}){{0,4}}?)|(?P<bare>(?i:{colour})\s+)?)"
        rf"(?P<noun>(?i:{noun}))"
        rf"(?P<tail>(?:\s*,?\s+(?:{wears}|{named}))*)(?P<comma>,(?=\s))?"
    )


def _learn_looks(text: str, cast: Cast) -> None:
    """Character 1 wears a hat. Character 1 is blue. Character 1 and Character 2 are two ducks."""
    for match in _puts_on().finditer(text):
        _learn(cast, match["who"], Figure(wears=(_as_known("accessory", match["thing"]),)))
    for match in _is_like().finditer(text):
        colour = _as_known("colour", match["colour"]) if match["colour"] else ""
        noun = _as_known("species", match["noun"]) if match["noun"] else ""
        _learn(cast, match["who"], Figure(look=colour, noun=noun))


def _learn(cast: Cast, who: str, found: Figure) -> None:
    for number in re.findall(r"\d", who):
        if 1 <= int(number) <= len(cast.figures):
            cast.figures[int(number) - 1] = _joined(cast.figures[int(number) - 1], found)


@cache
def _puts_on() -> re.Pattern[str]:
    verb = rf"(?:{BE}\s+)?(?:wears|wore|wearing|has|had|puts\s+on)"
    article = r"(?:(?:an?|the|his|her|its)\s+)?(?:\w+\s+){0,2}?"
    thing = _any_of("accessory").pattern
    return re.compile(rf"(?P<who>{SOMEONE})\s+(?:\w+\s+)?{verb}\s+{article}(?P<thing>{thing})", flags=re.IGNORECASE)


@cache
def _is_like() -> re.Pattern[str]:
    who, how = rf"(?P<who>{SOMEONE}(?:,?\s+and\s+{SOMEONE})*)", r"(?:(?:an?|two|both|all|very)\s+)*"
    colour, noun = rf"(?:(?P<colour>{_wordings('colour')})\b\s*)?", rf"(?:(?P<noun>{_wordings('species')})s?\b)?"
    return re.compile(rf"{who}\s+{BE}\s+{how}{colour}{noun}", re.IGNORECASE)


def _numbered(match: re.Match[str], cast: Cast) -> str:
    """The replacement for one description; the words themselves where they describe nobody we can follow."""
    named = re.search(rf"(?:named|called|is)\s+({NAME})", match["tail"])
    written = match["name"] or ""
    name = named[1] if named else "" if written.lower() in _small() else written
    look = re.sub(r"[,\s]+", " ", match["look"] or match["bare"] or "").strip().lower()
    things = [_as_known("accessory", found[0]) for found in _any_of("accessory").finditer(match["tail"])]
    species = _key(match["noun"]) in words("species")
    found = Figure(
        noun=_key(match["noun"]),
        look=_any_of("colour").sub(lambda colour: _as_known("colour", colour[0]), look),
        name=name,
        wears=tuple(dict.fromkeys(things)),
    )
    opens = not re.search(r"\w", match.string[: match.start()].rsplit(".", 1)[-1].replace("Once upon a time", ""))
    new = bool(name or (species and (match["determiner"] or found.colour)) or (match["determiner"] and opens))
    number = cast.meet(found, new=new, another=(match["determiner"] or "").lower() == "another")
    if number is None:
        return match[0]
    before = f"{written} " if written and not name else ""
    comma = "" if written or match["tail"] else match["comma"] or ""
    return f"{before}Character {number + 1}{comma}"


def _same(known: Figure, found: Figure) -> bool:
    if found.name and known.name:
        return found.name == known.name
    return known.kind == found.kind != "" and (not found.colour or not known.colour or found.colour == known.colour)


def _joined(known: Figure, found: Figure) -> Figure:
    meanings = {words("accessory")[thing] for thing in known.wears}
    more = (thing for thing in found.wears if words("accessory")[thing] not in meanings)
    coloured = found.look if found.colour and not known.colour else ""
    return Figure(
        noun=known.noun or found.noun,
        look=" ".join(part for part in (known.look, coloured) if part) or found.look,
        name=known.name or found.name,
        wears=(*known.wears, *more),
    )


def _adopt_names(story: str, cast: Cast) -> None:
    """Names that nobody described become characters too, if they are seen to act ("Mia opens the door")."""
    known = {figure.name for figure in cast.figures}
    opening = r"(?:^|[.!?…:\n\"“]\s*|\b(?:and|then|when|while)\s+|,\s+)"
    for name, verb in re.findall(rf"{opening}({NAME})\s+([a-z]+)", story):
        acting = verb in verb_forms() or re.fullmatch(r"(?!as$|its$|this$|his$)[a-z]+(?:s|ed)|and", verb)
        free = name not in known and not re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", story)
        if acting and free and not _is_word(name) and len(cast.figures) < MAX_CAST:
            known.add(name)
            cast.figures.append(Figure(name=name))


def _is_word(name: str) -> bool:
    groups = ("species", "beings", "colour", "accessory", "place", "time", "weather")
    word = name.lower()
    return word in _small() or word in verb_forms() or any(word in words(group) for group in groups)


def _without_pronouns(text: str, cast: Cast) -> str:
    """She, he, it and they, where they are who acts, as the characters they stand for."""
    everybody = " and ".join(f"Character {k}" for k in range(1, len(cast.figures) + 1))
    spoken = cast.last or ("Character 1" if cast.figures else "")

    def subject(match: re.Match[str]) -> str:
        earlier = re.findall(SOMEONE, match.string[: match.start()])
        who = everybody if match["word"].lower() == "they" else earlier[0] if earlier else spoken
        return f"{match['before']}{who}" if who else match[0]

    before = r"(?P<before>^\W*(?:\w+,?\s+){0,3}?|\b(?:and|then|but|so|while|as|when)\s+|[,;]\s+)"
    weather = rf"(?!\s*(?:['’]s|{BE}|rain|snow|gets|got|began|begins|start))"
    return re.sub(rf"{before}\b(?P<word>she|he|they|it{weather})\b", subject, text, flags=re.IGNORECASE)


@cache
def _verb() -> re.Pattern[str]:
    forms = "|".join(map(re.escape, sorted(verb_forms(), key=len, reverse=True)))
    return re.compile(rf"(?P<before>\b[\w']+\s+)?(?<![\w-])(?P<form>{forms})(?![\w-])", re.IGNORECASE)


def _is_thing(match: re.Match[str]) -> bool:
    """A noun that looks like a verb: "a walk", "the waves", "in waves"."""
    before = (match["before"] or "").strip().lower()
    return bool(re.fullmatch(r"an?|the|his|her|its|their|my|our|every|each|some|big|at|in|on|of|with|by|for", before))


def _plain(match: re.Match[str]) -> str:
    if _is_thing(match):
        return match[0]
    meaning, kind = verb_forms()[_key(match["form"])]
    before = match["before"] or ""
    many = re.search(rf"{SOMEONE} and {SOMEONE}\s+(?:\w+\s+)?$", match.string[: match.start("form")])
    finite = meaning if many else _third(meaning)
    if kind == "going" and re.fullmatch(BE, before.strip(), re.IGNORECASE):
        return finite
    going = _data()["irregular"].get(meaning, ("", _ending(meaning, "ing")))[1]
    return before + {"base": meaning, "finite": finite, "going": going}[kind]


def _third(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y$", verb) else f"{verb}s"


def _ending(verb: str, ending: str) -> str:
    if verb.endswith("e"):
        return verb[:-1] + ending
    return f"{verb[:-1]}ied" if ending == "ed" and re.search(r"[^aeiou]y$", verb) else verb + ending


def _with_article(text: str) -> str:
    if text.endswith(("glasses", "spectacles", "phones")):
        return text
    return f"{'an' if text[:1].lower() in 'aeiou' else 'a'} {text}"
