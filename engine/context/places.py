"""Where blocks stand: named rules from blocks to positions, [B, L, 3] for (t, h, w).

A fourth column, where a rule has one, is a phase in radians that is added to every temporal angle (``rotation``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.context.blocks import Block

Placement = Callable[[Sequence[Block]], Tensor]
ECHOSHOT, LONGLIVE = 4, 8  # latent frames by which those models jump at a cut (their public code)
SHOTSTREAM = 1 / 6  # radians a shot (its public code)


def diagonal(blocks: Sequence[Block]) -> Tensor:
    """LCT's interleaved 3D positions (section 3.2.2, figure 3), [B, L, 3].

    A text token has the same value on all three axes. Pictures start where their text ended, along the
    space diagonal; the next text starts one after the largest coordinate so far. (That step is our
    reading: the paper does not give it. M-RoPE does the same.)
    """
    start = torch.zeros_like(blocks[0].noise, dtype=torch.float32)
    positions = []
    for block in blocks:
        positions.append(start[:, None, None] + _cells(block))
        start = start + (block.lengths if block.lengths is not None else max(block.grid))
    return torch.cat(positions, dim=1)


def shared(blocks: Sequence[Block]) -> Tensor:
    """Every shot on the same positions: the paper's ablation without interleaving, [B, L, 3]."""
    groups: dict[int, list[Block]] = {}
    for block in blocks:
        groups.setdefault(block.shot, []).append(block)
    placed = {shot: diagonal(group).split([b.tokens for b in group], dim=1) for shot, group in groups.items()}
    taken = dict.fromkeys(placed, 0)
    positions = []
    for block in blocks:
        positions.append(placed[block.shot][taken[block.shot]])
        taken[block.shot] += 1
    return torch.cat(positions, dim=1)


def jumping(step: int) -> Placement:
    """One clock for the whole film that jumps ``step`` latent frames at every cut: EchoShot, LongLive 2.0."""

    def place(blocks: Sequence[Block]) -> Tensor:
        positions, clock, before = [], 0, None
        for block in blocks:
            clock += step * (not block.is_text and before is not None and block.shot != before)
            cells = _cells(block)
            if not block.is_text:
                before = block.shot
                cells = cells + torch.tensor([clock, 0, 0], device=cells.device)
                clock += block.grid[0]
            positions.append(cells.expand(block.noise.shape[0], -1, -1))
        return torch.cat(positions, dim=1)

    return place


def phased(angle: float) -> Placement:
    """One clock without jumps, and shot k turned by k times ``angle``: ShotStream's discontinuous RoPE."""
    clock = jumping(0)

    def place(blocks: Sequence[Block]) -> Tensor:
        shots = list(dict.fromkeys(block.shot for block in blocks if not block.is_text))
        positions = clock(blocks)
        turns = [torch.full((b.tokens,), angle * shots.index(b.shot) if b.shot in shots else 0.0) for b in blocks]
        phase = torch.cat(turns).to(positions.device)[:, None].expand(len(positions), -1, -1)
        return torch.cat([positions, phase], dim=2)

    return place


def _cells(block: Block) -> Tensor:
    """Integer coordinates [N, 3] inside a block; a text walks the diagonal."""
    device = block.noise.device
    if block.is_text:
        return torch.arange(block.tokens, device=device, dtype=torch.float32)[:, None].expand(-1, 3)
    axes = [torch.arange(n, device=device, dtype=torch.float32) for n in block.grid]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
