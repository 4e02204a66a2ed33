"""Parts of a long take: as many as asked, in order, in one style and of one length (TokensGen appendix A.1)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.equal_style import bounds, evened, fillers, uneven, words_in
from engine.scene import LONGEST_SCENE
from engine.splitter import split

RIDE = (
    "A red fox with a crown walks along the beach at sunset. She sees a lantern, runs to it and jumps over a wave. "
    "A yellow duck waves. They walk home together."
)
WORDS = st.lists(
    st.sampled_from("a fox walks , slowly . past the old; house! It's red 狐 狸".split(" ")), max_size=120
)


@pytest.mark.parametrize("parts", [1, 8, 13, 24, LONGEST_SCENE])
def test_a_long_take_has_exactly_the_asked_parts_of_one_length_and_no_cut(parts):
    board = split(RIDE, parts, long=True)
    texts = [shot.removeprefix("[SHOT CUT] ") for shot in board.shots]
    assert len(texts) == parts
    assert [shot.startswith("[SHOT CUT]") for shot in board.shots] == [True] + [False] * (parts - 1)
    assert any(uneven(texts, words) == () for words in map(words_in, texts))
    assert not any(re.search(r"[Ss]hot|Close-up", text) for text in texts), "a framing per part would be a cut"


def test_the_parts_follow_the_story():
    texts = split(RIDE, 24, long=True).shots
    told = [
        next(k for k, verb in enumerate(("along", "sees", "runs", "jumps", "waves", "home")) if verb in t)
        for t in texts
    ]
    assert told == sorted(told)
    assert set(told) == set(range(6))


def test_a_take_longer_than_any_scene_is_refused():
    with pytest.raises(ValueError, match=r"^shots is 46; a long take holds 1 to 45, the nearest is 45$"):
        split(RIDE, 46, long=True)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("It's a well-known fox.", 4), ("红狐狸在走。", 5), ("Лиса бежит 2 раза", 4)]
)
def test_words_are_counted_in_any_script(text, count):
    assert words_in(text) == count


def test_what_is_too_long_ends_with_a_sentence_or_clause_that_fits():
    text = "The fox walks along the wide beach, past the old boat. It looks at the sea and waits for the moon to rise."
    assert evened(text, 11) == "The fox walks along the wide beach, past the old boat."
    assert evened(text, 7) == "The fox walks along the wide beach."
    assert evened("one two three four five six seven eight nine ten", 4) == "one two three four five six."


def test_what_is_too_short_is_told_what_stays_true():
    prompt = "[Character] Character 1: a red fox. Character 2: a duck. [Environment] On the beach. [Story] A walk."
    more = fillers(prompt, "Character 1 walks.")
    assert more[:2] == ("On the beach.", "Character 1 is a red fox.")
    assert evened("Character 1 walks.", 10, more) == "Character 1 walks. On the beach. Character 1 is a red fox."
    assert evened("Character 1 walks on the beach.", 8, more).count("beach") == 1


@settings(max_examples=200, deadline=None, derandomize=True)
@given(words=WORDS, wanted=st.integers(1, 60))
def test_evening_never_overshoots_and_leaves_what_fits_alone(words, wanted):
    text = " ".join(words)
    low, high = bounds(wanted)
    done = evened(text, wanted, fillers("[Environment] On a beach.", text))
    assert words_in(done) <= high
    if words_in(text) > high:
        assert words_in(done) >= low
    if low <= words_in(text) <= high:
        assert done == text
