"""Any story becomes exactly the asked shots, in LCT's form, always the same way."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scene import MAX_PROMPT, Scene, Shot
from engine.splitter import MAX_STORY, plain, rewrite, split

RUBY = (
    "Ruby, a red fox with a crown, walks along the beach at sunset. She jumps over a wave. "
    "Then she sits down and watches the sea. Finally Ruby runs home."
)
OTTO = (
    "Once upon a time there was a small blue bear named Otto who wore a striped scarf. He lived in a forest. "
    "One day it was snowing, and Otto met Mia, a white rabbit. They walked to the castle together. "
    "Mia danced in the snow while Otto waved. At night they sat by the fire."
)
ODD = (
    "🦊🏖️",
    "红狐狸在海滩上走。它坐下。晚上下雪了。",
    "Лиса бежит по лесу. Потом она прыгает!",
    "الثعلب الأحمر يركض على الشاطئ؟ ثم يجلس.",
    "<script>alert('x')</script> **bold** # title\n- a fox\n- a [bear](http://x)",
    "[SHOT CUT] [Character] Character 7 wears a hat. [Story] Character 9 and Character 0 walk.",
    "\ud800 a fox \x00 walks \u202e backwards",
    "a" * 5_000,
    "walks walks walks, runs and runs; then then then",
    "...?!",
    "&lt;b&gt; &amp;&amp; \\d+ (?P<x> {0} %s",
)


def framing(shot):
    return re.match(r"\[SHOT CUT\] ([^.]+)\.", shot)[1]


def test_a_story_reads_as_an_editor_would_cut_it():
    board = split(RUBY, 4)
    assert board.prompt.startswith(
        "[Character] Character 1: Ruby, a red fox with a crown. [Environment] On the beach at sunset. [Story] "
    )
    assert board.shots == (
        "[SHOT CUT] Wide shot. Character 1 walks to the right along the beach at sunset. The camera pans right.",
        "[SHOT CUT] Medium shot. Character 1 jumps over a wave. The camera zooms in.",
        "[SHOT CUT] Close-up. Character 1 sits down and watches the sea.",
        "[SHOT CUT] Wide shot. Character 1 runs home to the left. The camera pans left.",
    )


def test_two_characters_an_intro_and_a_change_of_place():
    board = split(OTTO, 5)
    assert (
        "Character 1: Otto, a small blue bear with a striped scarf. Character 2: Mia, a white rabbit." in board.prompt
    )
    assert "[Environment] In the forest in the daytime, it is snowing." in board.prompt
    assert "Otto" not in " ".join(board.shots), "shots speak of Character 1"
    assert "Character 1 walks to the right and Character 2 walks to the right to the castle" in board.shots[1]
    assert "at the castle" in board.shots[2], "the place said last stays"
    assert "sits by the fire" in board.shots[4]


@pytest.mark.parametrize(
    ("story", "who"),
    [
        ("The fox runs.", "Character 1: a fox."),
        ("A red fox named Ruby waves. The fox sits.", "Character 1: Ruby, a red fox."),
        ("A bright red bunny in glasses hops.", "Character 1: a bright red bunny with glasses."),
        (
            "Max is an orange duck. He wears a golden crown. He jumps.",
            "Character 1: Max, an orange duck with a golden crown.",
        ),
        ("A red fox meets a blue fox. The blue fox waves.", "Character 1: a red fox. Character 2: a blue fox."),
        ("A cat runs. Another cat sits.", "Character 1: a cat. Character 2: a cat."),
        (
            "Pip and Pop are two ducks. Pip is yellow. Pop is white. Pip jumps.",
            "Character 1: Pip, a yellow duck. Character 2: Pop, a white duck.",
        ),
        ("Ruby waves. A blue duck sees Ruby.", "Character 1: Ruby. Character 2: a blue duck."),
        ("Mia opens the door. Then Mia waves.", "Character 1: Mia."),
        ("A girl named Mia dances.", "Character 1: Mia, a girl."),
        (
            "She always knew: a bear sat by the tent. Al waved.",
            "Character 1: a bear. Character 2: Al.",
        ),
        (
            "Luna the elephant waves to Pip, a frog with a cap and a scarf.",
            "Character 1: Luna, an elephant. Character 2: Pip, a frog with a hat and a scarf.",
        ),
    ],
)
def test_who_is_in_the_story(story, who):
    prompt = split(story, 1).prompt
    assert prompt.removeprefix("[Character] ").startswith(who)
    assert prompt.count("Character 1:") == 1


@pytest.mark.parametrize(
    ("story", "where"),
    [
        ("A fox walks in the woods at midnight.", "In the forest at night."),
        ("A cat sits in a bedroom.", "In the room in the daytime."),
        ("It is raining. A duck runs down the street at dusk.", "In the city at sunset, it is raining."),
        ("A frog hops.", "In the meadow in the daytime."),
        ("A fox ſits on the ſand at nıght. She waves.", "On the beach at night."),
    ],
)
def test_where_and_when(story, where):
    assert f"[Environment] {where}" in split(story, 2).prompt


def test_a_story_of_people_in_unknown_places_is_given_no_meadow():
    assert "[Environment]" not in split("An astronaut floats through the spaceship.", 2).prompt


def test_own_words_stay():
    shots = " ".join(split("Mia finds an old brass telescope. She polishes it with her sleeve.", 2).shots)
    assert "finds an old brass telescope" in shots
    assert "polishes it with her sleeve" in shots


def test_what_only_says_who_where_or_when_takes_no_shot():
    shots = split("There was a red fox. It's snowing! The fox is in a forest. The fox jumps. It waves.", 2).shots
    assert [re.sub(r" The camera .*", "", shot) for shot in shots] == [
        "[SHOT CUT] Wide shot. Character 1 jumps.",
        "[SHOT CUT] Close-up. Character 1 waves.",
    ]


def test_a_quotation_stays_with_who_says_it():
    assert split('"Come here!" said the fox. The bear runs.', 2).shots[0].endswith('"Come here!" said Character 1.')


def test_what_is_said_is_not_changed_and_not_parted():
    shots = split("A red fox waves. The fox says: “I waited! Come in. I walked far.” The fox sits.", 3).shots
    assert "“I waited! Come in. I walked far.”" in shots[1]


def test_the_writers_own_framing_and_camera_win():
    shots = split("Close-up of a red fox. The camera pulls back. The fox jumps.", 2).shots
    assert shots[0].startswith("[SHOT CUT] Close-up of Character 1. The camera pulls back.")
    assert "zooms" not in shots[0]


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ("A fox walks slowly to the left.", "walks slowly to the left."),
        ("A fox runs away.", "runs away to the right."),
        ("A fox ran through the woods.", "runs to the right through the woods."),
        ("A fox is walking left.", "walks left."),
        ("A fox left the room and walked on.", "walks to the right on."),
        ("A fox walks back home.", "walks back home to the left."),
    ],
)
def test_a_walk_goes_to_a_side(story, told):
    assert told in split(story, 1).shots[0]


def test_nouns_that_look_like_verbs_stay_nouns():
    shot = split("A cat takes a walk by the waves and has a rest.", 1).shots[0]
    assert "takes a walk by the waves and has a rest" in shot


@pytest.mark.parametrize("story", [RUBY, OTTO, *ODD])
@pytest.mark.parametrize("shots", range(1, 10))
def test_every_count_is_exact_and_makes_a_scene(story, shots):
    board = split(story, shots)
    assert len(board.shots) == shots
    assert board == split(story, shots)
    Scene(prompt=board.prompt, shots=tuple(Shot(prompt=prompt) for prompt in board.shots))
    assert all(shot.startswith("[SHOT CUT] ") for shot in board.shots)
    assert board.prompt.count("[Story]") == 1


@pytest.mark.parametrize("shots", [2, 4, 9])
def test_cuts_change_the_framing(shots):
    told = [framing(shot) for shot in split(RUBY, shots).shots]
    assert all(one != following for one, following in pairwise(told))


def test_variety_is_from_calm_to_restless():
    calm, restless = (split(RUBY, 6, variety=variety).shots for variety in ("low", "high"))
    assert {framing(shot) for shot in calm} == {"Medium shot"}
    assert not any("zooms" in shot for shot in calm)
    seen = [framing(shot) for shot in restless]
    assert all(len(set(seen[k : k + 3])) == 3 for k in range(4))
    assert all("The camera" in shot for shot in restless[1:])


@pytest.mark.parametrize("variety", ["low", "medium", "high"])
def test_a_narrow_picture_has_two_characters_in_wide_shots_and_stays_with_who_moves(variety):
    for shot in split(f"{OTTO} They both run away. They run back home.", 6, variety=variety, narrow=True).shots:
        if len(set(re.findall(r"Character \d", shot))) > 1:
            assert framing(shot) == "Wide shot"
        if re.search(r"\b(?:walks|runs)\b", shot) and framing(shot) != "Close-up":
            assert "The camera pans" in shot


def test_an_unknown_variety_is_named():
    with pytest.raises(ValueError, match=r"^variety is 'wild'; it is one of low, medium, high$"):
        split(RUBY, 2, variety="wild")


def test_a_shot_written_anew_keeps_its_action_and_changes_how_it_is_seen():
    for shot in split(RUBY, 4).shots:
        again = rewrite(shot, story=RUBY)
        assert again != shot
        assert framing(again) != framing(shot)
        assert re.search(r"Character 1 (\w+)", again)[1] == re.search(r"Character 1 (\w+)", shot)[1]
        assert again.count("The camera") <= 1
        assert rewrite(shot.replace("[SHOT CUT]", "[shot cut]"), story=RUBY) == again


def test_a_wish_is_told_of_the_storys_characters():
    shot = split(OTTO, 4).shots[1]
    assert "Character 2 spins at night" in rewrite(shot, story=OTTO, wish="Mia twirls at night")
    assert rewrite("Wide shot.") == "Wide shot."
    assert not rewrite("Character 1 waves.", wish="Character 1 sits.").startswith("[SHOT CUT]")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<script>alert(1)</script>A fox.", "alert(1) A fox."),
        ("&lt;img src=x onerror=alert(1)&gt;A fox.", "A fox."),
        ("A\u202efox\x00 \ud800waves.", "A fox waves."),
        ("5 < 6\n\n\ta > b", "5 < 6\n a > b"),
    ],
)
def test_plain_text_has_no_markup_and_no_invisible_signs(text, seen):
    assert plain(text) == seen


def test_two_characters_are_never_squeezed_into_a_close_up():
    for shot in split("A red fox and a blue bear dance.", 9).shots:
        assert framing(shot) != "Close-up"


def test_a_long_story_keeps_its_order_and_every_shot_some_of_it():
    story = " ".join(f"The fox sees thing{k}." for k in range(400))
    found = [int(number) for shot in split(story, 9).shots for number in re.findall(r"thing(\d+)", shot)]
    assert found == sorted(found)
    assert len(found) > 300


@pytest.mark.parametrize(
    ("story", "shots", "sentence"),
    [
        ("", 4, "story is empty"),
        (" \n\t ", 4, "story is empty"),
        ("<b></b><!-- -->", 4, "story is empty"),
        ("A fox.", 0, "shots is 0; a scene holds 1 to 9, the nearest is 1"),
        ("A fox.", 100, "shots is 100; a scene holds 1 to 9, the nearest is 9"),
        ("A fox. " * 30_000, 4, f"story has 210000 characters; the most is {MAX_STORY}"),
    ],
)
def test_what_cannot_be_split_is_said_in_one_sentence(story, shots, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        split(story, shots)
    assert "\n" not in str(caught.value)


WORDS = st.sampled_from(
    "Ruby ruby a the red fox bear with crown , . ! walks and then She it they named at night snow wave waves to in is "
    "Character 1 [SHOT CUT] left camera zooms close-up \n 🦊 狐狸 <b> ; another wearing".split(" ")
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(story=st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join)), shots=st.integers(1, 9))
def test_no_text_makes_it_fail(story, shots):
    try:
        board = split(story, shots)
    except ValueError as error:
        assert str(error).startswith("story is empty")  # noqa: PT017 - the only way out that is allowed
    else:
        assert len(board.shots) == shots
        assert len(board.prompt) <= MAX_PROMPT
        assert all(0 < len(shot) <= MAX_PROMPT for shot in board.shots)


@pytest.mark.parametrize(
    "piece",
    [
        "a ",
        "a red ",
        "Ruby ",
        "a red fox ",
        "and ",
        "walk ",
        ", with a",
        "<",
        "[",
        "Ruby, a ",
        "x",
        "she ",
        "1. ",
        "\n",
    ],
)
def test_no_text_makes_it_slow(piece):
    story = piece * (MAX_STORY // len(piece))
    started = time.process_time()
    try:
        split(story, 9)
    except ValueError:
        assert not story.strip()
    assert time.process_time() - started < 5
