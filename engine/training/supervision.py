"""The world teaches: a head, dropped after training, that reads the ground truth from the middle of the transformer.

Without it the small model draws blobs for far longer (README has the ablation). Legend: B batch, N tokens of one
picture, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.world.labels import EVERYWHERE, ON_ACTOR, PART_COUNT, shot_labels
from engine.world.spec import SceneSpec

CELLS = 4  # label cells along one side of a token: 4 x 4 cells of 4 x 4 pixels


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Ground truth of one shot over a batch.

    everywhere: class indices [B] by attribute. actors: class indices [B, 2] by attribute (second actor may be 0).
    parts, entity: [B, t, 4h, 4w] at the token grid (t, h, w).
    """

    everywhere: dict[str, Tensor]
    actors: dict[str, Tensor]
    parts: Tensor
    entity: Tensor

    @classmethod
    def of(cls, shots: Sequence[tuple[SceneSpec, int]], maps: Tensor) -> Truth:
        """Of (scene, shot index) pairs and their maps [B, t, 2, 4h, 4w]."""
        labels = [shot_labels(scene, index) for scene, index in shots]
        stacked = {name: torch.tensor([row[name] for row in labels]) for name in labels[0]}
        return cls(
            everywhere={name: stacked[name][:, 0] for name in EVERYWHERE},
            actors={name: stacked[name] for name in ON_ACTOR},
            parts=maps[:, :, 0],
            entity=maps[:, :, 1],
        )

    def to(self, device: torch.device) -> Truth:
        """The same on a device."""
        return Truth(
            everywhere={name: value.to(device) for name, value in self.everywhere.items()},
            actors={name: value.to(device) for name, value in self.actors.items()},
            parts=self.parts.to(device),
            entity=self.entity.to(device),
        )


class TruthHead(nn.Module):
    """One linear layer from tokens to every label at once."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = {name: len(words) for name, words in (EVERYWHERE | ON_ACTOR).items()}
        self.sizes["parts"] = CELLS * CELLS * PART_COUNT
        self.linear = nn.Linear(width, sum(self.sizes.values()))

    def forward(self, tokens: Tensor, truth: Truth) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy over labels of tokens [B, N, D], and each attribute's accuracy."""
        scores = dict(zip(self.sizes, self.linear(tokens).float().split(list(self.sizes.values()), -1), strict=True))
        losses, hits = [], {}
        cells = rearrange(truth.parts, "b t (h p) (w q) -> b (t h w) (p q)", p=CELLS, q=CELLS)
        parts = rearrange(scores["parts"], "b n (c k) -> (b n c) k", k=PART_COUNT)
        losses.append(cross_entropy(parts, cells.flatten().long()))
        for name in EVERYWHERE:
            target = truth.everywhere[name][:, None].expand(-1, tokens.shape[1])
            losses.append(cross_entropy(scores[name].flatten(0, 1), target.flatten()))
            hits[name] = (scores[name].mean(1).argmax(-1) == truth.everywhere[name]).float().mean()
        owner, sure = owners(truth.entity)
        for name in ON_ACTOR:
            target = truth.actors[name].gather(1, (owner - 1).clamp(0, 1))
            if bool(sure.any()):
                losses.append(cross_entropy(scores[name][sure], target[sure]))
                hits[name] = (scores[name][sure].argmax(-1) == target[sure]).float().mean()
        return torch.stack(losses).mean(), hits


def owners(entity: Tensor) -> tuple[Tensor, Tensor]:
    """Which actor (1 or 2) covers a token most [B, N], and whether it covers enough of it to tell."""
    cells = rearrange(entity, "b t (h p) (w q) -> b (t h w) (p q)", p=CELLS, q=CELLS)
    first, second = (cells == 1).sum(-1), (cells == 2).sum(-1)
    return torch.where(second > first, 2, 1), torch.maximum(first, second) >= 3
