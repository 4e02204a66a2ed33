"""Numbers from pictures, and how sure we are of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def psnr(one: Tensor, two: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal to noise in dB of uint8 pictures [..., H, W, 3], over a mask [..., H, W] if given."""
    error = (one.float() - two.float()).square().mean(-1)
    mean = error.mean() if mask is None else error[mask].mean()
    return 10 * math.log10(255**2 / max(float(mean), 1e-9))


def ssim(one: Tensor, two: Tensor) -> float:
    """Structural similarity of uint8 frames [T, H, W, 3], on luma with an 8 x 8 window (Wang et al. 2004)."""
    luma = torch.tensor([0.299, 0.587, 0.114])
    x, y = ((frames.float() @ luma)[:, None] for frames in (one, two))
    mean_x, mean_y = (avg_pool2d(v, 8, stride=1) for v in (x, y))
    var_x, var_y = (avg_pool2d(v * v, 8, stride=1) - m * m for v, m in ((x, mean_x), (y, mean_y)))
    cov = avg_pool2d(x * y, 8, stride=1) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(score.mean())


def motion(frames: Tensor) -> float:
    """Mean absolute change between neighbouring frames of uint8 [T, H, W, 3]."""
    return float(frames.float().diff(dim=0).abs().mean()) if len(frames) > 1 else 0.0


def interval(
    groups: Sequence[Sequence[float]], *, rounds: int = 1000, share: bool = False
) -> tuple[float, float, float]:
    """Mean and 95 % interval, by resampling whole groups (scenes) with replacement; nan without values.

    share: of things that are right. Where all agree nothing can be resampled; the interval then is Clopper and
    Pearson's (1934) for as many things as there are groups.
    """
    groups = [group for group in groups if len(group)]
    if not groups:
        return math.nan, math.nan, math.nan
    found = {value for group in groups for value in group}
    if share and found in ({0.0}, {1.0}):
        edge = 0.025 ** (1 / len(groups))
        return (0.0, 0.0, 1 - edge) if found == {0.0} else (1.0, edge, 1.0)
    sums = torch.tensor([sum(group) for group in groups], dtype=torch.float64)
    counts = torch.tensor([len(group) for group in groups], dtype=torch.float64)
    draw = torch.randint(len(groups), (rounds, len(groups)), generator=torch.Generator().manual_seed(0))
    means = (sums[draw].sum(1) / counts[draw].sum(1)).sort().values
    low, high = means[int(0.025 * rounds)], means[int(0.975 * rounds)]
    return float(sums.sum() / counts.sum()), float(low), float(high)
