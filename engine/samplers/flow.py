"""Rectified flow (LCT section 3.1): z_t = (1 - t) z_0 + t e, and the model predicts v = e - z_0."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Predict = Callable[[dict[int, Tensor], float], dict[int, Tensor]]  # samples by shot, level -> velocities by shot


def noise_levels(steps: int, *, shift: float = 1.0) -> Tensor:
    """Levels [steps + 1] from 1 (noise) to 0 (clean); a shift above 1 spends more steps near noise (SD3 eq. 23)."""
    t = torch.linspace(1, 0, steps + 1)
    return shift * t / (1 + (shift - 1) * t)


def add_noise(sample: Tensor, noise: Tensor, level: float | Tensor) -> Tensor:
    """The sample at a noise level; level 0 returns it untouched."""
    return (1 - level) * sample + level * noise


def clean(sample: Tensor, velocity: Tensor, level: float) -> Tensor:
    """The clean sample that a velocity at ``level`` points to."""
    return sample - level * velocity


def euler(sample: Tensor, velocity: Tensor, level: float, following: float) -> Tensor:
    """One step from a level to the following, lower one."""
    return sample + (following - level) * velocity


def adams_bashforth(
    sample: Tensor, velocity: Tensor, level: float, following: float, before: tuple[Tensor, float] | None = None
) -> Tensor:
    """The same to second order: the velocity goes on changing as it did since the one ``before``, at its level."""
    if before is None:
        return euler(sample, velocity, level, following)
    earlier, above = before
    carried = velocity + (following - level) / (2 * (level - above)) * (velocity - earlier)
    return euler(sample, carried, level, following)


def guide(full: Tensor, *without: tuple[Tensor, float]) -> Tensor:
    """Guidance away from predictions that lack something (text: Ho and Salimans 2022; history), each at its scale.

    A scale of 1 changes nothing.
    """
    return full + sum((scale - 1) * (full - lacking) for lacking, scale in without)


def denoise(
    samples: dict[int, Tensor], predict: Predict, levels: Tensor
) -> Iterator[tuple[int, dict[int, Tensor], dict[int, Tensor]]]:
    """Walk all samples down the levels together; yields (steps done, samples, clean estimates).

    On the pocket model 12 steps land nearer to where 80 do than Euler's 20 (README).
    """
    before: dict[int, tuple[Tensor, float]] = {}
    for step, (level, following) in enumerate(zip(levels.tolist(), levels[1:].tolist(), strict=False), start=1):
        velocities = predict(samples, level)
        estimates = {i: clean(sample, velocities[i], level) for i, sample in samples.items()}
        samples = {
            i: adams_bashforth(sample, velocities[i], level, following, before.get(i)) for i, sample in samples.items()
        }
        before = {i: (velocity, level) for i, velocity in velocities.items()}
        yield step, samples, estimates
