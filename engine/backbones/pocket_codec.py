"""The pocket codec: a small causal video autoencoder, 4 x 8 x 8 pixels to one cell of 16 channels.

All convolutions are 2D, on one latent frame at a time: the encoder packs its four frames into channels, the
decoder's last stage draws them two by two. Nothing is encoded from the past, so that what holds still has the same
latents in every frame; the decoder's first stage looks back through one causal layer. The first frame is a latent
frame of its own.
Legend: B batch, T frames, t latent frames, n = B t, H W pixels, h w cells, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange, reduce, repeat
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, layer_norm, pad

TIME, PAIR, STEM = 4, 2, 2  # frames in a latent frame, and drawn at once; pixels of a side in one cell of the stem


class Conv(nn.Module):
    """A 3x3 convolution on [n, h, w, C], its weight kept as a matrix; starts as an orthogonal centre tap."""

    def __init__(self, width: int) -> None:
        super().__init__()
        taps = torch.zeros(width, width, 3, 3)
        nn.init.orthogonal_(taps[:, :, 1, 1])
        self.weight = nn.Parameter(taps.flatten(1))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        taps = self.weight.unflatten(1, (-1, 3, 3))
        return conv2d(x.permute(0, 3, 1, 2), taps, self.bias, padding=1).permute(0, 2, 3, 1)


class Block(nn.Module):
    """Two convolutions, residual; [n, h, w, C]. Convolutions are the cheapest mixing there is on a CPU in bf16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Conv(width), Conv(width)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(gelu(self.first(layer_norm(x, x.shape[-1:]))))


class Past(nn.Module):
    """Adds what the latent frames before know; [n, h, w, C], causal in t."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(3 * width, width), nn.Linear(width, width)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor, t: int) -> Tensor:
        frames = rearrange(layer_norm(x, x.shape[-1:]), "(b t) h w c -> b t h w c", t=t)
        one = pad(frames, (0, 0, 0, 0, 0, 0, 1, 0))[:, :t]
        two = pad(frames, (0, 0, 0, 0, 0, 0, 2, 0))[:, :t]
        seen = torch.cat((frames, one, two), dim=-1)
        return x + rearrange(self.down(gelu(self.up(seen))), "b t h w c -> (b t) h w c")


class Down(nn.Module):
    """Halves height and width; the shortcut averages groups of channels (as in DC-AE)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.out, self.mix = out, nn.Linear(4 * width, out)

    def forward(self, x: Tensor) -> Tensor:
        packed = rearrange(x, "n (h p) (w q) c -> n h w (c p q)", p=2, q=2)
        return self.mix(packed) + reduce(packed, "n h w (c g) -> n h w c", "mean", c=self.out)


class Up(nn.Module):
    """Doubles height and width, and makes ``frames`` of each; the shortcut repeats channels."""

    def __init__(self, width: int, out: int, frames: int = 1) -> None:
        super().__init__()
        spread = 4 * out * frames
        self.mix, self.copies, self.frames = nn.Linear(width, spread), spread // width, frames

    def forward(self, x: Tensor) -> Tensor:
        spread = self.mix(x) + repeat(x, "n h w c -> n h w (c g)", g=self.copies)
        return rearrange(spread, "n h w (c f p q) -> (n f) (h p) (w q) c", f=self.frames, p=2, q=2)


class PocketCodec(ModelMixin, ConfigMixin):
    """Pixels [B, 3, 4k+1, H, W] in -1..1 to latents [B, 16, k+1, H/8, W/8] of about unit variance, and back.

    widths: channels at 1/2, 1/4 and 1/8 of the size. encoder, decoder: blocks at each.
    """

    @register_to_config
    def __init__(
        self,
        *,
        channels: int = 16,
        widths: Sequence[int] = (96, 192, 192),
        encoder: Sequence[int] = (1, 1, 2),
        decoder: Sequence[int] = (2, 2, 2),
    ) -> None:
        super().__init__()
        high, middle, low = widths
        self.stem = nn.Linear(3 * TIME * STEM**2, high)
        self.encode_high, self.to_middle = _stack(high, encoder[0]), Down(high, middle)
        self.encode_middle, self.to_low = _stack(middle, encoder[1]), Down(middle, low)
        self.encode_low = _stack(low, encoder[2])
        self.to_latent, self.from_latent = nn.Linear(low, channels), nn.Linear(channels, low)
        self.decode_low, self.decode_past = _stack(low, decoder[2]), Past(low)
        self.up_middle, self.decode_middle = Up(low, middle), _stack(middle, decoder[1])
        self.up_high, self.decode_high = Up(middle, high, TIME // PAIR), _stack(high, decoder[0])
        self.head = nn.Linear(high, 3 * PAIR * STEM**2)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def encode(self, pixels: Tensor) -> Tensor:
        """Normalised latents."""
        latents = self.encode_raw(pixels)
        return (latents - _channel(self.mean)) / _channel(self.std)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of normalised latents."""
        return self.decode_raw(latents * _channel(self.std) + _channel(self.mean))

    def encode_raw(self, pixels: Tensor) -> Tensor:
        """Latents before normalisation."""
        if (pixels.shape[2] - 1) % TIME:
            raise ValueError(f"pixels has {pixels.shape[2]} frames; the codec takes {TIME}k+1")
        full = torch.cat([pixels[:, :, :1].expand(-1, -1, TIME - 1, -1, -1), pixels], dim=2)
        t = full.shape[2] // TIME
        x = rearrange(full, "b c (t f) (h p) (w q) -> (b t) h w (c f p q)", f=TIME, p=STEM, q=STEM)
        x = self.to_middle(self.encode_high(self.stem(x)))
        x = self.encode_low(self.to_low(self.encode_middle(x)))
        return rearrange(self.to_latent(x), "(b t) h w c -> b c t h w", t=t)

    def decode_raw(self, latents: Tensor) -> Tensor:
        """Pixels of latents before normalisation."""
        t = latents.shape[2]
        x = self.from_latent(rearrange(latents, "b c t h w -> (b t) h w c"))
        x = self.decode_low(self.decode_past(x, t))
        x = self.decode_middle(self.up_middle(x))
        x = self.head(self.decode_high(self.up_high(x)))
        full = rearrange(x, "(b m) h w (c f p q) -> b c (m f) (h p) (w q)", b=len(latents), f=PAIR, p=STEM, q=STEM)
        return full[:, :, TIME - 1 :]


def _stack(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(count)))


def _channel(values: Tensor) -> Tensor:
    return values[:, None, None, None]
