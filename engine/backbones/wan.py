"""Wan 2.1 T2V, 2.2 TI2V-5B and 2.2 T2V-A14B under our context, on diffusers' own modules.

Text is cross-attended: it takes no place in the sequence, and every shot reads its own prompt and the scene's. What
Wan keeps in float32 stays so. Legend as in ``blockwise``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from einops import rearrange
from torch import Tensor, nn

from engine.backbones.adopting import adopted
from engine.backbones.blockwise import Blockwise, Pass
from engine.backbones.kinds import TI2V, Wan
from engine.backbones.pipelines import SCALE, timesteps
from engine.backbones.wan_reading import Reader, heads_of
from engine.context import Block, Layout, Memory, is_shown
from engine.runtime import Runtime


class WanBackbone(Wan, Blockwise):
    """A WanPipeline's parts under our context."""

    theta = 10_000.0

    def __init__(self, pipe: WanPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        super().__init__(pipe, runtime=runtime, folder=folder)
        width = pipe.transformer.config.attention_head_dim
        side = 2 * (width // 6)
        self.axes = (width - 2 * side, side, side)
        if pipe.config.expand_timesteps:
            self.fps, self.size = TI2V

    @property
    def knows(self) -> str | None:
        """The method of a published multi-shot checkpoint that this folder's weights are (``adopt``)."""
        return adopted(self.folder)

    def tuned(self, name: str) -> WanBackbone:
        return self if self.knows == name else super().tuned(name)

    def advice(self, method: str) -> str | None:
        return None if self.adapter is not None else self.wanting(method, None, self.folder)[1]

    @property
    def models(self) -> list[nn.Module]:
        return [model for model in (self.pipe.transformer, self.pipe.transformer_2) if model is not None]

    @property
    def patch(self) -> int:
        return self.pipe.transformer.config.patch_size[1]

    def _adapted(self, folder: Path) -> dict[str, Path]:
        second = {} if self.pipe.transformer_2 is None else {"transformer_2": folder / "transformer_2"}
        return {"transformer": folder, **second}

    def _load_adapter(self, name: str, part: str, folder: Path, **options: Any) -> None:
        super()._load_adapter(name, part, folder, **options, load_into_transformer_2=part == "transformer_2")

    def _encode(self, prompt: str) -> Tensor:
        """Padded with zeros to the length Wan was trained with; the model reads the padding too."""
        options = {"do_classifier_free_guidance": False, "max_sequence_length": self.longest}
        return self.pipe.encode_prompt(prompt, device=self.runtime.device, **options)[0]

    @torch.inference_mode()
    def encode_whole(self, parts: Sequence[str]) -> list[Tensor]:
        """The parts' tokens by the places of their characters; the end mark belongs to the last."""
        whole = "".join(parts)
        features = self._kept("tokens", whole, self._encode)
        marks = self.pipe.tokenizer(whole, return_offsets_mapping=True, truncation=True, max_length=self.longest)
        ends = torch.tensor([len(part) for part in parts]).cumsum(0)
        last = torch.tensor([end or len(whole) for _, end in marks["offset_mapping"]])
        counts = torch.bincount(torch.searchsorted(ends, last), minlength=len(parts))
        return list(features[:, : counts.sum()].split(counts.tolist(), dim=1))

    def text_tokens(self, prompt: str) -> int:  # noqa: ARG002 - all are padded to one length
        return self.longest

    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        if any(is_shown(block) for block in blocks[layout.after(past.tokens) if past else 0 :]):
            return super().remember(blocks, layout, past)
        config, model = self.pipe.transformer.config, self.pipe.transformer  # texts alone take no place
        shape = (len(blocks[0].noise), config.num_attention_heads, 0, config.attention_head_dim)
        empty = torch.empty(shape, dtype=model.dtype, device=self.runtime.device)
        return Memory(layers=((empty, empty),) * (config.num_layers * len(self.models)))

    def _chosen(self, blocks: Sequence[Block]) -> int:
        """A14B: one model above the boundary of the noise levels, one below; others have one model."""
        boundary = self.pipe.config.boundary_ratio
        making = [block for block in blocks if block.kind == "noisy"]
        return int(boundary is not None and bool(timesteps(making).max() < boundary * SCALE))

    def _tokens(self, run: Pass) -> list[Tensor]:
        model, blocks = run.model, run.blocks
        embed, reader = model.condition_embedder, Reader(run)
        level, table, _, _ = embed(timesteps(blocks).flatten(), reader.none, None)
        tables = table.unflatten(0, (-1, len(blocks))).unflatten(-1, (6, -1))
        tokens = [model.patch_embedding(b.data.to(model.dtype)).flatten(2).transpose(1, 2) for b in blocks]
        for index, layer in enumerate(model.blocks):
            tokens = _layer(layer, tokens, tables, run, index)
            tokens = reader(layer, tokens, index)
            tokens = _fed(layer, tokens, tables)
        levels = level.unflatten(0, (-1, len(blocks)))
        return [_last(model, x, levels[:, i]) for i, x in enumerate(tokens)]

    def _velocity(self, run: Pass, block: Block, tokens: Tensor) -> Tensor:
        t, h, w = block.grid
        out = run.model.proj_out(tokens)
        return rearrange(out, "b (t h w) (p q c) -> b c t (h p) (w q)", t=t, h=h, w=w, p=self.patch, q=self.patch)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        vae = self.pipe.vae.config
        mean, std = (torch.tensor(x, device=self.runtime.device) for x in (vae.latents_mean, vae.latents_std))
        return mean.view(1, -1, 1, 1, 1), std.view(1, -1, 1, 1, 1)


def _layer(layer: WanTransformerBlock, tokens: list[Tensor], tables: Tensor, run: Pass, index: int) -> list[Tensor]:
    """Attention among the shots."""
    heads, gates = [], []
    for i, x in enumerate(tokens):
        shift, scale, gate = (layer.scale_shift_table + tables[:, i].float())[:, :3].chunk(3, dim=1)
        y = _scaled(layer.norm1, x, scale, shift)
        heads.append(heads_of(layer.attn1, y, y))
        gates.append(gate)
    seen = zip(tokens, run.attend(heads, index), gates, strict=True)
    return [(x.float() + layer.attn1.to_out[0](y) * gate).type_as(x) for x, y, gate in seen]


def _fed(layer: WanTransformerBlock, tokens: list[Tensor], tables: Tensor) -> list[Tensor]:
    out = []
    for i, x in enumerate(tokens):
        shift, scale, gate = (layer.scale_shift_table + tables[:, i].float())[:, 3:].chunk(3, dim=1)
        fed = layer.ffn(_scaled(layer.norm3, x, scale, shift))
        out.append((x.float() + fed.float() * gate).type_as(x))
    return out


def _last(model: nn.Module, x: Tensor, level: Tensor) -> Tensor:
    shift, scale = (model.scale_shift_table + level[:, None]).chunk(2, dim=1)
    return _scaled(model.norm_out, x, scale, shift)


def _scaled(norm: nn.Module, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return (norm(x.float()) * (1 + scale) + shift).type_as(x)
