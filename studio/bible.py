"""The bible in a scene's words: what all shots of a scene read, in LCT's form (section 4.1 of the paper)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.models import Entry, Project, SceneInfo

SECTIONS = re.compile(r"\[(Character|Environment|Story)\]")
ONE = re.compile(r"Character \d+:")


@dataclass(frozen=True)
class Sections:
    """A scene prompt taken apart."""

    characters: tuple[str, ...]
    environment: str
    story: str


def compose(bible: Sequence[Entry], scene: SceneInfo) -> str:
    """The prompt that all shots of a scene share. A summary that has sections of its own is taken as it is."""
    if SECTIONS.search(scene.summary):
        return scene.summary
    entries = {entry.id: entry for entry in bible}
    cast = [entry.text for entry in _cast(bible, scene)]
    look = [entry.text for entry in bible if entry.kind == "look"]
    setting = [entries[scene.setting].text] if scene.setting in entries else []
    parts = {
        "Character": " ".join(f"Character {n}: {_sentence(text)}" for n, text in enumerate(cast, start=1)),
        "Environment": " ".join(_sentence(text) for text in setting + look if text),
        "Story": scene.summary,
    }
    return " ".join(f"[{name}] {text}" for name, text in parts.items() if text)


def take_apart(prompt: str) -> Sections:
    """A prompt's sections; a text without any is all story."""
    pieces = SECTIONS.split(prompt)
    found = dict(zip(pieces[1::2], (piece.strip() for piece in pieces[2::2]), strict=True))
    cast = tuple(text.strip() for text in ONE.split(found.get("Character", "")) if text.strip())
    return Sections(cast, found.get("Environment", ""), found.get("Story", "") if found else prompt.strip())


def short_name(text: str) -> str:
    """What a character or place is called on the board: "Ruby" of "Ruby, a red fox with a crown."."""
    head = re.split(r"[,.:;]", text.strip(), maxsplit=1)[0].strip()
    return (head[:1].upper() + head[1:])[:80]


def changed(before: str, project: Project, scene: SceneInfo) -> list[str]:
    """What differs between the prompt that a take read and the one that its scene has now, in words."""
    now = compose(project.bible, scene)
    if before == now:
        return []
    old, new = take_apart(before), take_apart(now)
    called = [entry.name or "a character" for entry in _cast(project.bible, scene)]
    pairs = zip(called, old.characters, new.characters, strict=False)
    reasons = [f"{name} changed in the bible" for name, one, two in pairs if one != two]
    if len(old.characters) != len(new.characters):
        reasons.append("the cast changed")
    if old.environment != new.environment:
        reasons.append("the place or look changed in the bible")
    if old.story != new.story or not reasons:
        reasons.append("the scene's story changed")
    return reasons


def _cast(bible: Sequence[Entry], scene: SceneInfo) -> list[Entry]:
    """The scene's characters that have words."""
    entries = {entry.id: entry for entry in bible}
    return [entries[key] for key in scene.cast if key in entries and entries[key].text.strip()]


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."
