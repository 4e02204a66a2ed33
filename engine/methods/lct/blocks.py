"""The context of LCT (section 3.2): [text][video][text][video]..., every shot with a noise level of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.context import GLOBAL, Block, dummy, picture, text
from engine.methods.base import Picture, Texts


def scene_blocks(texts: Texts) -> list[Block]:
    """The global prompt, a text-video pair like the others, with a dummy where its pictures would be."""
    clean = torch.zeros(texts.scene.shape[0], device=texts.scene.device)
    return [_text(texts, texts.scene, GLOBAL, clean), dummy(clean)]


def shot_blocks(shot: int, texts: Texts, shown: Picture, *, patch: int) -> list[Block]:
    """A shot's prompt and pictures, at one noise level."""
    rows, device = shown.latents.shape[0], shown.latents.device
    level = torch.as_tensor(shown.level, dtype=torch.float32, device=device).expand(rows)
    kind = "history" if shown.given else "noisy"
    return [
        _text(texts, texts.shots[shot], shot, level),
        picture(shown.latents, shot=shot, noise=level, patch=patch, kind=kind),
    ]


def _text(texts: Texts, features: Tensor, shot: int, noise: Tensor) -> Block:
    lengths = None if texts.lengths is None else texts.lengths[shot + 1]
    pooled = None if texts.pooled is None else texts.pooled[shot + 1]
    return text(features, shot=shot, noise=noise, lengths=lengths, pooled=pooled)
