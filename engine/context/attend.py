"""Attention under a layout. Legend: B batch, H heads, L tokens, D head width."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.context.layout import Layout


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """Attention of q over k, v (all [B, H, L, D]) as the layout allows, block by block: no dense mask is made.

    Neighbouring blocks that see the same blocks share one call.
    """
    if layout.dense:
        return scaled_dot_product_attention(q, k, v, attn_mask=_key_mask(layout.keep))
    out = torch.empty_like(q)
    for seen, members in groupby(range(len(layout.spans)), key=layout.visible.__getitem__):
        group = list(members)
        rows = slice(layout.spans[group[0]].start, layout.spans[group[-1]].stop)
        keys = torch.cat([torch.arange(*layout.spans[i].indices(k.shape[2])) for i in seen]).to(k.device)
        mask = None if layout.keep is None else layout.keep[:, keys]
        out[:, :, rows] = scaled_dot_product_attention(
            q[:, :, rows], k[:, :, keys], v[:, :, keys], attn_mask=_key_mask(mask)
        )
    return out


def attend_dense(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """The same by the definition, with the whole [L, L] mask: slow, and the oracle for ``attend``."""
    length = q.shape[2]
    allowed = torch.zeros(length, length, dtype=torch.bool, device=q.device)
    for rows, seen in zip(layout.spans, layout.visible, strict=True):
        for i in seen:
            allowed[rows, layout.spans[i]] = True
    allowed = allowed[None, None]
    if layout.keep is not None:
        allowed = allowed & layout.keep[:, None, None]
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1) @ v


def _key_mask(keep: Tensor | None) -> Tensor | None:
    return None if keep is None else keep[:, None, None, :]
