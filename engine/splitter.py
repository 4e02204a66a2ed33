"""A story into exactly the asked number of shots, by rules: the same story always gives the same shots.

The result has LCT's form: a global prompt ``[Character] ... [Environment] ... [Story] ...`` and shot prompts
``[SHOT CUT] Wide shot. Character 1 walks to the right. The camera pans right.``. Framing and camera vary as an editor
would vary them; words that the rules do not know stay as the writer put them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, get_args

from engine.equal_style import evened, fillers, words_in
from engine.reading import (
    SOMEONE,
    Cast,
    Setting,
    actions,
    cast_of,
    content,
    in_plain_verbs,
    named,
    refer,
    sentences,
    setting_of,
    verb_forms,
    without,
)
from engine.scene import LONGEST_SCENE, MAX_PROMPT, MAX_SHOTS
from engine.world.caption import CUT, lexicon

MAX_STORY = 20_000  # characters
MAX_SUMMARY = 240  # of the [Story] part: an overview; the shots hold the rest
MAX_ACTION = 1_500  # of one shot's own words, so that with framing and camera it fits a prompt
IDLE = ("stands still", "walks to the right", "waves", "sits", "walks to the left", "jumps", "spins around")
Variety = Literal["low", "medium", "high"]
TAGS = r"\[(?:character|environment|story)\]"
MOVES = r"(?<!\ba )(?<!\bthe )(?<!\bhis )(?<!\bher )\b(?:walks?|runs?)\b"


@dataclass(frozen=True, kw_only=True)
class Storyboard:
    """The scene's global prompt and one prompt a shot."""

    prompt: str
    shots: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Beat:
    """One thing that happens, told of "Character 1"; an intro only says who, where or when."""

    text: str
    said: Setting
    intro: bool = False
    weight: int = 1  # words
    again: int = 0  # how often this beat was already shown


def split(
    story: str, shots: int, *, variety: Variety = "medium", narrow: bool = False, long: bool = False
) -> Storyboard:
    """Split a story into ``shots`` shots; ValueError for an empty or too long one, or a number outside 1 to 9.

    variety: of framing and camera; "low" keeps both calm, "high" repeats a framing as late as it can.
    narrow: to be seen no wider than high, so two characters stand in wide shots and the camera stays with who moves.
    long: one take without cuts, told in up to 45 parts of equal style and length (TokensGen appendix A.1).
    """
    check(story, shots, long=long)
    if variety not in get_args(Variety):
        raise ValueError(f"variety is {variety!r}; it is one of {', '.join(get_args(Variety))}")
    story = _cleaned(story)
    cast = cast_of(story)
    beats = _with_camera([_beat(sentence, cast) for sentence in sentences(story)])
    first = _first_setting(beats, cast)
    told = [beat for beat in _settled(beats, first) if not beat.intro]
    chosen = _exactly(told or _posed(beats, cast, first)[:shots], shots)
    prompt = _global_prompt(cast, first, beats)
    told = _one_take(chosen, prompt) if long else _edited(chosen, first, variety, narrow=narrow)
    return Storyboard(prompt=prompt, shots=told)


def check(story: str, shots: int, *, long: bool = False) -> None:
    """ValueError when ``split`` could not split this."""
    most, what = (LONGEST_SCENE, "a long take") if long else (MAX_SHOTS, "a scene")
    if not 1 <= shots <= most:
        near = min(max(shots, 1), most)
        raise ValueError(f"shots is {shots}; {what} holds 1 to {most}, the nearest is {near}")
    if len(story) > MAX_STORY:
        raise ValueError(f"story has {len(story)} characters; the most is {MAX_STORY}, so tell it in parts")
    if not _cleaned(story):
        raise ValueError("story is empty; write a sentence about who does what and where")


def alike(one: str, two: str) -> bool:
    """Whether two shots tell of the same doing: an action, or a word beyond who, where and how it is seen."""
    told = [{*actions(text), *map(str.lower, content(_unseen(text)))} for text in (one, two)]
    return bool(told[0] & told[1])


def rewrite(prompt: str, *, story: str = "", wish: str = "", narrow: bool = False) -> str:
    """One shot anew: what is wished of it, told of the story's characters, or the same action seen another way."""
    old = re.sub(rf"^\s*{re.escape(CUT)}", "", prompt, flags=re.IGNORECASE).strip()
    kept = [part for part in sentences(old) if re.search(SOMEONE, part) or content(_unseen(part))]
    text = in_plain_verbs(refer(_cleaned(wish), cast_of(_cleaned(story)))) or " ".join(kept) or old
    beat = Beat(text=text, said=Setting())
    seen = {"variety": "medium", "narrow": narrow, "last": False}
    framing = named("framing", text) or _framing(beat, [named("framing", old) or "wide"], **seen)
    camera = named("camera", text) or _camera(beat, framing, named("camera", old), _direction(text, "right"), **seen)
    told = _prompt(_shortened(_ended(text), MAX_ACTION), beat, Setting(), framing, camera)
    return f"{CUT} {told}" if prompt.strip().upper().startswith(CUT) else told


def introductions(story: str) -> dict[str, str]:
    """Who a story describes, by name: "Ruby" is "Ruby, a red fox with a crown"."""
    return {who.name: str(who) for who in cast_of(_cleaned(story)).figures if who.name and who.noun}


def plain(text: str) -> str:
    """Text as a reader sees it: no markup, no invisible signs, no bytes that no file can hold; lines stay lines."""
    text = html.unescape(text.encode("utf-8", "ignore").decode())
    text = re.sub(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,500}>", " ", text, flags=re.DOTALL)
    text = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    return re.sub(r"\n+", "\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def untagged(text: str) -> str:
    """Text without the tags of the prompt's own form."""
    text = re.sub(r"\[shot cut\]", "\n", text, flags=re.IGNORECASE)
    return re.sub(TAGS, " ", text, flags=re.IGNORECASE).strip()


def _cleaned(story: str) -> str:
    """Plain sentences without the signs of a list; lines that wrap are joined."""
    story = untagged(plain(story))
    story = re.sub(r"(?im)^[ \t]*(?:#+|[-*>•]+|\d+[.)]|(?:scene|shot) \d+[:.)])[ \t]+", "", story)
    return plain(re.sub(r"[ \t]*\n[ \t]*(?=[a-z])", " ", story))


def _unseen(text: str) -> str:
    """A sentence without its words for framing and camera."""
    for group in ("framing", "camera"):
        while named(group, text):
            text = without(group, text)
    return text


def _beat(sentence: str, cast: Cast) -> Beat:
    text = re.sub(r"^(?:meet|this is)\s+", "", in_plain_verbs(refer(sentence, cast)), flags=re.IGNORECASE)
    return Beat(
        text=text,
        said=setting_of(text),
        intro=not content(text) and not actions(text),
        weight=max(1, len(re.findall(r"\w+", text))),
    )


def _with_camera(beats: list[Beat]) -> list[Beat]:
    """Sentences about the camera alone belong to what it looks at."""
    kept: list[Beat] = []
    for beat in beats:
        if kept and not re.search(SOMEONE, beat.text) and (named("camera", beat.text) or named("framing", beat.text)):
            kept[-1] = replace(kept[-1], text=f"{_ended(kept[-1].text)} {beat.text}")
        else:
            kept.append(beat)
    return kept


def _first_setting(beats: list[Beat], cast: Cast) -> Setting:
    """Where and when the story starts: its first place, and the light and weather told before anything happens.

    For the world's own characters, what was never told is a meadow on a clear day.
    """
    opening = next((k for k, beat in enumerate(beats) if not beat.intro), len(beats))
    told = Setting(place=next((beat.said.place for beat in beats if beat.said.place), ""))
    for beat in reversed(beats[: opening + 1]):
        told = told.then(replace(beat.said, place=""))
    of_world = any(figure.kind in lexicon()["species"] for figure in cast.figures)
    if told.place or of_world:
        return Setting(place="meadow", time="day", weather="clear").then(told)
    return told


def _settled(beats: list[Beat], first: Setting) -> list[Beat]:
    """Every beat with the setting it happens in: what was said last stays true."""
    now, settled = first, []
    for beat in beats:
        now = now.then(beat.said)
        settled.append(replace(beat, said=now))
    return settled


def _posed(beats: list[Beat], cast: Cast, first: Setting) -> list[Beat]:
    """A story in which nothing happens: its characters at rest and in motion, or its own words."""
    if not cast.figures:
        return _settled(beats, first)
    people = min(len(cast.figures), 2)
    return [Beat(text=f"Character {k % people + 1} {pose}.", said=first, weight=3) for k, pose in enumerate(IDLE)]


def _exactly(beats: list[Beat], count: int) -> list[Beat]:
    """Merge neighbours when there are too many beats; split, then repeat, when there are too few."""
    if len(beats) > count:
        return _merged(beats, count)
    beats = list(beats)
    while len(beats) < count:
        halves = [(beat.weight, k, _halves(beat)) for k, beat in enumerate(beats)]
        able = [(weight, -k, pair) for weight, k, pair in halves if pair]
        if not able:
            break
        _, k, pair = max(able, key=lambda item: item[:2])
        beats[-k : -k + 1] = pair
    rows = [k * len(beats) // count for k in range(count)]
    return [replace(beats[row], again=k - rows.index(row)) for k, row in enumerate(rows)]


def _merged(beats: list[Beat], count: int) -> list[Beat]:
    """Neighbours joined into ``count`` beats of about equal length."""
    total, groups, done = sum(beat.weight for beat in beats), [[] for _ in range(count)], 0
    for k, beat in enumerate(beats):
        wanted = (done + beat.weight / 2) * count // total
        filled = sum(bool(group) for group in groups)
        latest, earliest = filled, max(filled - 1, count - (len(beats) - k))
        groups[int(min(max(wanted, earliest), latest, count - 1))].append(beat)
        done += beat.weight
    return [
        replace(
            group[0], text=" ".join(_ended(beat.text) for beat in group), weight=sum(beat.weight for beat in group)
        )
        for group in groups
    ]


def _halves(beat: Beat) -> list[Beat] | None:
    """A beat of two clauses as two beats, cut nearest to its middle; None when it is one."""
    middle = len(beat.text) / 2
    for joint in sorted(_joints().finditer(beat.text), key=lambda joint: abs(joint.start() - middle)):
        left, right = beat.text[: joint.start()].strip(" ,;"), beat.text[joint.end() :].strip()
        listed = re.search(rf"(?:^|,\s*|\band\s+){SOMEONE}$", left)
        if not listed and all(content(half) or actions(half) for half in (left, right)):
            halves = (_ended(left), _with_subject(left, right))
            return [replace(beat, text=text, weight=max(1, len(text.split()))) for text in halves]
    return None


@cache
def _joints() -> re.Pattern[str]:
    """Where a sentence comes apart: before "then", and where a verb goes on after a comma or an "and"."""
    verb = rf"(?:{'|'.join(map(re.escape, verb_forms()))})\b"
    goes_on = rf"(?:{verb}|[a-z]{{2,}}(?:s|ed)\s+(?!and\b|or\b))"
    with_word = rf",?\s+(?:and|but|while)\s+(?={SOMEONE}|{goes_on})"
    return re.compile(rf";\s+|,?\s+(?:and\s+)?then\s+|{with_word}|,\s+(?={goes_on})", re.IGNORECASE)


def _with_subject(left: str, right: str) -> str:
    """A clause that lost its subject ("jumps over a log") gets the one of the clause before."""
    verb = right.split(" ", 1)[0].strip(".,!?").lower()
    subject = re.search(rf"{SOMEONE}(?: and {SOMEONE})*", left)
    bare = verb in verb_forms() or re.fullmatch(r"[a-z]+(?:s|ed)", verb)
    return f"{subject[0]} {right}" if subject and bare else right


def _global_prompt(cast: Cast, first: Setting, beats: list[Beat]) -> str:
    parts = []
    if cast.figures:
        parts.append(
            "[Character] " + " ".join(f"Character {k}: {who}." for k, who in enumerate(cast.figures, start=1))
        )
    if where := ", ".join(part for part in (_place_and_time(first), _sky(first)) if part):
        parts.append(f"[Environment] {_capital(where)}.")
    parts.append(f"[Story] {_summary(beats)}")
    return _shortened(" ".join(parts), MAX_PROMPT)


def _summary(beats: list[Beat]) -> str:
    """As many of the story's first sentences as fit; intros are told by the other parts."""
    told = [_ended(beat.text) for beat in beats if not beat.intro] or [_ended(beat.text) for beat in beats]
    text = _shortened(told[0], MAX_SUMMARY)
    for sentence in told[1:]:
        if len(text) + len(sentence) >= MAX_SUMMARY:
            break
        text += f" {sentence}"
    return text


def _place_and_time(setting: Setting) -> str:
    said = [_at(setting.place), lexicon()["time"][setting.time][0] if setting.time else ""]
    return " ".join(part for part in said if part)


def _at(place: str) -> str:
    return lexicon()["at"][place][0].format(lexicon()["place"][place][0]) if place else ""


def _sky(setting: Setting) -> str:
    return lexicon()["weather"][setting.weather][0] if setting.weather in ("rain", "snow") else ""


def _one_take(beats: list[Beat], prompt: str) -> tuple[str, ...]:
    """Parts of one take: one style, no word of cuts, and all about as long as the longest."""
    texts, direction = [], "right"
    for beat in beats:
        direction = _direction(beat.text, direction)
        texts.append(_directed(_apart(_shortened(_ended(_opened(beat.text)), MAX_ACTION)), direction))
    longest = max(map(words_in, texts))
    parts = [evened(text, longest, fillers(prompt, text)) for text in texts]
    return (f"{CUT} {parts[0]}", *parts[1:])


def _edited(beats: list[Beat], first: Setting, variety: Variety, *, narrow: bool) -> tuple[str, ...]:
    """Shot prompts: each beat in a framing and with a camera move that an editor would choose after the one before."""
    prompts: list[str] = []
    framings: list[str] = []
    camera, direction = "", "right"
    for k, beat in enumerate(beats):
        seen = {"variety": variety, "narrow": narrow, "last": k == len(beats) - 1 and k > 2}
        direction = _direction(beat.text, direction)
        framing = named("framing", beat.text) or _framing(beat, framings, **seen)
        camera = named("camera", beat.text) or _camera(beat, framing, camera, direction, **seen)
        framings.append(framing)
        text = _directed(_apart(_shortened(_opened(beat.text), MAX_ACTION)), direction)
        prompts.append(f"{CUT} {_prompt(text, beat, first, framing, camera)}")
    return tuple(prompts)


def _prompt(text: str, beat: Beat, first: Setting, framing: str, camera: str) -> str:
    """Framing, who does what, what of the setting is new, camera; nothing that the writer already said."""
    here, new = setting_of(text), []
    if beat.said.place != first.place and not here.place:
        new.append(_at(beat.said.place))
    if beat.said.time != first.time and not here.time:
        new.append(lexicon()["time"][beat.said.time][0])
    parts = [_ended(" ".join([text.rstrip(" ."), *new])) if new else _ended(text)]
    if beat.said.weather != first.weather and not here.weather:
        parts.append(f"{_capital(lexicon()['weather'][beat.said.weather][0])}.")
    if not named("framing", text):
        parts.insert(0, f"{_capital(lexicon()['framing'][framing][0])}.")
    if camera != "static" and not named("camera", text):
        parts.append(f"{_capital(lexicon()['camera'][camera][0])}.")
    return " ".join(parts)


def _framing(beat: Beat, earlier: Sequence[str], *, variety: Variety, narrow: bool, last: bool) -> str:
    """Wide to open and to end, near for small gestures, never the same twice; two characters need room."""
    many = len(set(re.findall(SOMEONE, beat.text))) > 1
    if narrow and many:
        return "wide"
    if variety == "low":
        return "medium"
    if not earlier or (last and earlier[-1] != "wide" and variety == "medium"):
        return "wide"
    moves = set(actions(beat.text)) & {"walk", "run", "jump", "spin"}
    wanted = ("medium", "wide", "close") if moves or beat.again else ("close", "medium", "wide")
    able = [framing for framing in wanted if framing != earlier[-1] and not (many and framing == "close")]
    fresh = [framing for framing in able if framing not in earlier[-2:]] if variety == "high" else able
    return (fresh or able)[0]


def _camera(
    beat: Beat, framing: str, before: str, direction: str, *, variety: Variety, narrow: bool, last: bool
) -> str:
    """Follow who moves, close in on who does not, pull back at the end; no move twice running."""
    follows = framing != "close" and set(actions(beat.text)) & {"walk", "run"}
    wanted = f"pan_{direction}" if follows else "zoom_out" if last else "zoom_in" if before else "static"
    if follows and narrow:
        return wanted  # they would walk out of the picture
    if variety == "low":
        return wanted if follows else "static"
    if variety == "high" and wanted in ("static", before):
        return "zoom_out" if before == "zoom_in" else "zoom_in"
    return "static" if wanted == before else wanted


def _direction(text: str, before: str) -> str:
    """Who leaves goes one way across the screen, and comes back the other."""
    if told := re.search(rf"(?:{MOVES}|\bto the|\btowards the)\s+(left|right)\b", text):
        return told[1]
    return "left" if re.search(r"\b(?:back|home|returns?)\b", text) else before


def _opened(text: str) -> str:
    """A shot needs no "then": it comes after the one before anyway."""
    linked = r"^(?:(?:and|then|but|so|finally|next|suddenly|meanwhile|after that|one day)\b,?\s+)+"
    return re.sub(linked, "", text, flags=re.IGNORECASE)


def _apart(text: str) -> str:
    """ "Character 1 and Character 2 walk" as the model was taught it: each with a verb of its own."""
    joined = rf"({SOMEONE}) and ({SOMEONE}) (walk|run|jump|wave|spin|sit|stand)\b"
    return re.sub(joined, lambda found: f"{found[1]} {found[3]}s and {found[2]} {found[3]}s", text)


def _directed(text: str, direction: str) -> str:
    """A walk or a run needs a side of the screen to go to."""
    how = r"(?:\s+(?:back home|away|off|back|home|around|outside|inside|\w+ly|by(?=\s+and\b|\W*$))\b)?+"
    told = r"(?!\s+(?:to the |towards the )?(?:left|right)\b)"
    return re.sub(rf"{MOVES}{how}{told}", rf"\g<0> to the {direction}", text)


def _ended(text: str) -> str:
    text = _capital(text.strip())
    return text if re.search(r"[.!?…。！？।؟][\"'”’»)]*$", text) else f"{text.rstrip(' ,;:')}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shortened(text: str, most: int) -> str:
    """At most ``most`` characters, cut between words."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
