"""The judge: reads the attributes of a cartoon clip. It shares no weights with what it judges.

Legend: B clips, T frames read, C channels, h w a quarter of the picture's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange
from torch import Tensor, nn

from engine.backbones.pocket_codec import Block
from engine.backbones.pocket_words import DAMAGE, broken
from engine.world.labels import EVERYWHERE, ON_ACTOR

FOLDER = Path(__file__).parents[2] / "assets" / "judge"
READ = 9  # frames of a clip, evenly spaced


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Class indices: ``everywhere`` [B] and ``actors`` [B, 2] (left, right) by attribute; count of actors [B]."""

    everywhere: dict[str, Tensor]
    actors: dict[str, Tensor]
    count: Tensor


class Judge(ModelMixin, ConfigMixin):
    """A small network from READ frames to every attribute, pooling what belongs to an actor under its own mask."""

    @register_to_config
    def __init__(self, *, width: int = 64, deep: int = 128) -> None:
        super().__init__()
        self.stem = nn.Linear(48, width)
        self.fine = nn.Sequential(*(Block(width) for _ in range(2)))
        self.down = nn.Linear(4 * width, deep)
        self.coarse = nn.Sequential(*(Block(deep) for _ in range(3)))
        self.mask = nn.Linear(deep, 3 * 4)
        self.motion_in, self.motion = nn.Linear(2 * width, width), nn.Sequential(Block(width), Block(width))
        self.whole = nn.ModuleDict({name: nn.Linear(deep + width, len(w)) for name, w in EVERYWHERE.items()})
        self.actor_in = nn.Linear(deep + width + 3, deep)
        layer = nn.TransformerEncoderLayer(deep, 4, 2 * deep, dropout=0.0, batch_first=True, norm_first=True)
        self.actor = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.place = nn.Parameter(torch.zeros(READ, deep))
        self.on_actor = nn.ModuleDict({name: nn.Linear(2 * deep, len(words)) for name, words in ON_ACTOR.items()})
        self.count = nn.Linear(2, 2)

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Judge:
        """The shipped judge; ValueError with the remedy when there is none or it is damaged."""
        if not folder.is_dir():
            raise ValueError(f"{folder} is missing; python -m engine.training judge --export assets trains it")
        try:
            return cls.from_pretrained(folder, use_safetensors=True, torch_dtype=torch.float32).eval()
        except DAMAGE as error:
            raise ValueError(broken(folder.parent, folder.name, "assets/judge")) from error

    def forward(self, frames: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Scores by attribute ([B, K], or [B, 2, K] for actors; "count" [B, 2]) and mask scores [B, T, 3, h, w].

        frames: [B, T, 3, H, W] in -1..1.
        """
        t = frames.shape[1]
        x = self.stem(rearrange(frames, "b t c (h p) (w q) -> (b t) h w (c p q)", p=4, q=4))
        fine = self.fine(x)
        deep = self.coarse(self.down(rearrange(fine, "n (h p) (w q) c -> n h w (c p q)", p=2, q=2)))
        mask = rearrange(self.mask(deep), "(b t) h w (k p q) -> b t k (h p) (w q)", t=t, k=3, p=2, q=2)
        weights = mask.float().softmax(dim=2)
        fine = rearrange(fine, "(b t) h w c -> b t h w c", t=t)
        ahead = torch.cat([fine[:, 1:], fine[:, -1:]], dim=1)
        pairs = self.motion_in(torch.cat([fine, ahead], dim=-1)).flatten(0, 1)
        motion = rearrange(self.motion(pairs), "(b t) h w c -> b t h w c", t=t)
        deep = rearrange(deep, "(b t) h w c -> b t h w c", t=t)
        low = rearrange(weights, "b t k (h p) (w q) -> b t k h w (p q)", p=2, q=2).mean(-1)
        seen = [torch.cat([_pool(deep, low[:, :, k]), _pool(motion, weights[:, :, k])], dim=-1) for k in range(3)]
        scores = {name: head(seen[0].mean(1)) for name, head in self.whole.items()}
        tracks = torch.stack([torch.cat([seen[k], _geometry(weights[:, :, k])], dim=-1) for k in (1, 2)], dim=1)
        still = self.actor_in(tracks).flatten(0, 1)
        moving = self.actor(still + self.place[:t])
        both = torch.cat([still.mean(1), moving.mean(1)], dim=-1).unflatten(0, (-1, 2))
        scores |= {name: head(both) for name, head in self.on_actor.items()}
        area = weights[:, :, 1:].mean(dim=(1, 3, 4)).clamp(min=1e-4)
        scores["count"] = self.count(area.log())
        return scores, mask

    @torch.inference_mode()
    def read(self, frames: Tensor) -> Reading:
        """Read clips: uint8 [B, T, H, W, 3], or one clip [T, H, W, 3]."""
        clips = frames[None] if frames.ndim == 4 else frames
        device = next(self.parameters()).device
        scores, _ = self(pick(clips).to(device))
        best = {name: value.argmax(-1).cpu() for name, value in scores.items()}
        return Reading(
            everywhere={name: best[name] for name in EVERYWHERE},
            actors={name: best[name] for name in ON_ACTOR},
            count=best["count"] + 1,
        )


def pick(clips: Tensor) -> Tensor:
    """READ evenly spaced frames of uint8 clips [B, T, H, W, 3], as pixels [B, READ, 3, H, W] in -1..1."""
    index = torch.linspace(0, clips.shape[1] - 1, READ).round().long()
    return clips[:, index].permute(0, 1, 4, 2, 3).float() / 127.5 - 1


def _pool(features: Tensor, weights: Tensor) -> Tensor:
    """Mean of features [B, T, h, w, C] under weights [B, T, h, w]."""
    weights = weights.to(features.dtype)[..., None]
    return (features * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp(min=1e-3)


def _geometry(weights: Tensor) -> Tensor:
    """Middle (x, y) and size of a mask [B, T, h, w], about -1..1."""
    h, w = weights.shape[-2:]
    mass = weights.sum(dim=(2, 3)).clamp(min=1e-3)
    xs = torch.linspace(-1, 1, w, device=weights.device)
    ys = torch.linspace(-1, 1, h, device=weights.device)
    x = (weights.sum(2) * xs).sum(-1) / mass
    y = (weights.sum(3) * ys).sum(-1) / mass
    return torch.stack([x, y, (mass / (h * w)).sqrt()], dim=-1)
