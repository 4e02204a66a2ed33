"""story.json: what is right is read, what is wrong is one clear sentence."""

import json

import pytest

from engine.methods import METHODS
from engine.story import MAX_BYTES, check_story, read_story, schema

GOOD = {"prompt": "[Story] A fox plays.", "shots": [{"prompt": "Character 1 waves."}]}


def wrong(**fields):
    return GOOD | fields


def in_shot(**fields):
    return {"shots": [{"prompt": "a"}, {"prompt": "b"} | fields]}


def test_a_small_story_gets_the_defaults():
    story = check_story(GOOD)
    assert (story.method, story.seed, story.steps, story.shots[0].frames, story.shots[0].cut) == (
        "lct",
        0,
        None,
        17,
        True,
    )
    assert story.scene().shots[0].prompt == "Character 1 waves."


def test_every_field_arrives():
    shots = [{"prompt": "b", "frames": 9, "seed": 5, "cut": False}]
    data = {"prompt": "a", "shots": shots, "seed": 3, "steps": 4, "guidance": 2, "method": "independent"}
    data |= {"height": 96, "width": 160}
    story = check_story(data)
    assert story.model_dump(mode="json") == data
    assert story.scene().shots[0].seed == 5


def test_a_story_says_itself_again():
    story = check_story(GOOD)
    assert check_story(json.loads(story.model_dump_json())) == story


def test_the_schema_speaks_of_every_field():
    described = schema()
    assert set(described["properties"]) == set(GOOD) | {"seed", "steps", "guidance", "method", "height", "width"}
    assert described["additionalProperties"] is False
    assert described["properties"]["method"]["enum"] == list(METHODS)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "story is no JSON object"),
        ({}, "shots is missing"),
        (wrong(shots=[]), "shots has 0 entries; the nearest possible number is 1"),
        (wrong(shots=GOOD["shots"] * 100), "shots has 100 entries; the nearest possible number is 9"),
        (wrong(shots="one"), "shots is"),
        (wrong(promt="x"), "promt is no known field; the nearest is 'prompt'"),
        (wrong(guidence=3), "guidence is no known field; the nearest is 'guidance'"),
        (in_shot(lenght=3), "shots[2].lenght is no known field; the nearest is"),
        (in_shot(frames=16), "shots[2].frames is 16; it must be 4k+1, the nearest is 17"),
        (in_shot(frames=0), "shots[2].frames is 0; the nearest possible value is 1"),
        (in_shot(frames="17"), "shots[2].frames is '17'; "),
        (in_shot(frames=True), "shots[2].frames is true; "),
        (in_shot(prompt=" \n"), "shots[2].prompt is empty"),
        (in_shot(prompt=7), "shots[2].prompt is 7; "),
        (in_shot(prompt="a" * 2001), "shots[2].prompt has 2001 characters; the most is 2000"),
        (in_shot(seed=-1), "shots[2].seed is -1; the nearest possible value is 0"),
        (in_shot(cut=1), "shots[2].cut is 1; "),
        (wrong(steps=0), "steps is 0; the nearest possible value is 1"),
        (wrong(steps=10**30), "steps is 1000000000000000000000000000000; the nearest possible value is 200"),
        (wrong(guidance=0.5), "guidance is 0.5; the nearest possible value is 1"),
        (wrong(guidance=float("nan")), "guidance is NaN; "),
        (wrong(method="LCT"), "method is 'LCT'; input should be 'lct', 'lct-ar', 'lct-causal', 'independent', "),
        (wrong(height=90), "height is 90; it must be a multiple of 16, the nearest is 96"),
        (wrong(seed=2**60), "seed is 1152921504606846976; the nearest possible value is 4294967295"),
        (in_shot(seed=2**60), "shots[2].seed is 1152921504606846976; the nearest possible value is 9007199254740991"),
        (wrong(width=10**6), "width is 1000000; the nearest possible value is 1280"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(data, sentence):
    with pytest.raises(ValueError, match=r" (is|has) ") as caught:
        check_story(data)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"shots": NaN}', "NaN is not a number"),
        (b'{"seed": 1, "seed": 2}', "seed is given twice"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[" * 200_000, "nested too deep"),
        (b"[" * 20 + b"]" * 20, "nested too deep"),
        (b" " * (MAX_BYTES + 1), "the most is"),
        (b"1" * 10_000, "a number has 10000 digits"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_malformed_and_huge_files_are_refused(tmp_path, text, sentence):
    path = tmp_path / "story.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r" (is|has) ") as caught:
        read_story(path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_may_start_with_a_byte_order_mark_and_hold_any_script(tmp_path):
    path = tmp_path / "story.json"
    story = {"prompt": "Лиса 🦊 狐狸", "shots": [{"prompt": "<b>狐狸</b> يلعب"}]}
    path.write_text("\ufeff" + json.dumps(story, ensure_ascii=False), encoding="utf-8")
    assert read_story(path).prompt == "Лиса 🦊 狐狸"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_story(tmp_path / "none.json")
