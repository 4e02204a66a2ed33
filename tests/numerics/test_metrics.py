"""Closed forms of the evaluation's numbers."""

import math

import pytest
import torch

from engine.evaluation.__main__ import markdown
from engine.evaluation.metrics import interval, motion, psnr, ssim
from engine.evaluation.scoring import Row, movement


def frames(count=3):
    return torch.randint(0, 256, (count, 16, 24, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_psnr_of_a_known_error():
    one = torch.full((2, 8, 8, 3), 100, dtype=torch.uint8)
    assert psnr(one, one + 5) == pytest.approx(20 * math.log10(255 / 5))
    mask = torch.zeros(2, 8, 8, dtype=torch.bool)
    mask[:, 0] = True
    two = one.clone()
    two[:, 1:] += 50
    assert psnr(one, two, mask) > 80 > psnr(one, two)


def test_ssim_is_one_for_the_same_and_falls_with_noise():
    one = frames()
    noisy = (one.float() + 60 * torch.randn(one.shape)).clamp(0, 255).to(torch.uint8)
    assert ssim(one, one) == pytest.approx(1.0)
    assert ssim(one, noisy) < 0.9


def test_a_frozen_film_does_not_move():
    one = frames()
    frozen = one[:1].expand_as(one)
    assert motion(frozen) == 0
    assert movement(frozen, one) == 0
    assert movement(one, one) == 1
    assert movement(one, frozen) is None


def test_intervals_hold_the_mean_and_resample_whole_scenes():
    alike = [[1.0] * 50, [0.0] * 50] * 5
    apart = [[float(k % 2)] for k in range(500)]
    mean, low, high = interval(alike)
    assert mean == 0.5
    assert low <= mean <= high
    assert high - low > 3 * (interval(apart)[2] - interval(apart)[1])
    assert all(math.isnan(v) for v in interval([]))


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.2059), (1.0, 0.7941, 1.0)])
def test_sixteen_that_agree_are_no_certainty(value, low, high):
    assert interval([[value]] * 16, share=True) == (value, pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert interval([[1.0]] * 16) == (1.0, 1.0, 1.0)  # a ratio


def test_the_table_shows_shares_as_percentages():
    row = Row("joint")
    row.add(1, {"species": 1.0, "motion": 0.5, "identity": None})
    row.add(2, {"species": 1.0, "motion": 0.5})
    text = markdown([row])
    assert "| joint | 100 ± 42 | 0.50 ± 0.00 |" in text
    assert "identity" not in text
