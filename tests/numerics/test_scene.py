"""What may be asked for, and that what is asked cannot change under way."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from engine.events import Cancelled, CancelToken
from engine.scene import LONGEST_SCENE, MAX_PROMPT, Scene, Shot, Take


def scene(**shot):
    return Scene(prompt="[Story] A fox.", shots=(Shot(prompt="a"), Shot(**{"prompt": "b"} | shot)))


def test_a_take_turns_a_shot_into_context():
    take = Take(frames=torch.zeros(17, 80, 128, 3, dtype=torch.uint8), latents=torch.zeros(16, 5, 10, 16), seed=1)
    asked = scene()
    assert asked.to_make == (0, 1)
    given = replace(asked, shots=(replace(asked.shots[0], take=take), asked.shots[1]))
    assert given.to_make == (1,)
    assert asked.to_make == (0, 1)


def test_a_scene_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        scene().prompt = "other"


@pytest.mark.parametrize("count", [1, LONGEST_SCENE])
def test_the_allowed_numbers_of_shots(count):
    assert len(Scene(prompt="", shots=(Shot(prompt="a"),) * count).shots) == count


@pytest.mark.parametrize(("count", "near"), [(0, 1), (LONGEST_SCENE + 1, LONGEST_SCENE), (100, LONGEST_SCENE)])
def test_other_numbers_name_the_nearest(count, near):
    with pytest.raises(ValueError, match=f"shots has {count} entries; .* give {near}$"):
        Scene(prompt="", shots=(Shot(prompt="a"),) * count)


@pytest.mark.parametrize(
    ("shot", "sentence"),
    [
        ({"prompt": " \n"}, "shots[2].prompt is empty; describe what happens in the shot"),
        (
            {"prompt": "a" * (MAX_PROMPT + 1)},
            f"shots[2].prompt has {MAX_PROMPT + 1} characters; the most is {MAX_PROMPT}",
        ),
        ({"noise": 1000}, "shots[2].noise is 1000; it lies from 0 to 999, the nearest is 999"),
        ({"noise": -1}, "shots[2].noise is -1; it lies from 0 to 999, the nearest is 0"),
        ({"frames": 12}, "shots[2].frames is 12; it must be 4k+1, the nearest is 13"),
    ],
)
def test_a_wrong_shot_is_named_by_its_number(shot, sentence):
    with pytest.raises(ValueError, match="shots") as caught:
        scene(**shot)
    assert str(caught.value) == sentence


def test_a_long_global_prompt_is_refused():
    with pytest.raises(ValueError, match=r"^prompt has 2001 characters"):
        Scene(prompt="a" * 2001, shots=(Shot(prompt="a"),))


def test_a_cancel_token_stops_whoever_asks():
    token = CancelToken()
    token.check()
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()
