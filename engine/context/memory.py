"""Keys and values of blocks that nothing later changes: what a causal context need not compute again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Memory:
    """For each layer keys and values [B, H, L, D], already turned to their positions."""

    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def tokens(self) -> int:
        return self.layers[0][0].shape[2]

    @property
    def bytes(self) -> int:
        return sum(part.numel() * part.element_size() for layer in self.layers for part in layer)

    def first(self, tokens: int) -> Memory:
        """What was known after the first ``tokens``."""
        return Memory(layers=tuple((k[:, :, :tokens], v[:, :, :tokens]) for k, v in self.layers))

    def then(self, later: Memory) -> Memory:
        """This, followed by what came after it."""
        pairs = zip(self.layers, later.layers, strict=True)
        return Memory(layers=tuple((torch.cat((k, x), 2), torch.cat((v, y), 2)) for (k, v), (x, y) in pairs))
