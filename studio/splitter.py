"""Story to shot list: by rules, or by a language model with the rules to fall back on. The number is always right."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine import CancelToken
from engine.equal_style import MOST_WORDS, bounds, evened, fillers, uneven, words_in
from engine.splitter import CUT, alike, rewrite, split
from studio.answers import Reader
from studio.drafts import Asked, Draft, DraftShot, finished
from studio.language_models import PATIENCE, Endpoint, Local, Messages, UnavailableError, Writer, watched
from studio.settings import Settings

PROMPTS = Path(__file__).parents[1] / "prompts"
VARIETY = {
    "low": "keep framing and camera calm and alike from shot to shot",
    "medium": "vary framing and camera as an editor would",
    "high": "change framing and camera at every cut, and repeat a framing as late as you can",
}
ASPECT = {
    "1:1": "a square crop of the picture, 1:1: what matters stays in the middle, and two characters stand close",
    "9:16": "a tall crop of the picture, 9:16: what matters stays in the middle third, one character at a time where"
    " the story allows it, and the camera follows who moves",
}


class Splitter(Protocol):
    """A draft that grows shot by shot; the last one is ``done`` and has all its shots, whatever went wrong."""

    def drafts(self, asked: Asked, *, cancel: CancelToken | None = None) -> Iterator[Draft]:
        """Raises Cancelled when ``cancel`` is set."""
        ...


class Rules:
    """The deterministic splitter; needs nothing."""

    def drafts(self, asked: Asked, *, cancel: CancelToken | None = None) -> Iterator[Draft]:  # noqa: ARG002 - at once
        beyond = asked.tone or asked.language or asked.wish != _one_wish(asked)
        note = "Rules know no tone, no language and no wish but for one shot; a language model does." if beyond else ""
        draft = asked.timed(by_rules(asked))
        yield replace(draft, note=f"{draft.note} {note}".strip(), done=True)


def by_rules(asked: Asked) -> Draft:
    """The story split by rules, around the locked shots; a shot that would come out the same is seen another way."""
    narrow = bool(asked.aspect)
    told_by = partial(split, asked.story, variety=asked.variety, narrow=narrow, long=asked.long)
    board = told_by(asked.shots)
    places, note = {index: board.shots[index] for index in asked.missing}, ""
    strangers = asked.kept and not any(alike(board.shots[k], kept.prompt) for k, kept in asked.kept.items())
    if strangers and len(asked.missing) > 1:  # locked shots of another story tell none of this one
        places = dict(zip(asked.missing, told_by(len(asked.missing)).shots, strict=True))
        note = "The locked shots are of another story, so the scene keeps its characters and its place (Bible)."
    wish, shots = _one_wish(asked), {}
    for index, ruled in places.items():
        told, now = ruled, asked.present[index : index + 1]
        if now and not asked.long and (wish or _shot(told).prompt == now[0].prompt):
            before = f"{CUT if now[0].cut else ''} {now[0].prompt}".strip()
            told = rewrite(before, story=asked.story, wish=wish, narrow=narrow)
        shots[index] = replace(_shot(told), cut=told.startswith(CUT) or index == 0)
    return asked.draft(board.prompt, shots, note=note)


def _one_wish(asked: Asked) -> str:
    """The wish that rules can follow: for one shot that is there."""
    rewrites = len(asked.missing) == 1 and asked.missing[0] < len(asked.present) and not asked.long
    return asked.wish if rewrites else ""


@dataclass(frozen=True)
class Answer:
    """What one answer of a language model gave."""

    prompt: str
    shots: tuple[DraftShot, ...]
    error: str = ""


class Model:
    """A language model's split: asked, asked once more for what is missing or wrong, and filled in by rules."""

    def __init__(self, writer: Writer, *, patience: float = PATIENCE) -> None:
        self._writer, self._patience = writer, patience

    def drafts(self, asked: Asked, *, cancel: CancelToken | None = None) -> Iterator[Draft]:
        """Streams what is written; ValueError for a story that nobody could split comes before anything is asked."""
        ruled = by_rules(asked)
        cancel = cancel or CancelToken()
        yield asked.draft()
        answer = yield from self._answer(asked, {}, "", cancel)
        answer, found = yield from self._repaired(asked, answer, cancel)
        prompt = (found and answer.prompt) or ruled.prompt
        shots = {index: found.get(index) or ruled.shots[index] for index in asked.missing}
        if asked.long:
            shots = {index: _fitting(asked, shot, prompt) for index, shot in shots.items()}
        shots |= {index: replace(shot, cut=True) for index, shot in shots.items() if index == 0}
        note = _note(asked, answer, len(found))
        yield replace(asked.timed(asked.draft(prompt, shots)), note=note, done=True)

    def _repaired(
        self, asked: Asked, first: Answer, cancel: CancelToken
    ) -> Generator[Draft, None, tuple[Answer, dict[int, DraftShot]]]:
        """The answer and its shots in their places, after one more question for what is missing or wrong."""
        found = placed(first.shots, asked.missing)
        wrong = "" if first.error else _wrong(asked, first.shots)
        if not wrong:
            return first, found
        many = len(first.shots) > len(asked.missing)
        kept = {} if many else _good(asked, found)
        second = yield from self._answer(asked, kept, wrong, cancel)
        again = placed(second.shots, [index for index in asked.missing if index not in kept])
        if not again:
            return replace(first, error=second.error), found
        shots = second.shots if many else first.shots
        return Answer(first.prompt or second.prompt, shots, second.error), again if many else found | again

    def _answer(
        self, asked: Asked, kept: Mapping[int, DraftShot], wrong: str, cancel: CancelToken
    ) -> Generator[Draft, None, Answer]:
        """One answer, streamed into the places that are still free."""
        free = [index for index in asked.missing if index not in kept]
        reader, error = Reader(), ""
        messages, schema = question(asked, kept, wrong), answer_schema(len(free))
        try:
            for piece in watched(
                lambda stop: self._writer.write(messages, schema, stop), cancel, patience=self._patience
            ):
                if reader.feed(piece):
                    written = dict(zip(free, reader.shots, strict=False))
                    yield asked.draft(reader.prompt, {**kept, **written})
                if reader.full:
                    break
        except UnavailableError as reason:
            error = str(reason)
        reader.end()
        return Answer(reader.prompt, tuple(reader.shots), error)


def placed(shots: Sequence[DraftShot], places: Sequence[int]) -> dict[int, DraftShot]:
    """Shots in their places, in order; too many are thinned so that the first and the last stay."""
    if len(shots) > len(places):
        last = max(len(places) - 1, 1)
        shots = [shots[k * (len(shots) - 1) // last] for k in range(len(places))]
    return dict(zip(places, shots, strict=False))


def question(asked: Asked, kept: Mapping[int, DraftShot], wrong: str = "") -> Messages:
    """What a language model is asked. All that a creator wrote stands under a heading, as data."""
    kept = asked.kept | dict(kept)
    free = [index for index in range(asked.shots) if index not in kept]
    fields = {
        "Number of shots": asked.shots,
        "Words of each part": words_of(asked) if asked.long else None,
        "Framing": None if asked.long else VARIETY[asked.variety],
        "Compose for": ASPECT.get(asked.aspect),
        "Seconds in all": asked.seconds,
        "Tone": asked.tone,
        "Language of all texts": asked.language,
        "The scene's prompt, which stays": asked.prompt,
        "The creator's wish": asked.wish,
    }
    told = [f"{name}: {_quoted(value)}" for name, value in fields.items() if value]
    if kept:
        told += ["Already written:", *(f"{index + 1}: {_quoted(vars(shot))}" for index, shot in sorted(kept.items()))]
        told += [f"Write only these {len(free)} shots, in this order: {', '.join(str(index + 1) for index in free)}"]
    if before := [index for index in free if index < len(asked.present)]:
        told += ["As they are now; write them differently:"]
        told += [f"{index + 1}: {_quoted(vars(asked.present[index]))}" for index in before]
    told += [f"Your last answer {wrong}"] if wrong else []
    system = (PROMPTS / ("long_take.md" if asked.long else "split.md")).read_text("utf-8")
    user = "\n".join(told) + f"\n\nStory:\n{asked.story}"
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def to_paste(asked: Asked) -> str:
    """The question as one text, for a chat page of one's own; ``studio.imports`` reads the answer that comes back."""
    return "\n\n".join(message["content"] for message in question(asked, {}))


def try_out(splitter: Splitter) -> str:
    """One sentence on whether a splitter works, from one small story."""
    started = time.monotonic()
    draft = finished(splitter.drafts(Asked(story="A red fox walks on the beach. It waves.", shots=2)))
    return draft.note or f"It works: two shots in {time.monotonic() - started:.1f} s."


def answer_schema(count: int) -> dict[str, Any]:
    """The JSON schema of an answer with exactly ``count`` shots."""

    def closed(**properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    shot = closed(prompt={"type": "string"}, cut={"type": "boolean"})
    shots = {"type": "array", "items": shot, "minItems": count, "maxItems": count}
    return closed(prompt={"type": "string"}, shots=shots)


def words_of(asked: Asked) -> int:
    """Words of each part of a long take: as many as its description has (TokensGen appendix A.1)."""
    return min(max(words_in(asked.story), 1), MOST_WORDS)


def choose_splitter(settings: Settings) -> Splitter:
    """The endpoint if one is named, else the model on this machine if one is, else rules."""
    if settings.llm_base_url:
        return Model(Endpoint(settings))
    return Model(Local(settings)) if settings.llm_local else Rules()


def _shot(told: str) -> DraftShot:
    """A shot of the engine's form, whose cut is told by its first words."""
    return DraftShot(prompt=told.removeprefix(CUT).strip(), cut=told.startswith(CUT))


def _quoted(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """In one line, so that nothing a creator or a model wrote adds a line of its own."""
    return json.dumps(value, ensure_ascii=False)


def _good(asked: Asked, found: Mapping[int, DraftShot]) -> dict[int, DraftShot]:
    """What of an answer need not be asked for again."""
    return {k: shot for k, shot in found.items() if not (asked.long and uneven([shot.prompt], words_of(asked)))}


def _wrong(asked: Asked, shots: Sequence[DraftShot]) -> str:
    """What is wrong with an answer, as the model is told; "" when it is right."""
    wanted = len(asked.missing)
    if not shots:
        return f"was no JSON of that form. Answer with exactly {wanted} shots."
    if len(shots) != wanted:
        return f"had {len(shots)} shots. Answer with exactly those that are asked for."
    if asked.long and uneven([shot.prompt for shot in shots], words_of(asked)):
        low, high = bounds(words_of(asked))
        return f"had parts of another length. Each has {low} to {high} words."
    return ""


def _note(asked: Asked, answer: Answer, found: int) -> str:
    """One sentence about what the language model did not do; "" when it did all."""
    wanted, given = len(asked.missing), len(answer.shots)
    if not found:
        return f"{answer.error or 'The language model gave no shot list'}; the shots were split by rules."
    if found < wanted:
        why = answer.error or f"The language model gave {found} of {wanted} shots"
        return f"{why}; rules wrote {wanted - found} of them."
    if given > wanted:
        return f"The language model gave {given} shots; {wanted} from beginning to end were kept."
    return ""


def _fitting(asked: Asked, shot: DraftShot, prompt: str) -> DraftShot:
    """A part of a long take: as long as the others, and no cut before it."""
    english = not asked.language or asked.language.lower().startswith("en")
    more = fillers(prompt, shot.prompt) if english else ()
    return replace(shot, prompt=evened(shot.prompt, words_of(asked), more), cut=False)
