"""The world in words, in LCT's form: a global prompt in three parts, and one prompt a shot.

Every word comes from ``lexicon.json``. What a caption leaves unsaid (a still camera, clear weather, no accessory)
is what a reader would assume.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.world.grammar import NAMES
from engine.world.spec import Actor, Character, SceneSpec, ShotSpec

CUT = "[SHOT CUT]"
WORD = re.compile(r"\[[a-z ]+\]|<unk>|[^\W_]+(?:['’\-][^\W_]+)*|[.,:;!?]")
UNKNOWN_NAMES = 0.1  # of names are made up, so that a creator's own names do no harm
ASIDES = 0.15  # of texts hold made-up words, so that words the model does not know do no harm
SAY_DEFAULT = 0.12  # how often a default (still camera, clear weather) is said all the same


@dataclass(frozen=True, kw_only=True)
class Caption:
    """The scene's prompt and one prompt a shot."""

    prompt: str
    shots: tuple[str, ...]


@cache
def lexicon() -> dict[str, Any]:
    """Phrases by attribute and value."""
    return json.loads(Path(__file__).with_name("lexicon.json").read_text())


def words(text: str) -> list[str]:
    """Lower-case words; tags such as [shot cut] and punctuation marks are words of their own."""
    return WORD.findall(text.lower())


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word a caption can hold."""
    tags = {"[shot cut]", "[character]", "[environment]", "[story]", ".", ",", ":", "1", "2", "character"}
    found = tags | {name.lower() for name in NAMES}
    for phrase in _strings(lexicon()):
        found.update(words(re.sub(r"\{\w*\}", " ", phrase)))
    found.update(words("spends spend have has explores explore on the left right play walk wait friend"))
    found.update(words("it he she and while with wearing a an there is in"))
    return tuple(sorted(found))


def caption(
    scene: SceneSpec,
    rng: random.Random,
    *,
    withhold: bool = False,
    pictured: Collection[int] = (),
    style: str | None = None,
) -> Caption:
    """Describe a scene in one of many wordings.

    withhold: looks (species, colour, accessory) are told only where a character first appears in a shot.
    pictured: shots that a reader sees; looks, places and light that they show are told nowhere, but for the name of a
    place where a later shot comes back to it.
    style: "full" tells every attribute where the model can read it, with one shot all in the shot's own prompt.
    """
    return _Writer(scene, rng, withhold=withhold, pictured=pictured, full=style == "full").caption()


class _Writer:
    """The choices of one caption: who is called what, and what is told where."""

    def __init__(
        self, scene: SceneSpec, rng: random.Random, *, withhold: bool, pictured: Collection[int], full: bool
    ) -> None:
        self.scene, self.rng, self.full, self.withhold = scene, rng, full, withhold
        self.pictured = pictured
        self.faces = {actor.character for i in pictured for actor in scene.shots[i].actors}
        self.views = {scene.shots[i].place for i in pictured}
        self.single = len(scene.shots) == 1
        self.names = [self._name(c) for c in scene.characters]
        self.pronouns = [rng.choice(("he", "she", "it")) for _ in scene.characters]
        self.told: set[int] = set()
        in_global = (full and not self.single) or rng.random() < 0.8
        self.looks_in_global = in_global and not withhold
        self.setting_in_global = (full and not self.single) or rng.random() < 0.8
        self.lower, self.bare = rng.random() < 0.15, rng.random() < 0.12

    def caption(self) -> Caption:
        prompt = "" if self.full and self.single else self._global()
        shots = tuple(self._shot(i, shot) for i, shot in enumerate(self.scene.shots))
        return Caption(prompt=self._style(prompt), shots=tuple(self._style(shot) for shot in shots))

    def _global(self) -> str:
        cast = ". ".join(self._introduce(i, c) for i, c in enumerate(self.scene.characters))
        parts = [f"[Character] {cast}."]
        first = self.scene.shots[0]
        if self.setting_in_global and first.place not in self.views:
            parts.append(f"[Environment] {_capital(self._setting(first))}.")
        if not self.views and self.rng.random() < 0.5:
            parts.append(f"[Story] {_capital(self._story(first))}")
        return " ".join(parts)

    def _introduce(self, i: int, character: Character) -> str:
        name = self.names[i]
        look = self._look(character) if self.looks_in_global and i not in self.faces else ""
        who = ", ".join(part for part in (name, look) if part) or "a friend"
        return f"Character {i + 1}: {who}"

    def _shot(self, index: int, shot: ShotSpec) -> str:
        before = self.scene.shots[index - 1] if index else None
        opening = [] if before and before.place == shot.place and not self.full else [self._place(shot)]
        where = self.single or not self.setting_in_global or self.full or (before and before.place != shot.place)
        say_place = self.rng.random() < (1.0 if where else 0.2)
        seen = shot.place in self.views
        if seen:
            say_place = bool(before) and before.place != shot.place and index not in self.pictured
        actions = self._actions(shot)
        if say_place:
            actions = f"{actions} {opening[0] if opening else self._place(shot)}"
        sky = (self.single or not self.setting_in_global or self.full) and not seen
        sentences = [actions]
        if sky and (self.full or self.rng.random() < 0.85):
            sentences[0] += f" {self._pick('time', shot.time)}"
        if (sky and shot.weather != "clear" and (self.full or self.rng.random() < 0.9)) or self._default(
            sky and shot.weather == "clear"
        ):
            sentences.append(self._pick("weather", shot.weather))
        if shot.camera != "static" or self._default(True):
            sentences.append(self._pick("camera", shot.camera))
        if shot.prop != "none" and self.rng.random() < 0.6:
            sentences.append(f"there is a {self._pick('prop', shot.prop)}")
        framing = self._pick("framing", shot.framing)
        if self.rng.random() < 0.8:
            text = f"{_capital(framing)}. " + " ".join(f"{_capital(s)}." for s in sentences)
        else:
            text = " ".join(f"{_capital(s)}." for s in [*sentences, framing])
        return f"{CUT} {text}" if shot.cut else text

    def _actions(self, shot: ShotSpec) -> str:
        told = [self._does(actor, shot, i) for i, actor in enumerate(shot.actors)]
        return self.rng.choice((" and ", ", ", " while ")).join(told)

    def _does(self, actor: Actor, shot: ShotSpec, place: int) -> str:
        forms = lexicon()["action"][actor.action]
        side = ""
        if len(shot.actors) == 2 and self.rng.random() < 0.5:
            side = " on the left" if place == 0 else " on the right"
        return f"{self._refer(actor.character, alone=len(shot.actors) == 1)}{side} {self.rng.choice(forms['present'])}"

    def _refer(self, i: int, *, alone: bool) -> str:
        """A character in a shot: described where it must be, else by number, name, pronoun or description."""
        character, name = self.scene.characters[i], self.names[i]
        first = i not in self.told
        self.told.add(i)
        pictured = i in self.faces
        must = ((first and not self.looks_in_global) or (self.full and self.single)) and not pictured
        short = [f"Character {i + 1}"] * 3 + [name] * 3 * bool(name)
        if self.single and not (self.full or self.looks_in_global):
            short = [name] if name else []
        if not must:
            if not first and alone and len(self.scene.characters) == 1 and self.rng.random() < 0.2:
                return self.pronouns[i]
            if self.withhold or pictured or (self.rng.random() < 0.85 and short):
                return self.rng.choice(short)
            return f"the {self._pick('colour', character.colour)} {self._pick('species', character.species)}"
        look = self._look(character)
        if short and not self.full and self.rng.random() < 0.6:
            return f"{self.rng.choice(short)}, {look},"
        return look

    def _look(self, character: Character) -> str:
        look = f"{self._pick('colour', character.colour)} {self._pick('species', character.species)}"
        look = f"{'an' if look[0] in 'aeiou' else 'a'} {look}"
        if character.accessory == "none":
            return look
        thing = self._pick("accessory", character.accessory)
        article = "" if thing.endswith(("glasses", "spectacles", "phones")) else "a "
        return f"{look} {self.rng.choice(('with', 'wearing', 'in'))} {article}{thing}"

    def _setting(self, shot: ShotSpec) -> str:
        parts = [f"{self._place(shot)} {self._pick('time', shot.time)}"]
        if shot.weather != "clear" or self._default(True):
            parts.append(self._pick("weather", shot.weather))
        return ", ".join(parts)

    def _story(self, shot: ShotSpec) -> str:
        plural = len(self.scene.characters) > 1
        who = " and ".join(name or f"Character {i + 1}" for i, name in enumerate(self.names))
        spend, have, explore = ("spend", "have", "explore") if plural else ("spends", "has", "explores")
        template = self.rng.choice([s for s in lexicon()["story"] if plural or "together" not in s])
        verb = self.rng.choice(("play", "walk", "wait"))
        bare = self._pick("place", shot.place)
        place = self._place(shot)
        return template.format(who=who, verb=verb, place=place, bare=bare, spend=spend, have=have, explore=explore)

    def _place(self, shot: ShotSpec) -> str:
        return self.rng.choice(lexicon()["at"][shot.place]).format(self._pick("place", shot.place))

    def _pick(self, attribute: str, value: str) -> str:
        """A phrase for a value: the plain word half the time."""
        phrases = lexicon()[attribute][value]
        return phrases[0] if self.rng.random() < 0.4 else self.rng.choice(phrases)

    def _default(self, allowed: bool) -> bool:
        return bool(allowed) and self.rng.random() < SAY_DEFAULT

    def _name(self, character: Character) -> str:
        if character.name and self.rng.random() < UNKNOWN_NAMES:
            return self._made_up().capitalize()
        return character.name

    def _made_up(self) -> str:
        return "".join(self.rng.choice("zxqvkw") + self.rng.choice("aeiou") for _ in range(3))

    def _style(self, text: str) -> str:
        if self.bare:
            text = re.sub(r"\b(a|an|the) ", "", text)
        if text and not self.full and self.rng.random() < ASIDES:
            parts = text.split(" ")
            places = [i for i in range(2, len(parts) + 1) if parts[i - 1].lower() != "character"]
            for i in sorted(self.rng.sample(places, min(len(places), self.rng.randint(1, 4))), reverse=True):
                parts.insert(i, self._made_up())
            text = " ".join(parts)
        return text.lower() if self.lower else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for child in node.values():
            yield from _strings(child)
    elif isinstance(node, list):
        for child in node:
            yield from _strings(child)
