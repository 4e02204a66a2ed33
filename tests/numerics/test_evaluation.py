"""Exact truths of the evaluation: what counts as kept, as different, as seamless, and which cases are made."""

import re
from itertools import islice, pairwise
from types import SimpleNamespace

import pytest
import torch

from engine.evaluation import tables
from engine.evaluation.judge import Judge, Reading
from engine.evaluation.lct import LOOKS, diversity, identities
from engine.evaluation.scoring import identity
from engine.evaluation.seams import seam
from engine.evaluation.stills import MADE, two_stills
from engine.world.caption import lexicon, words
from engine.world.spec import ACCESSORIES, COLOURS, SPECIES, UNSEEN, Actor, Character, SceneSpec, ShotSpec

FOX, BEAR = ("fox", "red", "none"), ("bear", "blue", "crown")


def story(*cast):
    """A scene of fox (0) and bear (1), by who is in each shot."""
    setting = {"place": "meadow", "time": "day", "weather": "clear", "framing": "wide"}
    shots = tuple(ShotSpec(actors=tuple(Actor(character=c, action="stand") for c in who), **setting) for who in cast)
    characters = tuple(Character(**dict(zip(LOOKS, looks, strict=True))) for looks in (FOX, BEAR))
    return SceneSpec(characters=characters, shots=shots)


def reads(*actors):
    """A judge that reads these looks from left to right, whatever it sees."""
    found = zip(LOOKS, (SPECIES, COLOURS, ACCESSORIES), zip(*actors, strict=True), strict=True)
    seen = {name: torch.tensor([[known.index(word) for word in said]]) for name, known, said in found}
    reading = Reading(everywhere={}, actors=seen, count=torch.tensor([len(actors)]))
    return SimpleNamespace(read=lambda _: reading)


HATTED, GREEN = ("fox", "red", "hat"), ("fox", "green", "none")


@pytest.mark.parametrize(
    ("shot", "read", "found", "kept"),
    [
        (0, (FOX,), [], None),
        (1, (FOX, BEAR), [(1, 1.0)], 1.0),
        (1, (FOX, FOX), [(1, 1.0)], 1.0),  # the bear is new here
        (2, (BEAR,), [(1, 1.0)], 1.0),
        (3, (BEAR, FOX), [(2, 1.0), (3, 1.0)], 1.0),  # though both were seen since they were told
        (3, (BEAR, HATTED), [(2, 1.0), (3, 0.0)], 1.0),  # an accessory is no species and no colour
        (3, (BEAR, GREEN), [(2, 1.0), (3, 0.0)], 0.0),
        (3, (FOX, BEAR), [(2, 0.0), (3, 0.0)], 0.0),
    ],
)
def test_looks_are_kept_or_not_and_gaps_count_from_where_they_were_told(shot, read, found, kept):
    scene = story((0,), (0, 1), (1,), (1, 0))
    assert identities(reads(*read), None, scene, shot) == found
    assert identity(reads(*read), None, scene, shot) == kept


def clip(*values):
    """Frames of one grey each."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 4, 6, 3)


def test_diversity_is_the_mean_difference_of_all_pairs_of_films():
    films = [[clip(10, 10), clip(250)], [clip(13, 11), clip(250)], [clip(10, 10), clip(4)]]
    assert diversity(films) == (2 + 0 + 0 + 246 + 2 + 246) / 6
    assert diversity([films[0]] * 2) == 0
    assert diversity(films[:1]) is None


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        ((0, 10, 20), (30, 40, 50), 1),
        ((90, 80, 70), (60, 50, 40), 1),
        ((255, 0, 10, 20), (30, 40, 50, 255), 1),  # what is far away says nothing of the seam
        ((20,), (30, 40, 50), 1),  # a picture
        ((0, 10, 20), (60, 70, 80), 4),
        ((0, 10, 20), (20, 30, 40), 0),
        ((9, 9, 9), (9, 9, 9), 0),
        ((9, 9, 9), (10, 10, 10), 2),  # where all holds still, half a level is motion
    ],
)
def test_a_seam_is_one_where_none_can_be_seen_more_at_a_jump_and_nothing_where_it_freezes(one, two, found):
    assert seam(clip(*one), clip(*two)) == found


def tells(text, attribute, value):
    text = " ".join(words(text))
    phrases = (" ".join(words(phrase)) for phrase in lexicon()[attribute][value])
    return any(re.search(rf"\b{re.escape(phrase)}\b", text) for phrase in phrases)


def test_the_joint_table_compares_films_of_the_same_words_and_its_controls_are_right(plain, monkeypatch):
    asked, make = [], tables.make
    monkeypatch.setattr(plain, "steps", 2)
    monkeypatch.setattr(tables, "make", lambda *a, **k: asked.append((*a[:2], k)) or make(*a, **k))
    rows = list(islice(tables.joint(plain, Judge.load(), limit=1, shots=2), 6))
    names = ("joint", "independent", "truth", "round trip", "frozen", "wrong")
    assert [row.name for row in rows] == [f"{name}, seeds" for name in names]

    (scene, said, together), (same, words_apart, apart) = asked
    assert (scene, said) == (same, words_apart)
    assert (together.pop("method"), apart.pop("method")) == ("lct", "independent")
    assert together == apart
    for who, character in enumerate(scene.characters):
        told = [tells(text, "species", character.species) for text in (said.prompt, *said.shots)]
        assert told == [False, *(k == first(scene, who) for k in range(2))]

    known = sum(any(first(scene, a.character) < k for a in s.actors) for k, s in enumerate(scene.shots))
    values = {name: {k: v[tables.FIRST] for k, v in row.values.items()} for name, row in zip(names, rows, strict=True)}
    assert {len(row["identity"]) for row in values.values()} == {known}
    assert known > 0
    assert {len(row["place kept"]) for row in values.values()} == {1}
    assert set(values["truth"]["all"] + values["truth"]["identity"] + values["truth"]["motion"]) == {1.0}
    assert set(values["frozen"]["motion"]) == set(values["wrong"]["identity"]) == {0.0}
    assert values["joint"]["motion"] != values["independent"]["motion"]


def first(scene, who):
    return next((k for k, shot in enumerate(scene.shots) if who in {a.character for a in shot.actors}), None)


@pytest.mark.parametrize("split", tables.SPLITS)
def test_no_still_shows_the_character_at_the_place_and_no_word_tells_either(split):
    for n in range(tables.FIRST, tables.FIRST + 40):
        scene, said = two_stills(split, n)
        *seen, made = scene.shots
        assert len(seen) == MADE == 2
        assert [shot.frames for shot in scene.shots] == [1, 1, tables.TESTED]
        assert [[a.character for a in shot.actors] for shot in scene.shots] == [[0], [1], [0]]
        assert [shot.place == made.place for shot in seen] == [False, True]
        hero, other = scene.characters
        assert hero.species != other.species
        assert hero.colour != other.colour
        assert seen[0].place not in UNSEEN["place"]
        text = " ".join((said.prompt, *said.shots))
        assert not any(tells(text, name, getattr(hero, name)) for name in ("species", "colour"))
        assert not tells(text, "place", made.place)


def test_stills_of_neighbouring_numbers_are_other_cases():
    drawn = [two_stills("seeds", n)[0] for n in range(tables.FIRST, tables.FIRST + 12)]
    assert all(one.characters[0] != two.characters[0] for one, two in pairwise(drawn))
    assert drawn[3] == two_stills("seeds", tables.FIRST + 3)[0]
