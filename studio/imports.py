"""What others wrote, as a draft: a pasted story.json, or a Fountain screenplay. Bad input is one clear sentence."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace

from pydantic import ValidationError

from engine import MAX_SHOTS
from engine.story import Story, parse_story
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
    fenced = re.fullmatch(r"```\w*\s*\n(.*?)\n?```", text, flags=re.DOTALL)
    body = fenced[1].strip() if fenced else text
    return _from_json(body) if body.startswith(("{", "[")) and not body.startswith("[[") else _from_fountain(body)


def pasted(text: str) -> Draft | None:
    """The draft of what stands where a story was asked for; None for a story. ValueError as ``imported`` has it."""
    told = text.strip()
    return imported(told) if told.startswith(("{", "```")) or is_fountain(told) else None


def _from_json(text: str) -> Draft:
    story = parse_story(text, name="text")
    shots = tuple(
        DraftShot(
            prompt=shot.prompt.removeprefix(CUT).strip() or shot.prompt, frames=min(shot.frames, LONGEST), cut=shot.cut
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
    left_out += [f"shots[{number}].seed" for number, shot in enumerate(story.shots, start=1) if shot.seed is not None]
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
