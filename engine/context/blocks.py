"""Blocks: what a context is made of. Legend: B batch, N tokens of a block, D width, C channels, t h w latent grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CUT = "[SHOT CUT]"  # before the prompt of a shot that starts a new picture (LCT section 3.2.1)
GLOBAL = -1  # the "shot" of blocks that belong to the whole scene


@dataclass(frozen=True, kw_only=True)
class Block:
    """One piece of a context, the same shape in every row of the batch.

    kind: "text", or "noisy" (being made), "history" (an earlier take), "dummy" (stands where the global
        prompt's pictures would be, LCT section 3.2.2).
    data: text features [B, N, D], or latents [B, C, t, h, w]; None for a dummy.
    noise: [B], 0 is clean and 1 is pure noise; text takes the level of its shot.
    grid: tokens along (t, h, w); a text of N tokens has (N, 1, 1).
    lengths: true token counts [B] of a padded text; None when nothing is padded.
    pooled: [B, D], what a model reads of a text beside its tokens; None for most.
    frame: the latent frame of its shot that its pictures begin with, where a shot stands in pieces.
    """

    kind: str
    shot: int
    data: Tensor | None
    noise: Tensor
    grid: tuple[int, int, int]
    lengths: Tensor | None = None
    pooled: Tensor | None = None
    frame: int = 0

    @property
    def tokens(self) -> int:
        t, h, w = self.grid
        return t * h * w

    @property
    def is_text(self) -> bool:
        return self.kind == "text"


def is_shown(block: Block) -> bool:
    """Whether a block holds the pictures of a shot."""
    return block.kind in ("noisy", "history")


def text(
    features: Tensor, *, shot: int, noise: Tensor, lengths: Tensor | None = None, pooled: Tensor | None = None
) -> Block:
    """A prompt: features [B, N, D]."""
    grid = (features.shape[1], 1, 1)
    return Block(kind="text", shot=shot, data=features, noise=noise, grid=grid, lengths=lengths, pooled=pooled)


def picture(latents: Tensor, *, shot: int, noise: Tensor, patch: int, kind: str = "noisy") -> Block:
    """A shot, or a take of one: latents [B, C, t, h, w]."""
    t, h, w = latents.shape[2:]
    return Block(kind=kind, shot=shot, data=latents, noise=noise, grid=(t, h // patch, w // patch))


def dummy(noise: Tensor) -> Block:
    """The pictureless partner of the global prompt; the paper gives no count, one token is ours."""
    return Block(kind="dummy", shot=GLOBAL, data=None, noise=noise, grid=(1, 1, 1))
