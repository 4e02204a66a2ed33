"""Attention under a layout. Legend: B batch, H heads, L tokens of the context, Q of them that ask, D head width."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.context.layout import Layout


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """Attention of q [B, H, Q, D] over k, v [B, H, L, D] as the layout allows, block by block: no dense mask is made.

    The last Q tokens ask; what stands before them is remembered (``Memory``). Neighbouring blocks that see the same
    blocks share one call.
    """
    before = k.shape[2] - q.shape[2]
    asking = [i for i, span in enumerate(layout.spans) if before <= span.start < span.stop]
    if all(len(layout.visible[i]) == len(layout.spans) for i in asking):
        return scaled_dot_product_attention(q, k, v, attn_mask=_key_mask(layout.keep))
    out = torch.empty_like(q)
    for seen, members in groupby(asking, key=layout.visible.__getitem__):
        group = list(members)
        rows = slice(layout.spans[group[0]].start - before, layout.spans[group[-1]].stop - before)
        keys = _tokens(layout, seen, k.device)
        mask = None if layout.keep is None else layout.keep[:, keys]
        out[:, :, rows] = scaled_dot_product_attention(
            q[:, :, rows], k[:, :, keys], v[:, :, keys], attn_mask=_key_mask(mask)
        )
    return out


def attend_dense(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """The same by the definition, with the whole [Q, L] mask: slow, and the oracle for ``attend``."""
    length = k.shape[2]
    allowed = torch.zeros(length, length, dtype=torch.bool, device=q.device)
    for rows, seen in zip(layout.spans, layout.visible, strict=True):
        for i in seen:
            allowed[rows, layout.spans[i]] = True
    allowed = allowed[None, None, length - q.shape[2] :]
    if layout.keep is not None:
        allowed = allowed & layout.keep[:, None, None]
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1) @ v


def _tokens(layout: Layout, seen: Sequence[int], device: torch.device) -> slice | Tensor:
    """Rows of the seen blocks: a slice, which copies nothing, when they are neighbours."""
    if list(seen) == list(range(seen[0], seen[-1] + 1)):
        return slice(layout.spans[seen[0]].start, layout.spans[seen[-1]].stop)
    return torch.cat([torch.arange(layout.spans[i].start, layout.spans[i].stop) for i in seen]).to(device)


def _key_mask(keep: Tensor | None) -> Tensor | None:
    return None if keep is None else keep[:, None, None, :]
