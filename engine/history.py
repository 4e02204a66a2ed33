"""The memory of finished shots under a causal method: encoded once, used at every step of every later shot."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.backbones.base import Backbone
from engine.context import Block, Layout, Memory


class History:
    """Keeps what the model computed for the leading blocks of a context for as long as they stay the same.

    A changed take, prompt or noise level drops its own memory and that of all blocks after it, and nothing before;
    other weights drop all of it.
    """

    def __init__(self) -> None:
        self._owner = ""
        self._prints: list[str] = []
        self._ends: list[int] = [0]
        self._memory: Memory | None = None
        self.encoded = 0  # blocks that had to be computed, over all calls

    def recall(self, backbone: Backbone, blocks: Sequence[Block], layout: Layout) -> Memory | None:
        """Memory of ``blocks``, the leading ones of ``layout``; only those that are new are computed.

        Shots are computed one by one, so that a film that was broken off goes on to the same bytes.
        """
        owner = f"{backbone.record()} {backbone.runtime.device} {backbone.runtime.dtype}"
        prints = [_print(block, layout.positions[:, span]) for block, span in zip(blocks, layout.spans, strict=False)]
        same = _common(prints, self._prints) if owner == self._owner else 0
        while 0 < same < len(blocks) and blocks[same].shot == blocks[same - 1].shot:
            same -= 1  # blocks of a shot see each other both ways, so a new picture makes its old text stale
        if same < len(blocks):
            memory = self._memory.first(self._ends[same]) if same and self._memory else None
            for end in _ends(blocks, same):
                fresh = backbone.remember(blocks[:end], layout.leading(end), memory)
                memory = memory.then(fresh) if memory else fresh
            self._memory, self._owner, self._prints = memory, owner, prints
            self._ends = [0, *(span.stop for span in layout.spans[: len(blocks)])]
            self.encoded += len(blocks) - same
        return self._memory.first(self._ends[len(blocks)]) if blocks and self._memory else None


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """How many leading entries agree."""
    same = [a == b for a, b in zip(one, two, strict=False)]
    return same.index(False) if False in same else len(same)


def _ends(blocks: Sequence[Block], start: int) -> list[int]:
    """Where each shot's blocks are over, from the block ``start`` on."""
    last = len(blocks)
    return [i for i in range(start + 1, last + 1) if i == last or blocks[i].shot != blocks[i - 1].shot]


def _print(block: Block, positions: Tensor) -> str:
    """A fingerprint of all that a block's keys and values depend on."""
    digest = hashlib.sha256(f"{block.kind} {block.shot} {block.grid} {block.frame}".encode())
    for part in (block.data, block.noise, block.lengths, block.pooled, positions):
        if part is not None:
            digest.update(
                part.detach().cpu().clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes()
            )
    return digest.hexdigest()
