"""Closed forms of what jumps across a cut."""

import pytest
import torch

from engine.continuity import drift


def flat(level, count=2):
    return torch.full((count, 8, 8, 3), level, dtype=torch.uint8)


def test_the_same_pictures_do_not_jump_whatever_their_order_and_number():
    frames = torch.randint(0, 256, (6, 8, 12, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    found = drift(frames, frames.flip(0).repeat(2, 1, 1, 1))
    assert (found.palette, found.exposure) == pytest.approx((0, 0), abs=1e-5)


def test_half_the_light_is_one_stop_down_and_back_up():
    full, half = flat(255), flat(188)  # sRGB 188 is half of the linear light
    assert drift(full, half).exposure == pytest.approx(-1, abs=0.02)
    assert drift(half, full).exposure == -drift(full, half).exposure


def test_the_palette_counts_the_share_of_pixels_that_changed():
    red = flat(0)
    red[..., 0] = 255
    half = red.clone()
    half[:, :4] = 0
    assert drift(red, flat(0)).palette == 1
    assert drift(red, half).palette == pytest.approx(0.5)


def test_black_has_a_logarithm():
    assert drift(flat(0), flat(255)).exposure == pytest.approx(9.97, abs=0.01)
