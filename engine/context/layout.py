"""Where blocks stand in the sequence and in (t, h, w): computed once, outside the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.context.blocks import Block
from engine.context.masks import Rule, joint

Placement = Callable[[Sequence[Block]], Tensor]  # blocks -> positions [B, L, 3]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One sequence of L tokens.

    spans: the slice of each block. positions: [B, L, 3]. keep: [B, L], False on padding, or None.
    visible: for each block the indices of the blocks it may look at.
    """

    spans: tuple[slice, ...]
    positions: Tensor
    keep: Tensor | None
    visible: tuple[tuple[int, ...], ...]

    def leading(self, blocks: int) -> Layout:
        """The layout of the first ``blocks`` alone."""
        spans = self.spans[:blocks]
        end = spans[-1].stop if spans else 0
        keep = None if self.keep is None else self.keep[:, :end]
        visible = tuple(tuple(i for i in seen if i < blocks) for seen in self.visible[:blocks])
        return Layout(spans=spans, positions=self.positions[:, :end], keep=keep, visible=visible)


def lay_out(blocks: Sequence[Block], *, rule: Rule = joint, place: Placement | None = None) -> Layout:
    """Blocks in the given order, on positions by ``place`` (default ``diagonal``), seeing each other by ``rule``."""
    spans, start = [], 0
    for block in blocks:
        spans.append(slice(start, start + block.tokens))
        start += block.tokens
    visible = tuple(tuple(i for i, key in enumerate(blocks) if rule(query, key)) for query in blocks)
    return Layout(spans=tuple(spans), positions=(place or diagonal)(blocks), keep=_keep(blocks), visible=visible)


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


def _cells(block: Block) -> Tensor:
    """Integer coordinates [N, 3] inside a block; a text walks the diagonal."""
    device = block.noise.device
    if block.is_text:
        return torch.arange(block.tokens, device=device, dtype=torch.float32)[:, None].expand(-1, 3)
    axes = [torch.arange(n, device=device, dtype=torch.float32) for n in block.grid]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)


def _keep(blocks: Sequence[Block]) -> Tensor | None:
    if all(block.lengths is None for block in blocks):
        return None
    parts = []
    for block in blocks:
        index = torch.arange(block.tokens, device=block.noise.device)[None]
        lengths = block.lengths if block.lengths is not None else torch.full_like(block.noise, block.tokens)
        parts.append(index < lengths[:, None])
    return torch.cat(parts, dim=1)
