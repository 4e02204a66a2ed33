"""A pass over blocks whose tokens meet in attention and stay apart everywhere else.

So each block takes the weights of its kind and the modulation of its own noise level, and no table of modulations is
ever as long as the sequence. Legend: B batch, N tokens of a block, D width, H heads, W head width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from engine.backbones.pipelines import Pipeline
from engine.context import Block, Layout, Memory, attend, is_shown, rotate_pairs, rotation

Heads = tuple[Tensor, Tensor, Tensor]  # queries, keys and values of a block, [B, N, H, W]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One forward pass of one model.

    context: all blocks; running: those that are computed. turn: of the running tokens, None where nothing is turned.
    past: keys and values of what is remembered, for each layer; known: those that this pass adds.
    """

    model: nn.Module
    context: tuple[Block, ...]
    running: tuple[int, ...]
    layout: Layout
    turn: tuple[Tensor, Tensor] | None
    past: Iterator[tuple[Tensor, Tensor]] | None
    known: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        return [self.context[i] for i in self.running]

    def attend(self, heads: Sequence[Heads], layer: int = 0) -> list[Tensor]:
        """Attention among all blocks, [B, N, H W] of each, as it is in a layer."""
        q, k, v = (_joined(parts).transpose(1, 2) for parts in zip(*heads, strict=True))
        if self.turn is not None:
            q, k = rotate_pairs(q, self.turn), rotate_pairs(k, self.turn)
        self.known.append((k, v))
        if self.past is not None:
            before = next(self.past)
            k, v = torch.cat((before[0], k), dim=2), torch.cat((before[1], v), dim=2)
        out = attend(q, k, v, self.layout.at(layer)).transpose(1, 2).flatten(2)
        return list(out.split([block.tokens for block in self.blocks], dim=1))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """All tokens in a row; those of a shot alone are not copied."""
    return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


class Blockwise(Pipeline):
    """An adapter says what happens before, between and after attention."""

    axes: tuple[int, ...] | None  # how a head is shared among (t, h, w); None: nothing is turned
    theta: float

    def _tokens(self, run: Pass) -> list[Tensor]:
        """What layers turn the running blocks into, [B, N, D] of each; ``run`` sees every attention among them."""
        raise NotImplementedError

    def _velocity(self, run: Pass, block: Block, tokens: Tensor) -> Tensor:
        """[B, C, t, h, w] of a picture block's last tokens."""
        raise NotImplementedError

    def _chosen(self, blocks: Sequence[Block]) -> int:  # noqa: ARG002 - one has two models
        """Which of the models runs."""
        return 0

    def _positions(self, blocks: Sequence[Block], positions: Tensor) -> Tensor:  # noqa: ARG002 - one scales them
        """Positions [B, L, 3 or 4] of the blocks as the model counts."""
        return positions

    @torch.inference_mode()
    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:
        run = self._pass(self._chosen(blocks), blocks, layout, past)
        pairs = zip(run.blocks, self._tokens(run), strict=True)
        return [self._velocity(run, block, tokens).float() for block, tokens in pairs if is_shown(block)]

    @torch.inference_mode()
    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        """The layers of all models in a row, for a later call may need either."""
        layers = []
        for i in range(len(self.models)):
            run = self._pass(i, blocks, layout, past)
            self._tokens(run)
            layers += run.known
        return Memory(layers=tuple(layers))

    def _pass(self, which: int, blocks: Sequence[Block], layout: Layout, past: Memory | None) -> Pass:
        model, before, known = self.models[which], 0, None
        self._switch(model)
        if past is not None:
            before, depth = past.tokens, len(past.layers) // len(self.models)
            known = iter(past.layers[which * depth : (which + 1) * depth])
        running = tuple(i for i, span in enumerate(layout.spans) if before <= span.start < span.stop)
        turn = None
        if self.axes is not None:
            positions = self._positions([blocks[i] for i in running], layout.positions[:, before:])
            turn = rotation(positions, self.axes, theta=self.theta)
        return Pass(model=model, context=tuple(blocks), running=running, layout=layout, turn=turn, past=known)
