"""What jumps across a cut: the colours and the light, measured between two clips. Legend: T frames, H height, W width.

A jump is no fault by itself (night follows day); it is where an editor looks first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 4  # of each of red, green and blue
LUMA = (0.2126, 0.7152, 0.0722)  # of linear red, green and blue (ITU-R BT.709)
DARKEST = 1e-3  # of full light: what is darker counts as this, so that black has a logarithm


@dataclass(frozen=True, kw_only=True)
class Drift:
    """From one clip to another. palette: share of colours that differ, 0 to 1. exposure: stops, above 0 brighter."""

    palette: float
    exposure: float


def drift(before: Tensor, after: Tensor) -> Drift:
    """Of two clips, each uint8 [T, H, W, 3]; their lengths and sizes may differ."""
    palette = 0.5 * (_colours(before) - _colours(after)).abs().sum()  # total variation distance
    return Drift(palette=float(palette), exposure=float(torch.log2(_light(after) / _light(before))))


def _colours(frames: Tensor) -> Tensor:
    """Share of the pixels in every bin, [BINS ** 3]."""
    coarse = frames.reshape(-1, 3).long() * BINS // 256
    place = (coarse[:, 0] * BINS + coarse[:, 1]) * BINS + coarse[:, 2]
    return torch.bincount(place, minlength=BINS**3) / len(place)


def _light(frames: Tensor) -> Tensor:
    """Mean linear light, 0 to 1, of sRGB frames."""
    value = frames.float() / 255
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return (linear @ torch.tensor(LUMA)).mean().clamp(min=DARKEST)
