"""Closed forms of rectified flow."""

import math
from itertools import pairwise

import torch

from engine.samplers import add_noise, clean, denoise, euler, guide, noise_levels


def test_levels_run_from_noise_to_clean_and_shift_towards_noise():
    plain, shifted = noise_levels(10), noise_levels(10, shift=3.0)
    assert plain[0] == shifted[0] == 1
    assert plain[-1] == shifted[-1] == 0
    assert (shifted[1:-1] > plain[1:-1]).all()
    assert (shifted.diff() < 0).all()


def test_level_zero_comes_back_untouched():
    sample = torch.randn(2, 3)
    assert torch.equal(add_noise(sample, torch.randn(2, 3), 0.0), sample)


def test_a_perfect_velocity_reaches_the_sample_in_any_number_of_steps():
    target, noise = torch.randn(1, 4), torch.randn(1, 4)
    for steps in (1, 3, 20):
        *_, (_, samples, estimates) = denoise({0: noise}, lambda x, t: {0: noise - target}, noise_levels(steps))
        assert torch.allclose(samples[0], target, atol=1e-5)
        assert torch.allclose(estimates[0], target, atol=1e-5)


def test_halving_the_steps_costs_a_quarter_of_the_precision():
    """On a curved path, dx/dt = x, from which the first-order method is four times and more away."""

    def miss(steps):
        *_, (_, samples, _) = denoise({0: torch.ones(1, dtype=torch.float64)}, lambda x, t: x, noise_levels(steps))
        return abs(samples[0].item() - math.exp(-1))

    assert 3.5 < miss(20) / miss(40) < 4.5
    by_euler = torch.ones(1, dtype=torch.float64)
    for level, following in pairwise(noise_levels(20).tolist()):
        by_euler = euler(by_euler, by_euler, level, following)
    assert miss(20) < abs(by_euler.item() - math.exp(-1)) / 4


def test_a_step_stays_on_the_straight_path():
    target, noise = torch.randn(3), torch.randn(3)
    middle = euler(add_noise(target, noise, 0.8), noise - target, 0.8, 0.3)
    assert torch.allclose(middle, add_noise(target, noise, 0.3), atol=1e-6)
    assert torch.allclose(clean(middle, noise - target, 0.3), target, atol=1e-6)


def test_guidance_at_one_is_the_plain_prediction():
    with_text, without = torch.randn(3), torch.randn(3)
    assert torch.equal(guide(with_text), with_text)
    assert torch.allclose(guide(with_text, (without, 1.0)), with_text)
    assert torch.allclose(guide(with_text, (without, 0.0)), without)
    both = guide(with_text, (without, 2.0), (without, 2.0))
    assert torch.allclose(both, guide(with_text, (without, 3.0)), atol=1e-6)
