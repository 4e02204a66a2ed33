"""HunyuanVideo under our context, on diffusers' own modules.

First layers keep weights of their own for text and pictures, later ones share them. The timestep's features hold a
summary of the prompt, each shot's its own, and the scale of guidance that the model was distilled with: true guidance
costs a second pass and is off unless asked for. Legend as in ``blockwise``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import diffusers
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_hunyuan_video import (
    HunyuanVideoSingleTransformerBlock,
    HunyuanVideoTransformerBlock,
)
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE
from einops import rearrange
from torch import Tensor

from engine.backbones.blockwise import Blockwise, Heads, Pass
from engine.backbones.kinds import HunyuanVideo
from engine.backbones.pipelines import SCALE, timesteps
from engine.context import Block, is_shown
from engine.runtime import Runtime

DISTILLED = 6.0  # scale of guidance inside the model, the pipeline's default


class HunyuanVideoBackbone(HunyuanVideo, Blockwise):
    """A HunyuanVideoPipeline's parts under our context."""

    def __init__(self, pipe: diffusers.HunyuanVideoPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        super().__init__(pipe, runtime=runtime, folder=folder)
        config = pipe.transformer.config
        if config.image_condition_type is not None:
            raise ValueError(f"{folder} makes videos from images; give the text-to-video HunyuanVideo")
        self.axes, self.theta = tuple(config.rope_axes_dim), config.rope_theta

    @torch.inference_mode()
    def pool_text(self, prompts: Sequence[str]) -> list[Tensor | None]:
        return [self._kept("pooled", self._heard(prompt), self._pool) for prompt in prompts]

    def _encode(self, prompt: str) -> Tensor:
        """Without the padding, which the model masks."""
        # what is given, if only as nothing, is not computed
        options = {"pooled_prompt_embeds": (), "max_sequence_length": self.longest, "device": self.runtime.device}
        features, _, mask = self.pipe.encode_prompt(prompt, **options)
        return features[:, mask[0].bool()]

    def _pool(self, prompt: str) -> Tensor:
        return self.pipe.encode_prompt(prompt, prompt_embeds=(), device=self.runtime.device)[1]

    def text_tokens(self, prompt: str) -> int:
        words = self.pipe.tokenizer(DEFAULT_PROMPT_TEMPLATE["template"].format(self._heard(prompt)))["input_ids"]
        return min(len(words) - DEFAULT_PROMPT_TEMPLATE["crop_start"], self.longest)

    def _set_timesteps(self, scheduler: diffusers.SchedulerMixin, steps: int) -> None:
        scheduler.set_timesteps(sigmas=torch.linspace(1, 0, steps + 1)[:-1].tolist(), device=self.runtime.device)

    def _tokens(self, run: Pass) -> list[Tensor]:
        model = run.model
        features = self._features(run.blocks)
        tokens = [self._embed(block) for block in run.blocks]
        for layer in model.transformer_blocks:
            tokens = _dual(layer, tokens, features, run)
        for layer in model.single_transformer_blocks:
            tokens = _single(layer, tokens, features, run)
        triples = zip(run.blocks, tokens, features, strict=True)
        return [model.norm_out(x, level) if is_shown(block) else x for block, x, level in triples]

    def _features(self, blocks: Sequence[Block]) -> list[Tensor]:
        """[B, D] of each block: its level, its shot's prompt in short, and the scale of guidance."""
        model = self.pipe.transformer
        levels, pooled = timesteps(blocks), {b.shot: b.pooled.to(model.dtype) for b in blocks if b.is_text}
        scale = levels.new_full(levels.shape[:1], DISTILLED * SCALE).to(model.dtype)
        scale = scale if model.config.guidance_embeds else None
        return [model.time_text_embed(levels[:, i], pooled[b.shot], scale)[0] for i, b in enumerate(blocks)]

    def _embed(self, block: Block) -> Tensor:
        model = self.pipe.transformer
        data = block.data.to(model.dtype)
        return model.context_embedder(data, timesteps([block])[:, 0]) if block.is_text else model.x_embedder(data)

    def _velocity(self, run: Pass, block: Block, tokens: Tensor) -> Tensor:
        t, h, w = block.grid
        out = run.model.proj_out(tokens)
        return rearrange(out, "b (t h w) (c p q) -> b c t (h p) (w q)", t=t, h=h, w=w, p=self.patch, q=self.patch)


def _dual(
    layer: HunyuanVideoTransformerBlock, tokens: list[Tensor], features: list[Tensor], run: Pass
) -> list[Tensor]:
    attention, heads, tables = layer.attn, [], []
    for block, x, level in zip(run.blocks, tokens, features, strict=True):
        y, *table = (layer.norm1_context if block.is_text else layer.norm1)(x, emb=level)
        heads.append(_text_heads(attention, y) if block.is_text else _heads(attention, y))
        tables.append([part[:, None] for part in table])
    out, pieces = [], zip(run.blocks, tokens, run.attend(heads), tables, strict=True)
    for block, x, y, (gate, shift, scale, gate_feed) in pieces:
        project = attention.to_add_out if block.is_text else attention.to_out[0]
        norm, feed = (layer.norm2_context, layer.ff_context) if block.is_text else (layer.norm2, layer.ff)
        seen = x + gate * project(y)
        out.append(seen + gate_feed * feed(norm(seen) * (1 + scale) + shift))
    return out


def _single(
    layer: HunyuanVideoSingleTransformerBlock, tokens: list[Tensor], features: list[Tensor], run: Pass
) -> list[Tensor]:
    inputs, gates = zip(*(layer.norm(x, emb=level) for x, level in zip(tokens, features, strict=True)), strict=True)
    heads = run.attend([_heads(layer.attn, x) for x in inputs])
    fed = [layer.act_mlp(layer.proj_mlp(x)) for x in inputs]
    joined = [torch.cat(pair, dim=2) for pair in zip(heads, fed, strict=True)]
    return [x + gate[:, None] * layer.proj_out(y) for x, gate, y in zip(tokens, gates, joined, strict=True)]


def _heads(attention: Attention, x: Tensor) -> Heads:
    parts = (attention.to_q, attention.to_k, attention.to_v)
    q, k, v = (part(x).unflatten(2, (attention.heads, -1)) for part in parts)
    return attention.norm_q(q), attention.norm_k(k), v


def _text_heads(attention: Attention, x: Tensor) -> Heads:
    parts = (attention.add_q_proj, attention.add_k_proj, attention.add_v_proj)
    q, k, v = (part(x).unflatten(2, (attention.heads, -1)) for part in parts)
    return attention.norm_added_q(q), attention.norm_added_k(k), v
