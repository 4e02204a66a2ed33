"""Where blocks stand in the sequence and in (t, h, w): computed once, outside the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.context.blocks import Block
from engine.context.masks import Rule, joint
from engine.context.places import Placement, diagonal


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One sequence of L tokens.

    spans: the slice of each block. positions: [B, L, 3 or 4] (``places``). keep: [B, L], False on padding, or None.
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


def lay_out(
    blocks: Sequence[Block], *, rule: Rule = joint, place: Placement | None = None, crossed: bool = False
) -> Layout:
    """Blocks in the given order, on positions by ``place`` (default ``diagonal``), seeing each other by ``rule``.

    crossed: text is cross-attended, so that it and its dummy take no place among the pictures (their positions are 0).
    """
    spans, start = [], 0
    for block in blocks:
        spans.append(slice(start, start + block.tokens))
        start += block.tokens
    visible = tuple(tuple(i for i, key in enumerate(blocks) if rule(query, key)) for query in blocks)
    place = place or diagonal
    positions = _among_pictures(place, blocks) if crossed else place(blocks)
    return Layout(spans=tuple(spans), positions=positions, keep=_keep(blocks), visible=visible)


def _among_pictures(place: Placement, blocks: Sequence[Block]) -> Tensor:
    shown = [block.kind in ("noisy", "history") for block in blocks]
    shots = [block for block, is_shown in zip(blocks, shown, strict=True) if is_shown]
    placed = place(shots)
    parts = iter(placed.split([block.tokens for block in shots], dim=1))
    nowhere = [placed.new_zeros(len(placed), block.tokens, placed.shape[2]) for block in blocks]
    return torch.cat([next(parts) if is_shown else zero for zero, is_shown in zip(nowhere, shown, strict=True)], dim=1)


def _keep(blocks: Sequence[Block]) -> Tensor | None:
    if all(block.lengths is None for block in blocks):
        return None
    parts = []
    for block in blocks:
        index = torch.arange(block.tokens, device=block.noise.device)[None]
        lengths = block.lengths if block.lengths is not None else torch.full_like(block.noise, block.tokens)
        parts.append(index < lengths[:, None])
    return torch.cat(parts, dim=1)
