"""The pocket MMDiT: text and picture tokens in one attention, LCT's architecture at laptop size.

Dual-stream blocks (text and pictures with weights of their own) come first, single-stream blocks after,
as in HunyuanVideo. Legend: B batch, L tokens, D width, M blocks of the context.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import layer_norm, rms_norm

from engine.backbones.pocket_codec import Block as Convolutions
from engine.context import Block, Layout, Memory, attend, rotate, rotation


class Stream(nn.Module):
    """The weights of one block for one kind of token: projections, feed-forward and modulation table."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.norm_q = nn.Parameter(torch.ones(width // heads))
        self.norm_k = nn.Parameter(torch.ones(width // heads))
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.table = nn.Parameter(torch.zeros(6, width))

    def project(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """Queries, keys and values [B, L, 3, H, D/H] of modulated tokens, queries and keys normalised and turned."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        norm = partial(rms_norm, normalized_shape=q.shape[-1:], eps=1e-6)
        q, k = norm(q, weight=self.norm_q.to(q.dtype)), norm(k, weight=self.norm_k.to(k.dtype))
        return torch.stack((rotate(q, turn), rotate(k, turn), v), dim=2)

    def feed(self, x: Tensor) -> Tensor:
        return self.down(nn.functional.gelu(self.up(x)))


class Split:
    """Runs a function per kind of token: one stream for all, or one for text and one for pictures."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.sizes = [block.tokens for block in blocks]
        self.is_text = [block.is_text for block in blocks]

    def __call__(self, streams: Sequence[Stream], run: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """``run(stream, *inputs)``, each input [B, L, ...] (or [B, 1, ...], the same for every token)."""
        if len(streams) == 1:
            return run(streams[0], *inputs)
        text, rest = ([self._part(x, kind) for x in inputs] for kind in (True, False))
        return self._merge(run(streams[0], *text), run(streams[1], *rest))

    def _part(self, x: Tensor, kind: bool) -> Tensor:
        if x.shape[1] == 1:
            return x
        pieces = x.split(self.sizes, dim=1)
        return torch.cat(
            [piece for piece, is_text in zip(pieces, self.is_text, strict=True) if is_text is kind], dim=1
        )

    def _merge(self, text: Tensor, rest: Tensor) -> Tensor:
        sizes = {
            kind: [n for n, t in zip(self.sizes, self.is_text, strict=True) if t is kind] for kind in (True, False)
        }
        pieces = {True: iter(text.split(sizes[True], dim=1)), False: iter(rest.split(sizes[False], dim=1))}
        return torch.cat([next(pieces[kind]) for kind in self.is_text], dim=1)


class Layer(nn.Module):
    """One transformer block: joint attention, then feed-forward, both modulated by the noise level (adaLN)."""

    def __init__(self, width: int, heads: int, streams: int) -> None:
        super().__init__()
        self.streams = nn.ModuleList(Stream(width, heads) for _ in range(streams))

    def forward(
        self,
        x: Tensor,
        levels: Tensor,
        turn: tuple[Tensor, Tensor],
        layout: Layout,
        split: Split,
        past: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Tokens, and their keys and values for a ``Memory``.

        x [B, L, D]; levels [B, L or 1, 6D], the modulation that all layers share; turn: two of [B, L, 1, D/2H];
        past: keys and values of what stands before x.
        """
        q, k, v = split(self.streams, _before_attention, x, levels, *turn).transpose(1, 3).unbind(2)
        known = (k, v) if past is None else (torch.cat((past[0], k), 2), torch.cat((past[1], v), 2))
        heads = rearrange(attend(q, *known, layout), "b h l d -> b l (h d)")
        return split(self.streams, _after_attention, x, heads, levels), (k, v)


def _before_attention(stream: Stream, x: Tensor, levels: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    shift, scale = _modulation(stream, levels, 0, 2)
    return stream.project(_modulate(x, shift, scale), (cos, sin))


def _after_attention(stream: Stream, x: Tensor, heads: Tensor, levels: Tensor) -> Tensor:
    gate, shift, scale, gate_feed = _modulation(stream, levels, 2, 6)
    x = torch.addcmul(x, gate, stream.out(heads))
    return torch.addcmul(x, gate_feed, stream.feed(_modulate(x, shift, scale)))


def _modulation(stream: Stream, levels: Tensor, first: int, last: int) -> tuple[Tensor, ...]:
    width = stream.table.shape[1]
    table = stream.table[first:last].flatten().to(levels.dtype)
    return (levels[..., first * width : last * width] + table).chunk(last - first, dim=-1)


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return torch.addcmul(shift, layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale)


class NoiseEmbedding(nn.Module):
    """Noise levels [B, M] in 0..1 to features [B, M, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, noise: Tensor) -> Tensor:
        half = self.width // 2
        rates = torch.exp(-math.log(10_000) * torch.arange(half, device=noise.device) / half)
        angle = 1_000 * noise[..., None].float() * rates
        return self.mlp(torch.cat([angle.cos(), angle.sin()], dim=-1))


class PlaceEmbedding(nn.Module):
    """Where a token lies inside its own shot, as features [t h w, D] to add.

    Rotary positions tell tokens how far apart they are; a small model takes far longer to learn from those alone
    that the sky is above.
    """

    RATES = 8  # sines and cosines along each axis, from one radian a token down to 1/32

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 2 * self.RATES, width)
        nn.init.zeros_(self.linear.weight)

    def forward(self, grid: tuple[int, int, int]) -> Tensor:
        device = self.linear.weight.device
        axes = torch.meshgrid(*(torch.arange(n, device=device) for n in grid), indexing="ij")
        rates = 32 ** -(torch.arange(self.RATES, device=device) / (self.RATES - 1))
        angle = (torch.stack(axes, dim=-1).reshape(-1, 3, 1) * rates).flatten(1)
        return self.linear(torch.cat([angle.cos(), angle.sin()], dim=-1).to(self.linear.weight.dtype))


class Detail(nn.Module):
    """Adds to a velocity what a token, ``patch`` x ``patch`` cells wide, draws too coarsely.

    Convolutions over the cells themselves, which see the noisy cells beside what the tokens know of them and work
    across the tokens' borders (after U-ViT, Bao et al. 2023, and the detailer of DiP, Chen et al. 2025).
    """

    def __init__(self, width: int, channels: int, patch: int, cells: int) -> None:
        super().__init__()
        self.known = nn.Linear(width, (cells - channels) * patch * patch)
        self.mix = Convolutions(cells)
        self.out = nn.Linear(cells, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, known: Tensor, noisy: Tensor) -> Tensor:
        """Velocity [B, C, t, h, w] of ``known`` cells [B, K, t, h, w] and noisy ones [B, C, t, h, w]."""
        x = rearrange(torch.cat((noisy.to(known.dtype), known), dim=1), "b c t h w -> (b t) h w c")
        return rearrange(self.out(self.mix(x)), "(b t) h w c -> b c t h w", b=len(noisy))


def _spread(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Values [B, G, D] of runs to their tokens [B, L, D]; one run stays [B, 1, D] and broadcasts."""
    if len(counts) == 1:
        return values
    return torch.cat([values[:, i, None].expand(-1, n, -1) for i, n in enumerate(counts)], dim=1)


class PocketTransformer(ModelMixin, ConfigMixin, PeftAdapterMixin):
    """Predicts the velocity (noise minus clean) of every picture block of a context.

    Args:
        channels, patch: of the latents; a token is ``patch`` x ``patch`` cells of one latent frame.
        width, heads, depth: as usual; the first ``dual`` layers keep separate weights for text.
        axes: how a head's width is shared by (t, h, w) positions.
        cells: channels of ``Detail``; 96 is a width that convolutions on a CPU are quick with.
    """

    @register_to_config
    def __init__(
        self,
        *,
        channels: int = 16,
        patch: int = 2,
        width: int = 256,
        heads: int = 4,
        depth: int = 8,
        dual: int = 2,
        text_width: int = 256,
        axes: Sequence[int] = (16, 24, 24),
        cells: int = 96,
        theta: float = 1_000.0,  # noqa: ARG002 - read from the recorded config
    ) -> None:
        super().__init__()
        if sum(axes) != width // heads:
            raise ValueError(f"axes is {tuple(axes)}; its sum must be the head width {width // heads}")
        self.patch_in = nn.Linear(channels * patch * patch, width)
        self.place = PlaceEmbedding(width)
        self.text_in = nn.Linear(text_width, width)
        self.dummy = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.noise = NoiseEmbedding(width)
        self.levels = nn.Linear(width, 6 * width)
        self.layers = nn.ModuleList(Layer(width, heads, 2 if i < dual else 1) for i in range(depth))
        self.levels_out = nn.Linear(width, 2 * width)
        self.patch_out = nn.Linear(width, channels * patch * patch)
        self.detail = Detail(width, channels, patch, cells)
        for module in (self.levels, self.levels_out, self.patch_out):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(
        self, blocks: Sequence[Block], layout: Layout, *, past: Memory | None = None, peek: int | None = None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Velocities [B, C, t, h, w] of the picture blocks in order, and the tokens after layer ``peek``.

        ``blocks`` are the last ones of ``layout``; those before them are remembered in ``past``.
        """
        layers = self._layers(blocks, layout, past)
        x, seen = None, None
        for index, (x, _) in enumerate(layers, start=1):
            if index == peek:
                seen = x
        features, counts = self._levels(blocks)
        shift, scale = (
            _spread(self.levels_out(features).to(x.dtype), counts).expand(-1, x.shape[1], -1).chunk(2, dim=-1)
        )
        x = _modulate(x, shift, scale)
        pieces = zip(blocks, x.split([block.tokens for block in blocks], dim=1), strict=True)
        shown = [(block, tokens) for block, tokens in pieces if block.kind in ("noisy", "history")]
        return [self._draw(block, tokens) for block, tokens in shown], seen

    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        """Keys and values of ``blocks`` for later calls; arguments as in ``forward``."""
        return Memory(layers=tuple(known for _, known in self._layers(blocks, layout, past)))

    def _layers(
        self, blocks: Sequence[Block], layout: Layout, past: Memory | None
    ) -> Iterator[tuple[Tensor, tuple[Tensor, Tensor]]]:
        """Tokens, and their keys and values, after each layer."""
        x = torch.cat([self._embed(block) for block in blocks], dim=1)
        features, counts = self._levels(blocks)
        levels = _spread(self.levels(features).to(x.dtype), counts)
        before = past.tokens if past else 0
        cos, sin = rotation(layout.positions[:, before:], self.config.axes, theta=self.config.theta)
        turn = (cos.transpose(1, 2), sin.transpose(1, 2))
        split = Split(blocks)
        for index, layer in enumerate(self.layers):
            x, known = layer(x, levels, turn, layout, split, past.layers[index] if past else None)
            yield x, known

    def _levels(self, blocks: Sequence[Block]) -> tuple[Tensor, list[int]]:
        """Features [B, G, D] of the runs of blocks that share a noise level, and the tokens in each run."""
        runs = [list(run) for _, run in groupby(blocks, key=lambda block: id(block.noise))]
        noise = torch.stack([run[0].noise for run in runs], dim=1)
        return nn.functional.silu(self.noise(noise)), [sum(block.tokens for block in run) for run in runs]

    def _embed(self, block: Block) -> Tensor:
        if block.is_text:
            return self.text_in(block.data)
        if block.data is None:
            return self.dummy.expand(block.noise.shape[0], -1, -1)
        p = self.config.patch
        patches = rearrange(block.data, "b c t (h p) (w q) -> b (t h w) (c p q)", p=p, q=p)
        return self.patch_in(patches) + self.place(block.grid)

    def _draw(self, block: Block, tokens: Tensor) -> Tensor:
        known = self._unpatch(self.detail.known(tokens), block.grid)
        return self._unpatch(self.patch_out(tokens), block.grid) + self.detail(known, block.data)

    def _unpatch(self, tokens: Tensor, grid: tuple[int, int, int]) -> Tensor:
        t, h, w = grid
        p = self.config.patch
        return rearrange(tokens, "b (t h w) (c p q) -> b c t (h p) (w q)", t=t, h=h, w=w, p=p, q=p)
