"""Rotary positions on three axes (RoPE; LCT section 3.2.2 rotates text as well as pictures)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def rotation(positions: Tensor, axes: Sequence[int], *, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines [B, 1, L, sum(axes) / 2] of positions; ``axes`` are head dims for (t, h, w).

    positions: [B, L, 3], or [B, L, 4] with a phase that is added to every temporal angle.
    """
    angles = []
    for axis, dim in enumerate(axes):
        steps = torch.arange(0, dim, 2, device=positions.device, dtype=torch.float32) / dim
        angles.append(positions[..., axis, None].float() * theta**-steps)
    if positions.shape[-1] > len(axes):
        angles[0] = angles[0] + positions[..., len(axes), None]
    angle = torch.cat(angles, dim=-1)[:, None]
    return angle.cos(), angle.sin()


def rotate_pairs(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """As ``rotate``, but neighbours in D pair up: Wan, CogVideoX, HunyuanVideo."""
    cos, sin = turn
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.empty_like(x)  # written once, where stacking would write all of it twice
    turned[..., 0::2] = first * cos - second * sin
    turned[..., 1::2] = first * sin + second * cos
    return turned


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn queries or keys [B, H, L, D]; halves of D pair up."""
    cos, sin = (part.to(x.dtype) for part in turn)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
