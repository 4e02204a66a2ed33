"""Wan's cross-attention: every shot reads the prompts that the layout's ``Telling`` gives it.

Legend as in ``blockwise``, S tokens of the prompts that a shot reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.transformers.transformer_wan import WanAttention, WanTransformerBlock
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.backbones.blockwise import Heads, Pass
from engine.context import Layout, rotate_pairs, rotation

THETA = 10_000.0


@dataclass(frozen=True)
class Words:
    """What one block reads: tokens [B, S, D], and how its queries [1, 1] and their keys [1, S] are turned apart."""

    tokens: Tensor
    asks: Tensor | None
    told: Tensor | None


class Reader:
    """The prompts of one pass, embedded once for all layers."""

    def __init__(self, run: Pass) -> None:
        self.run, self.model = run, run.model
        self._known: dict[int, list[Words]] = {}
        self._embedded: dict[int, Tensor] = {}
        self.none = next(b.data for b in run.context if b.is_text)[:, :0].to(self.model.dtype)  # a prompt of no tokens

    def __call__(self, layer: WanTransformerBlock, tokens: list[Tensor], index: int) -> list[Tensor]:
        """Attention of every running block to what it reads."""
        attention, out = layer.attn2, []
        for x, words in zip(tokens, self._words(self.run.layout.at(index)), strict=True):
            y = layer.norm2(x.float()).type_as(x)
            q, k, v = (part.transpose(1, 2) for part in heads_of(attention, y, words.tokens))
            if words.asks is not None:
                q, k = _turned(q, words.asks), _turned(k, words.told)
            heard = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            out.append(x + attention.to_out[0](heard))
        return out

    def _words(self, layout: Layout) -> list[Words]:
        if id(layout) not in self._known:
            self._known[id(layout)] = [self._of(i, layout) for i in self.run.running]
        return self._known[id(layout)]

    def _of(self, index: int, layout: Layout) -> Words:
        context, telling = self.run.context, layout.telling
        read = [k for k in layout.visible[index] if context[k].is_text and telling.reads(context[index], context[k])]
        parts = [self._embed(k, trim=telling.room is not None) for k in read]
        shots = telling.places([block for block in context if block.is_text])
        places = [torch.full((part.shape[1],), shots[context[k].shot]) for k, part in zip(read, parts, strict=True)]
        if telling.room is not None:
            every = [self._embed(k, trim=True).shape[1] for k, b in enumerate(context) if b.is_text]
            empty = torch.zeros(1, max(0, telling.room - sum(every)), self.none.shape[2]).to(self.none)
            parts.append(self.model.condition_embedder.text_embedder(empty).expand(len(self.none), -1, -1))
            gap = telling.apart[1] if telling.apart else 0
            places.append(torch.full((empty.shape[1],), len(shots) - 1 + gap))
        tokens = torch.cat(parts, dim=1)
        if telling.apart is None:
            return Words(tokens, None, None)
        asks = torch.tensor([[shots[context[index].shot]]], device=tokens.device)
        return Words(tokens, asks, torch.cat(places)[None].to(tokens.device))

    def _embed(self, index: int, *, trim: bool) -> Tensor:
        """A prompt's tokens for the model; trimmed of the zeros that ended it as padding."""
        if index not in self._embedded:
            features = self.run.context[index].data.to(self.model.dtype)
            if trim:
                told = features.abs().amax(dim=(0, 2)).nonzero()
                features = features[:, : int(told[-1]) + 1 if len(told) else 0]
            self._embedded[index] = self.model.condition_embedder.text_embedder(features)
        return self._embedded[index]


def heads_of(attention: WanAttention, x: Tensor, source: Tensor) -> Heads:
    """Queries of x, keys and values of the source."""
    q, k = attention.norm_q(attention.to_q(x)), attention.norm_k(attention.to_k(source))
    return tuple(part.unflatten(2, (attention.heads, -1)) for part in (q, k, attention.to_v(source)))


def _turned(x: Tensor, places: Tensor) -> Tensor:
    """Heads [B, H, N, W] turned to places [1, N] along their whole width."""
    return rotate_pairs(x, rotation(places[..., None], (x.shape[-1],), theta=THETA))
