"""Attention under a layout. Legend: B batch, H heads, L tokens of the context, Q of them that ask, D head width."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.context.kernels import attend_flex, attend_packed, choose_attention, rows_of, runs
from engine.context.layout import Layout


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout, way: str | None = None) -> Tensor:
    """Attention of q [B, H, Q, D] over k, v [B, H, L, D] as the layout allows, without a dense mask.

    The last Q tokens ask; what stands before them is remembered (``Memory``). way: one of ``WAYS``; None takes the one
    chosen for the device (``choose_attention``).
    """
    before = k.shape[2] - q.shape[2]
    asking = [i for i, span in enumerate(layout.spans) if before <= span.start < span.stop]
    if all(len(layout.visible[i]) == len(layout.spans) for i in asking):
        return scaled_dot_product_attention(q, k, v, attn_mask=_key_mask(layout.keep))
    return WAYS[way or choose_attention(q.device, q.dtype, q.shape[-1]).way](q, k, v, layout)


def attend_by_blocks(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """One plain attention for each run of neighbouring blocks that see the same blocks."""
    out = torch.empty_like(q)
    for rows, seen in runs(layout, k.shape[2] - q.shape[2]):
        keys = rows_of(layout, seen)
        keys = keys if isinstance(keys, slice) else keys.to(k.device)
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


def _key_mask(keep: Tensor | None) -> Tensor | None:
    return None if keep is None else keep[:, None, None, :]


WAYS = {"blocks": attend_by_blocks, "varlen": attend_packed, "flex": attend_flex}
