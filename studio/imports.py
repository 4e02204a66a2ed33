"""What others wrote, as a draft: a pasted story.json, or a Fountain screenplay. Bad input is one clear sentence."""

from __future__ import annotations

import json
import re
import textwrap
from contextlib import suppress
from dataclasses import replace

from pydantic import ValidationError

from engine import LONGEST_SCENE, MAX_SHOTS
from engine.story import Story, parse_story
from studio.answers import LIST, Reader
from studio.drafts import Asked, Draft, DraftShot
from studio.fountain import is_fountain, read_fountain
from studio.models import LONGEST, MAX_SAID, MOST_SCENES, Options
from studio.splitter import CUT, by_rules


def imported(text: str) -> Draft:
    """The scene of a story.json, or all scenes of a screenplay, whose shots are written by rules.

    Any other splitter can be asked for a scene's ``story`` again. ValueError says in one sentence what is wrong.
    """
    text = text.strip().lstrip("\ufeff")
    if not text:
        raise ValueError("text is empty; paste a story.json or a Fountain screenplay")
    body = _bare(text)
    return _from_json(body) if body.startswith(("{", "[")) and not body.startswith("[[") else _from_fountain(body)


def _bare(text: str) -> str:
    """Without the fence around it."""
    fenced = re.fullmatch(r"```\w*\s*\n(.*?)\n?```", text, flags=re.DOTALL)
    return fenced[1].strip() if fenced else text


def pasted(text: str) -> Draft | None:
    """The draft of what stands where a story was asked for; None for a story. ValueError as ``imported`` has it.

    A chat's answer (``splitter.to_paste``) may have words around it, and more shots than a scene.
    """
    told = text.strip()
    if (answer := _answer(told)) is not None:
        return answer
    return imported(told) if told.startswith(("{", "```")) or is_fountain(told) else None


def lasting(draft: Draft, seconds: float | None) -> Draft:
    """A pasted draft with lengths that add up, where that was asked for."""
    shots = tuple(shot for shot in draft.shots if shot)
    if seconds is None or draft.rest:
        return draft
    return Asked(story=shots[0].prompt, shots=len(shots), seconds=seconds, long=len(shots) > MAX_SHOTS).timed(draft)


def _answer(text: str) -> Draft | None:
    """What a chat answered, amid words, cut off, or with the parts of a long take; None for a whole story.json."""
    if not LIST.search(text):
        return None
    with suppress(json.JSONDecodeError, RecursionError):
        data = json.loads(_bare(text))
        if not isinstance(data, dict) or data.keys() - {"prompt", "shots"} or len(data["shots"]) <= MAX_SHOTS:
            return None
    reader = Reader()
    reader.feed(text)
    reader.end()
    if not reader.shots:
        return None
    shots = (replace(reader.shots[0], cut=True), *reader.shots[1:LONGEST_SCENE])
    return Draft(story="", prompt=reader.prompt, shots=shots, done=True)


def _from_json(text: str) -> Draft:
    story = parse_story(text, name="text")
    shots = tuple(
        DraftShot(
            prompt=shot.prompt.removeprefix(CUT).strip() or shot.prompt,
            frames=min(shot.frames, LONGEST),
            cut=shot.cut,
            seed=shot.seed,
        )
        for shot in story.shots
    )
    options, left_out = _options(story)
    note = f"Left out, for a project has no place for it: {', '.join(left_out)}. " if left_out else ""
    long = [f"shots[{number}]" for number, shot in enumerate(story.shots, start=1) if shot.frames > LONGEST]
    note += f"Shortened to {LONGEST} frames, the most of a shot: {', '.join(long)}." if long else ""
    return Draft(story="", prompt=story.prompt, shots=shots, note=note.strip(), done=True, options=options)


def _options(story: Story) -> tuple[Options | None, list[str]]:
    """What of a story's settings a project has, and the names of the others."""
    taken, left_out = {}, []
    for name in sorted(story.model_fields_set - {"prompt", "shots"}):
        try:
            Options(**{name: getattr(story, name)})
        except ValidationError:
            left_out.append(name)
        else:
            taken[name] = getattr(story, name)
    return Options(**taken) if taken else None, left_out


def _from_fountain(text: str) -> Draft:
    scenes = read_fountain(text)
    if len(scenes) > MOST_SCENES:
        raise ValueError(f"scenes is {len(scenes)}; a project holds {MOST_SCENES}, so open it in parts")
    asked = ((scene, Asked(story=scene.story, shots=min(scene.beats, MAX_SHOTS))) for scene in scenes)
    first, *rest = (_scene(by_rules(wish), scene.heading) for scene, wish in asked)
    return replace(first, rest=tuple(rest))


def _scene(draft: Draft, heading: str) -> Draft:
    """A scene of a screenplay: whatever its shots have in quotes is said in them."""
    quotes = (re.findall(r"“([^“”]+)”?", shot.prompt) for shot in draft.shots)
    said = tuple(textwrap.shorten(" ".join(found), MAX_SAID, placeholder="…") for found in quotes)
    return replace(draft, title=heading, said=said, done=True)
