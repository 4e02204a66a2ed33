"""Drafts of a scene: exact numbers, locked shots, lengths that add up; and how a project takes them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.drafts import Asked, DraftShot, finished, lengths
from studio.models import FPS, LONGEST
from studio.services import Studio
from studio.settings import Settings
from studio.splitter import Rules
from studio.store import StaleError

STORY = "Ruby, a red fox with a crown, walks along the beach. She jumps. She sits down. She waves. Ruby runs home."
TWO = (DraftShot(prompt="a", frames=33), DraftShot(prompt="b", frames=33))


def split(**asked):
    return finished(Rules().drafts(Asked(**{"story": STORY} | asked)))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(weights=st.lists(st.floats(1, 1e6), min_size=1, max_size=9), share=st.floats(0, 1))
def test_lengths_are_legal_and_add_up(weights, share):
    low, high = 5 * len(weights), LONGEST * len(weights)
    frames = round(low + share * (high - low))
    found = lengths(weights, frames)
    assert all(length % 4 == 1 and 5 <= length <= LONGEST for length in found)
    assert abs(sum(found) - frames) <= 2
    assert all(
        a >= b for x, a in zip(weights, found, strict=True) for y, b in zip(weights, found, strict=True) if x > y
    )


def test_lengths_are_in_proportion():
    assert lengths([1, 1, 2], 4 * 16 + 3) == (17, 17, 33)
    assert lengths([5, 5, 5], 3 * 17) == (17, 17, 17)


@pytest.mark.parametrize("seconds", [5, 8.5, 12, 20])
def test_a_scene_is_as_long_as_asked(seconds):
    assert abs(split(shots=5, seconds=seconds).seconds - seconds) <= 2 / FPS


def test_without_a_length_shots_are_17_frames_or_what_they_were():
    assert {shot.frames for shot in split(shots=3).shots} == {17}
    assert [shot.frames for shot in split(shots=3, present=TWO).shots] == [33, 33, 17]


def test_locked_shots_stay_in_place_and_count_towards_the_length():
    draft = split(shots=5, seconds=10, prompt="My scene.", present=TWO, locked=frozenset({1}))
    assert draft.shots[1] is TWO[1]
    assert draft.prompt == "My scene."
    assert abs(draft.seconds - 10) <= 2 / FPS


def test_a_redraft_by_rules_changes_what_is_not_locked():
    first = split(shots=4)
    again = split(shots=4, present=first.shots, locked=frozenset({0, 2}))
    same = [old == new for old, new in zip(first.shots, again.shots, strict=True)]
    assert same == [True, False, True, False]


def test_another_story_around_a_locked_shot_is_told_by_the_others():
    first = split(shots=4)
    told = Asked(story="A bear sleeps. It spins. It runs.", shots=4, present=first.shots, locked=frozenset({2}))
    draft = finished(Rules().drafts(told))
    assert draft.shots[2] is first.shots[2]
    assert draft.note.startswith("The locked shots are of another story")
    free = [shot.prompt for k, shot in enumerate(draft.shots) if k != 2]
    assert all(word in prompt for prompt, word in zip(free, ("sleeps", "spins", "runs"), strict=True))
    reworded = replace(first.shots[2], prompt=f"{first.shots[2].prompt} She smiles.")
    same = split(shots=4, present=(*first.shots[:2], reworded, first.shots[3]), locked=frozenset({2}))
    again = split(shots=4, present=first.shots, locked=frozenset({2}))
    assert [shot for k, shot in enumerate(same.shots) if k != 2] == [s for k, s in enumerate(again.shots) if k != 2]


def test_one_shot_is_rewritten_as_wished():
    first = split(shots=4)
    again = split(shots=4, present=first.shots, locked=frozenset({0, 1, 3}), wish="Ruby spins around at night")
    assert re.search("Character 1 spins around at night", again.shots[2].prompt)
    assert again.note == ""


def test_rules_say_what_they_do_not_know():
    for wish in ({"tone": "noir"}, {"language": "Deutsch"}, {"wish": "funnier"}):
        assert split(shots=2, **wish).note.startswith("Rules know no tone")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"shots": 0}, "shots is 0; a scene holds 1 to 9, the nearest is 1"),
        ({"shots": 46, "long": True}, "shots is 46; a long take holds 1 to 45, the nearest is 45"),
        ({"shots": 2, "story": " "}, "story is empty; write a sentence about who does what and where"),
        ({"shots": 4, "seconds": 60}, "seconds is 60; 4 shots last 2.5 to 16.5 s, the nearest is 16.5"),
        ({"shots": 4, "seconds": 0}, "seconds is 0; 4 shots last 2.5 to 16.5 s, the nearest is 2.5"),
        ({"shots": 4, "seconds": float("nan")}, "seconds is nan; 4 shots last 2.5 to 16.5 s, the nearest is 2.5"),
        (
            {"shots": 3, "seconds": 4, "present": TWO, "locked": frozenset({0, 1})},
            "seconds is 4; 3 shots last 8.875 to 12.375 s, the nearest is 8.875",
        ),
        ({"shots": 2, "tone": "x" * 61}, "tone has 61 characters; the most is 60"),
        ({"shots": 2, "wish": "x" * 1001}, "wish has 1001 characters; the most is 1000"),
        ({"shots": 2, "present": TWO, "locked": frozenset({0, 1})}, "locked holds all 2 shots; unlock one"),
        ({"shots": 2, "present": TWO, "locked": frozenset({2})}, "locked names shot 3; there are 2"),
        ({"shots": 1, "present": TWO, "locked": frozenset({1})}, "shots is 1, but shot 2 is locked; ask for 2"),
        ({"shots": 2, "aspect": "4:5"}, "aspect is '4:5'; it is 1:1, 9:16, or empty for the film as it is"),
        ({"shots": 2, "variety": "wild"}, "variety is 'wild'; it is one of low, medium, high"),
    ],
)
def test_what_cannot_be_drafted_is_said_in_one_sentence(asked, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        split(**asked)
    assert "\n" not in str(caught.value)


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


def test_nothing_is_kept_of_a_draft_until_it_is_accepted(studio):
    project = studio.open(None)
    draft = finished(studio.drafts(project.id, Asked(story=STORY, shots=4, seconds=9)))
    assert studio.project(project.id) == project
    made = studio.accept(project.id, draft)
    assert [(s.prompt, s.frames, s.cut) for s in made.shots] == [(s.prompt, s.frames, s.cut) for s in draft.shots]
    assert made.scenes[0].story == STORY
    assert studio.prompt(made, made.shots[0].id)[0] == draft.prompt


def test_a_draft_does_not_write_over_what_was_edited_meanwhile(studio):
    before, _ = studio.split(studio.open(None).id, STORY, 2)
    first = before.shots[0].id
    studio.edit(before.id, "set_shot", shot=first, locked=True)
    seen = studio.project(before.id)
    draft = finished(studio.drafts(seen.id, studio.again(seen.id, seen.scenes[0].id)))
    other = before.shots[1].id
    edited = studio.edit(seen.id, "set_shot", shot=other, prompt="Mine.", revision=seen.revision)
    with pytest.raises(StaleError, match="the prompt of shot 1B changed in another window"):
        studio.accept(seen.id, draft, keep=True, revision=seen.revision)
    assert studio.project(seen.id).shots == edited.shots


def test_a_shot_that_was_locked_while_a_draft_waited_stays(studio):
    before, _ = studio.split(studio.open(None).id, STORY, 3)
    one, two, _ = before.shots
    studio.edit(before.id, "set_shot", shot=one.id, locked=True)
    drafts, keep = studio.wish(before.id, before.scenes[0].id, "A bear sits. It jumps. It runs.", 3)
    draft = finished(drafts)
    studio.edit(before.id, "set_shot", shot=two.id, prompt="Mine.", locked=True)
    after = studio.accept(before.id, draft, keep=keep)
    assert after.shots[1].prompt == "Mine."
    assert after.shots[2].prompt == draft.shots[2].prompt


def test_a_long_draft_around_a_locked_shot_shares_the_scenes_words(studio):
    before, _ = studio.split(studio.open(None).id, STORY, 3)
    studio.edit(before.id, "set_shot", shot=before.shots[0].id, locked=True)
    drafts, keep = studio.wish(before.id, before.scenes[0].id, STORY, 12, long=True)
    after = studio.accept(before.id, finished(drafts), keep=keep)
    first, second = after.scenes
    assert (len(first.shots), len(second.shots)) == (9, 3)
    assert (second.cast, second.setting, second.summary) == (first.cast, first.setting, first.summary)
    assert first.cast


def test_a_locked_shot_keeps_what_its_next_take_would_be_made_of(studio):
    before, _ = studio.split(studio.open(None).id, STORY, 3)
    one, two, _ = before.shots
    studio.edit(before.id, "set_shot", shot=two.id, locked=True)
    for change in ({"prompt": "Mine."}, {"cut": False}, {"seed": 3}, {"see": [one.id]}):
        with pytest.raises(ValueError, match="shot 1B is locked; unlock it to change it"):
            studio.edit(before.id, "set_shots", shots=[two.id], **change)
    studio.edit(before.id, "set_shot", shot=two.id, said="Hello!", fade=0.5)
    assert studio.edit(before.id, "set_shot", shot=two.id, locked=False, prompt="Mine.").shots[1].prompt == "Mine."


def test_pasted_settings_change_no_other(studio):
    before = studio.open(None)
    studio.edit(before.id, "set_options", method="lct-causal", steps=30)
    drafts, _ = studio.wish(before.id, None, '{"seed": 7, "shots": [{"prompt": "A fox.", "seed": 5}]}', 4)
    after = studio.accept(before.id, finished(drafts))
    assert (after.options.seed, after.options.method, after.options.steps) == (7, "lct-causal", 30)
    assert after.shots[0].seed == 5


def test_a_chats_answer_comes_back_with_words_around_it_and_lasts_as_asked(studio):
    parts = ", ".join(f'{{"prompt": "Part {k}.", "cut": false}}' for k in range(12))
    text = f'Here you are:\n```json\n{{"prompt": "[Environment] Night.", "shots": [{parts}]}}\n```\nEnjoy!'
    drafts, _ = studio.wish(studio.open(None).id, None, text, 4, seconds=20.0)
    draft = finished(drafts)
    assert [shot.prompt for shot in draft.shots] == [f"Part {k}." for k in range(12)]
    assert draft.prompt == "[Environment] Night."
    assert abs(draft.seconds - 20) <= 2 / FPS
    assert draft.shots[0].cut


def test_one_shot_written_anew_keeps_its_identity_and_the_others_all(studio):
    before, _ = studio.split(studio.open(None).id, STORY, 4)
    asked = studio.again(before.id, before.scenes[0].id, only=before.shots[1].id, wish="Ruby spins around")
    after = studio.accept(before.id, finished(studio.drafts(before.id, asked)), keep=True)
    assert [shot.id for shot in after.shots] == [shot.id for shot in before.shots]
    assert [old == new for old, new in zip(before.shots, after.shots, strict=True)] == [True, False, True, True]
    assert "spins around" in after.shots[1].prompt
    assert (after.bible, after.scenes[0].cast) == (before.bible, before.scenes[0].cast)
    assert studio.undo(before.id).shots == before.shots


def test_a_long_take_goes_on_in_scenes_that_share_its_words(studio):
    made, _ = studio.split(studio.open(None).id, STORY, 20, long=True)
    assert [len(scene.shots) for scene in made.scenes] == [9, 9, 2]
    assert len({(scene.summary, scene.cast, scene.setting) for scene in made.scenes}) == 1
    assert [shot.cut for shot in made.shots] == [True] + [False] * 19
