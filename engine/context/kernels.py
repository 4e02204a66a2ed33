"""Which kernel attends on which device, and what the varlen and Flex kernels need of a layout.

Legend as in ``attend``, G runs of blocks that look at the same, M blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

    from engine.context.layout import Layout

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, int, int], Tensor]
AMPERE = (8, 0)  # compute capability that FlashAttention needs
TILE = 128  # tokens of FlexAttention's tiles


@dataclass(frozen=True)
class Choice:
    """A way to attend, "blocks", "varlen" or "flex", and why it was chosen."""

    way: str
    reason: str


@cache
def choose_attention(device: torch.device, dtype: torch.dtype, width: int) -> Choice:
    """The way for a device, number format and head width; all give the same to rounding, none makes a dense mask."""
    if device.type != "cuda":
        return Choice("blocks", f"on {device.type} one plain attention for each run of blocks needs no mask")
    if width % 8 or not 16 <= width <= 256:
        return Choice("blocks", f"neither FlashAttention nor FlexAttention takes heads {width} wide")
    half = dtype in (torch.float16, torch.bfloat16)
    if half and torch.cuda.get_device_capability(device) >= AMPERE and find_spec("torch.nn.attention.varlen"):
        return Choice("varlen", "FlashAttention takes all runs of blocks in one call, and this GPU has it")
    if find_spec("triton"):
        return Choice("flex", f"FlashAttention does not take {dtype} on this GPU, and FlexAttention skips blocks")
    return Choice("blocks", "neither FlashAttention nor a compiler for FlexAttention is here")


def runs(layout: Layout, before: int) -> Iterator[tuple[slice, tuple[int, ...]]]:
    """Neighbouring blocks that see the same blocks: their rows among the tokens that ask, and what they see."""
    asking = [i for i, span in enumerate(layout.spans) if before <= span.start < span.stop]
    for seen, members in groupby(asking, key=layout.visible.__getitem__):
        group = list(members)
        yield slice(layout.spans[group[0]].start - before, layout.spans[group[-1]].stop - before), seen


def rows_of(layout: Layout, seen: tuple[int, ...]) -> slice | Tensor:
    """Tokens of the seen blocks: a slice, which copies nothing, when they are neighbours."""
    seen = tuple(i for i in seen if layout.spans[i].stop > layout.spans[i].start)
    spans = [layout.spans[i] for i in seen]
    if all(one.stop == two.start for one, two in pairwise(spans)):
        return slice(spans[0].start, spans[-1].stop)
    return torch.cat([torch.arange(span.start, span.stop) for span in spans])


@dataclass(frozen=True)
class Packed:
    """All runs of all rows of the batch behind each other: the keys that they see, and where each begins [B G + 1]."""

    keys: Tensor
    starts: tuple[Tensor, Tensor]
    longest: tuple[int, int]


def pack(layout: Layout, batch: int, before: int, device: torch.device) -> Packed:
    """What the varlen kernel needs of a layout; padding is left out of the keys."""
    length = layout.spans[-1].stop
    places, asked, told = [], [], []
    for row in range(batch):
        for rows, seen in runs(layout, before):
            tokens = rows_of(layout, seen)
            tokens = torch.arange(tokens.start, tokens.stop) if isinstance(tokens, slice) else tokens
            if layout.keep is not None:
                tokens = tokens[layout.keep[row].cpu()[tokens]]
            places.append(tokens + row * length)
            asked.append(rows.stop - rows.start)
            told.append(len(tokens))
    starts = tuple(torch.tensor([0, *sizes]).cumsum(0).to(device, torch.int32) for sizes in (asked, told))
    return Packed(torch.cat(places).to(device), starts, (max(asked), max(told)))


def attend_packed(q: Tensor, k: Tensor, v: Tensor, layout: Layout, kernel: Kernel | None = None) -> Tensor:
    """Attention as in ``attend`` by one call of a kernel on [tokens, H, D]: torch's varlen FlashAttention."""
    if kernel is None:
        from torch.nn.attention.varlen import varlen_attn as kernel
    before = k.shape[2] - q.shape[2]
    packed = layout.kept(("packed", len(q), before), lambda: pack(layout, len(q), before, q.device))
    rows = [part.transpose(1, 2).flatten(0, 1) for part in (q, k, v)]
    keys, values = rows[1][packed.keys], rows[2][packed.keys]
    out = kernel(rows[0], keys, values, *packed.starts, *packed.longest)
    return out.unflatten(0, (len(q), -1)).transpose(1, 2)


def block_mask(layout: Layout, batch: int, before: int, device: torch.device) -> BlockMask:
    """What FlexAttention needs of a layout: which tiles to skip, which to take whole, and a rule for tokens of others.

    Counted from spans, for torch's own way to it makes the dense mask first.
    """
    from torch.nn.attention.flex_attention import BlockMask

    length, count = layout.spans[-1].stop, len(layout.spans)
    member = torch.empty(length, dtype=torch.long)
    allowed = torch.zeros(count, count, dtype=torch.bool)
    for i, (span, seen) in enumerate(zip(layout.spans, layout.visible, strict=True)):
        member[span] = i
        allowed[i, list(seen)] = True
    keep = torch.ones(batch, length, dtype=torch.bool) if layout.keep is None else layout.keep.cpu()
    asks, told = (_tiles(member[start:], count) for start in (before, 0))  # [T, M] tokens of each block in a tile
    kept = torch.nn.functional.pad(keep, (0, -length % TILE)).unflatten(1, (-1, TILE)).sum(2)  # [B, T]
    pairs = asks.float() @ allowed.float() @ told.float().T  # [T, T] pairs of tokens that the rule allows
    whole = (pairs == TILE * TILE) & (kept == TILE)[:, None]
    partly = (pairs > 0) & (kept > 0)[:, None] & ~whole
    tables = [part.to(device) for tiles in (partly, whole) for part in _listed(tiles[:, None])]
    member, allowed, keep = member.to(device), allowed.to(device), keep.to(device)

    def rule(b: Tensor, _: Tensor, asks: Tensor, told: Tensor) -> Tensor:
        return allowed[member[asks + before], member[told]] & keep[b, told]

    return BlockMask.from_kv_blocks(*tables, BLOCK_SIZE=TILE, mask_mod=rule, seq_lengths=(length - before, length))


def _tiles(member: Tensor, count: int) -> Tensor:
    """Tokens of each block in every tile [T, M]."""
    tiles = torch.nn.functional.pad(member, (0, -len(member) % TILE), value=count).view(-1, TILE)
    return torch.nn.functional.one_hot(tiles, count + 1).sum(1)[:, :count]


def _listed(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """How many tiles of each row are taken, and their numbers, those first."""
    order = tiles.int().argsort(dim=-1, descending=True, stable=True)
    return tiles.sum(-1, dtype=torch.int32), order.int()


def attend_flex(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """Attention as in ``attend`` by FlexAttention, compiled on CUDA."""
    before = k.shape[2] - q.shape[2]
    mask = layout.kept(("flex", len(q), before), lambda: block_mask(layout, len(q), before, q.device))
    return _flex(q.device.type == "cuda")(q, k, v, block_mask=mask)


@cache
def _flex(compiled: bool) -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True) if compiled else flex_attention
