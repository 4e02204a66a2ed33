"""Where blocks stand in the sequence and in (t, h, w): computed once, outside the model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from engine.context.blocks import Block, is_shown
from engine.context.masks import Rule, joint
from engine.context.places import Placement, diagonal
from engine.context.telling import PLAINLY, Telling

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One sequence of L tokens.

    spans: the slice of each block, empty for one that takes no part in the sequence.
    positions: [B, L, 3 or 4] (``places``). keep: [B, L], False on padding, or None.
    visible: for each block the indices of the blocks it may look at. telling: how prompts outside it are read.
    layers: those in which that holds, in others every block sees and reads all; None: in all.
    """

    spans: tuple[slice, ...]
    positions: Tensor
    keep: Tensor | None
    visible: tuple[tuple[int, ...], ...]
    telling: Telling = PLAINLY
    layers: range | None = None
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What a kernel derives from this layout, made once for all layers and steps."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def at(self, layer: int) -> Layout:
        """The layout as a layer of the model has it."""
        if self.layers is None or layer in self.layers:
            return self
        every = tuple(range(len(self.spans)))
        telling = replace(self.telling, reads=lambda _, prompt: prompt.is_text)
        free = {"visible": (every,) * len(every), "telling": telling, "layers": None, "_kept": {}}
        return self.kept("free", lambda: replace(self, **free))

    def leading(self, blocks: int) -> Layout:
        """The layout of the first ``blocks`` alone."""
        spans = self.spans[:blocks]
        end = spans[-1].stop if spans else 0
        keep = None if self.keep is None else self.keep[:, :end]
        visible = tuple(tuple(i for i in seen if i < blocks) for seen in self.visible[:blocks])
        kept = {"telling": self.telling, "layers": self.layers}
        return Layout(spans=spans, positions=self.positions[:, :end], keep=keep, visible=visible, **kept)

    def after(self, tokens: int) -> int:
        """The first block that starts where ``tokens`` of the sequence are over, such as those of a ``Memory``."""
        return next((i for i, span in enumerate(self.spans) if span.start >= tokens), len(self.spans))


def lay_out(
    blocks: Sequence[Block],
    *,
    rule: Rule = joint,
    place: Placement | None = None,
    text: Literal["placed", "unplaced", "crossed"] = "placed",
    telling: Telling | None = None,
    layers: range | None = None,
) -> Layout:
    """Blocks in the given order, on positions by ``place`` (default ``diagonal``), seeing each other by ``rule``.

    telling, layers: as in ``Layout``.

    text: "placed" as LCT has it; "unplaced" in the sequence but without a place among the pictures (its positions
    are 0, which turns nothing: CogVideoX, HunyuanVideo); "crossed" outside the sequence, cross-attended (Wan).
    Only where text is placed does a dummy stand for the pictures that the scene's prompt lacks.
    """
    place, spans = place or diagonal, spans_of(blocks, text)
    visible = tuple(tuple(i for i, key in enumerate(blocks) if rule(query, key)) for query in blocks)
    members = [block for block, span in zip(blocks, spans, strict=True) if span.stop > span.start]
    positions = place(blocks) if text == "placed" else _among_pictures(place, members)
    about = {"keep": _keep(members), "visible": visible, "telling": telling or PLAINLY, "layers": layers}
    return Layout(spans=spans, positions=positions, **about)


def spans_of(blocks: Sequence[Block], text: Literal["placed", "unplaced", "crossed"]) -> tuple[slice, ...]:
    """Where blocks stand in the sequence (``Layout.spans``); alone, it costs nothing even for long contexts."""
    spans, start = [], 0
    for block in blocks:
        within = text == "placed" or is_shown(block) or (text == "unplaced" and block.is_text)
        spans.append(slice(start, start + (block.tokens if within else 0)))
        start = spans[-1].stop
    return tuple(spans)


def _among_pictures(place: Placement, blocks: Sequence[Block]) -> Tensor:
    shots = [block for block in blocks if is_shown(block)]
    placed = place(shots)
    parts = iter(placed.split([block.tokens for block in shots], dim=1))
    nowhere = [placed.new_zeros(len(placed), block.tokens, placed.shape[2]) for block in blocks]
    return torch.cat([next(parts) if is_shown(b) else zero for b, zero in zip(blocks, nowhere, strict=True)], dim=1)


def _keep(blocks: Sequence[Block]) -> Tensor | None:
    if all(block.lengths is None for block in blocks):
        return None
    parts = []
    for block in blocks:
        index = torch.arange(block.tokens, device=block.noise.device)[None]
        lengths = block.lengths if block.lengths is not None else torch.full_like(block.noise, block.tokens)
        parts.append(index < lengths[:, None])
    return torch.cat(parts, dim=1)
