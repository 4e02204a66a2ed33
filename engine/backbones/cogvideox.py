"""CogVideoX 2B and 5B under our context, on diffusers' own modules.

Text and pictures share all weights but the modulation. 2B adds absolute positions to pictures, 5B turns them; both
predict v = sqrt(a) e - sqrt(1 - a) x with a the scheduler's cumulated alpha, so a noise level has no straight path.
Legend as in ``blockwise``, E width of the timestep's features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import diffusers
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.normalization import AdaLayerNorm, CogVideoXLayerNormZero
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXBlock
from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid
from einops import rearrange
from torch import Tensor

from engine.backbones.base import Start, Walked
from engine.backbones.blockwise import Blockwise, Heads, Pass
from engine.backbones.kinds import CogVideoX
from engine.backbones.pipelines import SCALE, timesteps
from engine.context import Block, is_shown
from engine.runtime import Runtime
from engine.samplers.flow import Predict


class CogVideoXBackbone(CogVideoX, Blockwise):
    """A CogVideoXPipeline's parts under our context."""

    theta = 10_000.0

    def __init__(self, pipe: diffusers.CogVideoXPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        super().__init__(pipe, runtime=runtime, folder=folder)
        config = pipe.transformer.config
        if config.patch_size_t is not None:
            raise ValueError(f"{folder} is CogVideoX 1.5, whose tokens span two frames; give CogVideoX 2B or 5B")
        width = config.attention_head_dim
        turned = config.use_rotary_positional_embeddings
        self.axes = (width // 4, width // 8 * 3, width // 8 * 3) if turned else None
        stride = pipe.vae_scale_factor_spatial
        self.size = (config.sample_height * stride, config.sample_width * stride)

    def _encode(self, prompt: str) -> Tensor:
        """Padded to the length of training; the model reads the padding too."""
        options = {"do_classifier_free_guidance": False, "max_sequence_length": self.longest}
        return self.pipe.encode_prompt(prompt, device=self.runtime.device, **options)[0]

    def text_tokens(self, prompt: str) -> int:  # noqa: ARG002 - all are padded to one length
        return self.longest

    def add_noise(self, latents: Tensor, noise: Tensor, level: float) -> Tensor:
        if not level:
            return latents
        alpha = self._alpha(round(level * SCALE))
        return alpha.sqrt() * latents + (1 - alpha).sqrt() * noise

    def denoise(self, shots: Mapping[int, Start], predict: Predict, steps: int) -> Iterator[Walked]:
        """The pipeline's own scheduler; DPM draws noise of its own, from the shot's seed as the pipeline does."""
        scheduler, device = deepcopy(self.pipe.scheduler), self.runtime.device
        scheduler.set_timesteps(steps, device=device)
        draws = {k: torch.Generator().manual_seed(seed) for k, (_, seed) in shots.items()}
        samples = {}
        for k, ((c, t, h, w), _) in shots.items():
            samples[k] = torch.randn((1, t, c, h, w), generator=draws[k]).to(device).transpose(1, 2)
        clean: dict[int, Tensor | None] = dict.fromkeys(samples)
        before = None
        for i, t in enumerate(scheduler.timesteps):
            predicted = predict(samples, float(t) / SCALE)
            alpha = self._alpha(int(t))
            estimates = {k: alpha.sqrt() * x - (1 - alpha).sqrt() * predicted[k] for k, x in samples.items()}
            following = {}
            for k, sample in samples.items():
                v, x = predicted[k].transpose(1, 2), sample.transpose(1, 2)
                if isinstance(scheduler, diffusers.CogVideoXDPMScheduler):
                    x, clean[k] = scheduler.step(v, clean[k], t, before, x, generator=draws[k], return_dict=False)
                else:
                    x = scheduler.step(v, t, x, return_dict=False)[0]
                following[k] = x.transpose(1, 2)
            before, samples = t, following
            yield i + 1, samples, estimates

    def _alpha(self, timestep: int) -> Tensor:
        return self.pipe.scheduler.alphas_cumprod[timestep].to(self.runtime.device)

    def _positions(self, blocks: Sequence[Block], positions: Tensor) -> Tensor:
        """Other sizes than that of training are stretched over its grid, as the pipeline does."""
        config = self.pipe.transformer.config
        _, h, w = next(block.grid for block in blocks if is_shown(block)) if any(map(is_shown, blocks)) else (1, 1, 1)
        across = config.sample_width // config.patch_size, config.sample_height // config.patch_size
        start, stop = get_resize_crop_region_for_grid((h, w), *across)
        ends = zip(start, stop, (h, w), strict=True)
        steps = [(end * (n - 1) / n - begin) / max(n - 1, 1) for begin, end, n in ends]
        shown = torch.cat([torch.full((block.tokens, 1), is_shown(block)) for block in blocks]).to(positions.device)
        scaled = positions.clone()
        scaled[..., 1:3] = positions[..., 1:3] * positions.new_tensor(steps) + positions.new_tensor(start) * shown
        return scaled

    def _tokens(self, run: Pass) -> list[Tensor]:
        model = run.model
        levels = model.time_proj(timesteps(run.blocks).flatten()).to(model.dtype)
        features = model.time_embedding(levels).unflatten(0, (-1, len(run.blocks)))
        places = run.layout.positions[:, -sum(block.tokens for block in run.blocks) :]
        places = places.split([block.tokens for block in run.blocks], dim=1)
        tokens = [self._embed(block, place) for block, place in zip(run.blocks, places, strict=True)]
        for layer in model.transformer_blocks:
            tokens = _layer(layer, tokens, features, run)
        return [
            _scaled_norm(model.norm_out, model.norm_final(x), features[:, i]) if is_shown(block) else x
            for i, (block, x) in enumerate(zip(run.blocks, tokens, strict=True))
        ]

    def _embed(self, block: Block, places: Tensor) -> Tensor:
        embed = self.pipe.transformer.patch_embed
        if block.is_text:
            return embed.text_proj(block.data.to(embed.text_proj.weight.dtype))
        frames = rearrange(block.data.to(embed.proj.weight.dtype), "b c t h w -> (b t) c h w")
        tokens = rearrange(embed.proj(frames), "(b t) d h w -> b (t h w) d", b=len(block.data))
        if not embed.use_positional_embeddings:
            return tokens
        return tokens + self._waves(places).to(tokens.dtype)

    def _waves(self, places: Tensor) -> Tensor:
        """2B's sines and cosines [B, N, D] of places (t, h, w); a quarter of D for t, then w, then h."""
        config = self.pipe.transformer.config
        width = config.num_attention_heads * config.attention_head_dim
        scales = (config.temporal_interpolation_scale, *(config.spatial_interpolation_scale,) * 2)
        waves = []
        for axis, dim in ((0, width // 4), (2, 3 * width // 8), (1, 3 * width // 8)):
            rates = 10_000 ** -(torch.arange(dim // 2, device=places.device, dtype=torch.float64) / (dim / 2))
            angles = (places[..., axis, None].double() / scales[axis]) * rates
            waves += [angles.sin(), angles.cos()]
        return torch.cat(waves, dim=-1)

    def _velocity(self, run: Pass, block: Block, tokens: Tensor) -> Tensor:
        t, h, w = block.grid
        out = run.model.proj_out(tokens)
        return rearrange(out, "b (t h w) (c p q) -> b c t (h p) (w q)", t=t, h=h, w=w, p=self.patch, q=self.patch)


def _layer(layer: CogVideoXBlock, tokens: list[Tensor], features: Tensor, run: Pass) -> list[Tensor]:
    attention = layer.attn1
    inputs, gates = _modulated(layer.norm1, tokens, features, run.blocks)
    heads = run.attend([_heads(attention, x) for x in inputs])
    tokens = [x + gate * attention.to_out[0](y) for x, gate, y in zip(tokens, gates, heads, strict=True)]
    inputs, gates = _modulated(layer.norm2, tokens, features, run.blocks)
    return [x + gate * layer.ff(y) for x, gate, y in zip(tokens, gates, inputs, strict=True)]


def _heads(attention: Attention, x: Tensor) -> Heads:
    parts = (attention.to_q, attention.to_k, attention.to_v)
    q, k, v = (part(x).unflatten(2, (attention.heads, -1)) for part in parts)
    return attention.norm_q(q), attention.norm_k(k), v


def _modulated(
    norm: CogVideoXLayerNormZero, tokens: list[Tensor], features: Tensor, blocks: Sequence[Block]
) -> tuple[list[Tensor], list[Tensor]]:
    """Tokens scaled and shifted by their block's level, and gates [B, 1, D]; text has a modulation of its own."""
    tables = norm.linear(norm.silu(features)).unflatten(-1, (2, 3, -1))  # [B, M, 2, 3, D]: pictures, text
    inputs, gates = [], []
    for i, (block, x) in enumerate(zip(blocks, tokens, strict=True)):
        shift, scale, gate = tables[:, i, int(block.is_text), :, None].unbind(1)
        inputs.append(norm.norm(x) * (1 + scale) + shift)
        gates.append(gate)
    return inputs, gates


def _scaled_norm(norm: AdaLayerNorm, x: Tensor, features: Tensor) -> Tensor:
    shift, scale = norm.linear(norm.silu(features))[:, None].chunk(2, dim=-1)
    return norm.norm(x) * (1 + scale) + shift
