"""What models with text in the sequence share: a pass over blocks of tokens that meet in attention.

Text was never turned to positions in these models, so it has none here (``lay_out``, "unplaced"). The tokens of a
block stay apart except in attention: they take the weights of their kind and the modulation of their noise level.
Legend: B batch, N tokens of a block, D width, H heads, W head width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.backbones.pipelines import Pipeline
from engine.context import Block, Layout, Memory, attend, is_shown, rotate_pairs, rotation

Heads = tuple[Tensor, Tensor, Tensor]  # queries, keys and values of a block, [B, N, H, W]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One forward pass: the blocks that run, where they stand, what is remembered, and what this pass adds to it."""

    blocks: tuple[Block, ...]
    layout: Layout
    turn: tuple[Tensor, Tensor] | None
    past: Iterator[tuple[Tensor, Tensor]] | None
    known: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def attend(self, heads: Sequence[Heads]) -> list[Tensor]:
        """Attention among all blocks, [B, N, H W] of each."""
        q, k, v = (torch.cat(parts, dim=1).transpose(1, 2) for parts in zip(*heads, strict=True))
        if self.turn is not None:
            q, k = rotate_pairs(q, self.turn), rotate_pairs(k, self.turn)
        self.known.append((k, v))
        if self.past is not None:
            before = next(self.past)
            k, v = torch.cat((before[0], k), dim=2), torch.cat((before[1], v), dim=2)
        out = attend(q, k, v, self.layout).transpose(1, 2).flatten(2)
        return list(out.split([block.tokens for block in self.blocks], dim=1))


class Interleaved(Pipeline):
    """[text][pictures][text][pictures]...; an adapter says what happens before, between and after attention."""

    text = "unplaced"
    axes: tuple[int, ...] | None  # how a head is shared among (t, h, w); None: nothing is turned
    theta: float

    def _tokens(self, run: Pass) -> list[Tensor]:
        """What layers turn blocks into, [B, N, D] of each; ``run`` sees every attention."""
        raise NotImplementedError

    def _velocity(self, block: Block, tokens: Tensor) -> Tensor:
        """[B, C, t, h, w] of a picture block's last tokens."""
        raise NotImplementedError

    def _positions(self, blocks: Sequence[Block], positions: Tensor) -> Tensor:  # noqa: ARG002 - one scales them
        """Positions [B, L, 3 or 4] of the blocks as the model counts."""
        return positions

    @torch.inference_mode()
    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:
        run = self._pass(blocks, layout, past)
        pairs = zip(run.blocks, self._tokens(run), strict=True)
        return [self._velocity(block, tokens).float() for block, tokens in pairs if is_shown(block)]

    @torch.inference_mode()
    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        run = self._pass(blocks, layout, past)
        self._tokens(run)
        return Memory(layers=tuple(run.known))

    def _pass(self, blocks: Sequence[Block], layout: Layout, past: Memory | None) -> Pass:
        self._switch(self.pipe.transformer)
        before = past.tokens if past else 0
        spans = zip(blocks, layout.spans, strict=True)
        running = tuple(block for block, span in spans if before <= span.start < span.stop)
        turn = None
        if self.axes is not None:
            positions = self._positions(running, layout.positions[:, before:])
            turn = rotation(positions, self.axes, theta=self.theta)
        return Pass(blocks=running, layout=layout, turn=turn, past=iter(past.layers) if past else None)
