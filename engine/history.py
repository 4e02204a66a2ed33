"""The memory of finished shots under a causal method: encoded once, used at every step of every later shot."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from engine.backbones.base import Backbone
from engine.context import Block, Layout, Memory


class History:
    """Keeps what the model computed for the leading blocks of a context for as long as they stay the same.

    A changed take, prompt or noise level drops its own memory and that of all blocks after it, and nothing before.
    """

    def __init__(self) -> None:
        self._prints: list[str] = []
        self._ends: list[int] = [0]
        self._memory: Memory | None = None
        self.encoded = 0  # blocks that had to be computed, over all calls

    def recall(self, backbone: Backbone, blocks: Sequence[Block], layout: Layout) -> Memory | None:
        """Memory of ``blocks``, the leading ones of ``layout``; only those that are new are computed."""
        prints = [_print(block) for block in blocks]
        same = _common(prints, self._prints)
        while 0 < same < len(blocks) and blocks[same].shot == blocks[same - 1].shot:
            same -= 1  # blocks of a shot see each other both ways, so a new picture makes its old text stale
        if same < len(blocks):
            past = self._memory.first(self._ends[same]) if same and self._memory else None
            leading = layout.leading(len(blocks))
            fresh = backbone.remember(blocks, leading, past)
            self._memory = past.then(fresh) if past else fresh
            self._prints, self._ends = prints, [0, *(span.stop for span in leading.spans)]
            self.encoded += len(blocks) - same
        return self._memory.first(self._ends[len(blocks)]) if blocks and self._memory else None


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """How many leading entries agree."""
    same = [a == b for a, b in zip(one, two, strict=False)]
    return same.index(False) if False in same else len(same)


def _print(block: Block) -> str:
    """A fingerprint of all that a block's keys and values depend on."""
    digest = hashlib.sha256(f"{block.kind} {block.shot} {block.grid}".encode())
    for part in (block.data, block.noise, block.lengths, block.pooled):
        if part is not None:
            digest.update(
                part.detach().cpu().clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes()
            )
    return digest.hexdigest()
