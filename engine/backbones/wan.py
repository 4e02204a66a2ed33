"""Wan 2.1 T2V, 2.2 TI2V-5B and 2.2 T2V-A14B under our context, on diffusers' own modules.

All shots stand one after another on the time axis of one WanTransformer3DModel call; what changes is told to its
attention: positions from the layout instead of one grid, who sees whom, what is remembered, and which prompts a shot
reads. Legend: B batch, L picture tokens, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import WanPipeline, WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from engine.backbones.pipelines import SCALE, Pipeline, optional_part, timesteps
from engine.context import GLOBAL, Block, Layout, Memory, attend, is_shown, rotate_pairs, rotation
from engine.runtime import Runtime

THETA = 10_000.0
KnownLayer = tuple[Tensor, Tensor]  # keys and values [B, H, L, D]


@dataclass(frozen=True, kw_only=True)
class _View:
    """One forward pass, as attention sees it.

    texts: blocks that some shot reads. prompts: for each shot its rows and the columns of the texts that it reads.
    past: keys and values of what is remembered, for each layer; known: those that this pass adds.
    """

    layout: Layout
    turn: tuple[Tensor, Tensor]
    texts: tuple[Block, ...]
    prompts: tuple[tuple[slice, Tensor], ...]
    past: Iterator[KnownLayer] | None = None
    known: list[KnownLayer] = field(default_factory=list)


class SceneAttention:
    """An attention processor for WanAttention: its own projections and norms, our positions, masks and prompts."""

    view: _View

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,  # noqa: ARG002 - Wan never gives one
        rotary_emb: tuple[Tensor, Tensor] | None = None,  # noqa: ARG002 - of one grid; the layout's stands in its place
    ) -> Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.norm_q(attn.to_q(hidden_states)), attn.norm_k(attn.to_k(source)), attn.to_v(source)
        q, k, v = (x.unflatten(2, (attn.heads, -1)).transpose(1, 2) for x in (q, k, v))
        heads = self._among_shots(q, k, v) if encoder_hidden_states is None else self._to_prompts(q, k, v)
        return attn.to_out[1](attn.to_out[0](heads.transpose(1, 2).flatten(2)))

    def _among_shots(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        view = self.view
        q, k = rotate_pairs(q, view.turn), rotate_pairs(k, view.turn)
        view.known.append((k, v))
        if view.past is not None:
            before = next(view.past)
            k, v = torch.cat((before[0], k), dim=2), torch.cat((before[1], v), dim=2)
        return attend(q, k, v, view.layout)

    def _to_prompts(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = [
            scaled_dot_product_attention(q[:, :, rows], k[:, :, columns], v[:, :, columns])
            for rows, columns in self.view.prompts
        ]
        return torch.cat(parts, dim=2)


class WanBackbone(Pipeline):
    """A WanPipeline's parts under our context."""

    name = "wan"
    kind = "WanPipeline"
    parts: ClassVar = {
        "transformer": "WanTransformer3DModel",
        "vae": "AutoencoderKLWan",
        "text_encoder": "UMT5EncoderModel",
    }
    text = "crossed"
    codec = torch.float32  # as its authors ask
    fps = 16
    size = (480, 832)
    guidance = 5.0
    window = 32_760  # 81 frames at 480 x 832, the longest that Wan was trained on
    longest = 512

    def __init__(self, pipe: WanPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        super().__init__(pipe, runtime=runtime, folder=folder)
        self.attention = SceneAttention()
        for model in self.models:
            model.set_attn_processor(self.attention)
        if pipe.config.expand_timesteps:  # TI2V-5B
            self.fps, self.size = 24, (704, 1280)

    @property
    def models(self) -> list[nn.Module]:
        return [model for model in (self.pipe.transformer, self.pipe.transformer_2) if model is not None]

    @property
    def patch(self) -> int:
        return self.pipe.transformer.config.patch_size[1]

    @classmethod
    def _parts(cls, folder: Path) -> dict[str, str]:
        two = optional_part(folder, "transformer_2")
        return cls.parts | ({"transformer_2": cls.parts["transformer"]} if two else {})

    def _adapted(self, folder: Path) -> dict[str, Path]:
        second = {} if self.pipe.transformer_2 is None else {"transformer_2": folder / "transformer_2"}
        return {"transformer": folder, **second}

    def _load_adapter(self, name: str, part: str, folder: Path, **options: Any) -> None:
        super()._load_adapter(name, part, folder, **options, load_into_transformer_2=part == "transformer_2")

    def _encode(self, prompt: str) -> Tensor:
        """Padded with zeros to the length Wan was trained with; the model reads the padding too."""
        options = {"do_classifier_free_guidance": False, "max_sequence_length": self.longest}
        return self.pipe.encode_prompt(prompt, device=self.runtime.device, **options)[0]

    def text_tokens(self, prompt: str) -> int:  # noqa: ARG002 - all are padded to one length
        return self.longest

    @torch.inference_mode()
    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:
        shots = _running(blocks, layout, past)
        velocity = self._run(self._expert(shots), blocks, layout, past)
        return list(velocity.float().split([block.grid[0] for block in shots], dim=2))

    @torch.inference_mode()
    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        """The layers of all experts in a row, for a later call may need either."""
        if not _running(blocks, layout, past):
            return self._nothing(len(blocks[0].noise))
        layers = []
        for model in self.models:
            self._run(model, blocks, layout, past)
            layers += self.attention.view.known
        return Memory(layers=tuple(layers))

    def _run(
        self, model: WanTransformer3DModel, blocks: Sequence[Block], layout: Layout, past: Memory | None
    ) -> Tensor:
        """Velocities [B, C, t, h, w] of those shots that are not remembered, in a row."""
        self._switch(model)
        shots, depth = _running(blocks, layout, past), model.config.num_layers
        start = depth * self.models.index(model)
        known = iter(past.layers[start : start + depth]) if past else None
        view = _view(blocks, layout, past.tokens if past else 0, width=model.config.attention_head_dim)
        view = self.attention.view = replace(view, past=known)
        return model(
            hidden_states=torch.cat([block.data for block in shots], dim=2).to(model.dtype),
            timestep=self._timesteps(shots),
            encoder_hidden_states=torch.cat([block.data for block in view.texts], dim=1).to(model.dtype),
            return_dict=False,
        )[0]

    def _timesteps(self, shots: Sequence[Block]) -> Tensor:
        """[B] where all shots share one level, else one for each token [B, L]."""
        levels = timesteps(shots)
        if torch.equal(levels, levels[:, :1].expand_as(levels)) and not self.pipe.config.expand_timesteps:
            return levels[:, 0]
        counts = torch.tensor([block.tokens for block in shots], device=levels.device)
        return levels.repeat_interleave(counts, dim=1)

    def _expert(self, shots: Sequence[Block]) -> WanTransformer3DModel:
        """A14B: one model above the boundary of the noise levels, one below; others have one model."""
        boundary = self.pipe.config.boundary_ratio
        making = [block for block in shots if block.kind == "noisy"]
        if boundary is None or timesteps(making).max() >= boundary * SCALE:
            return self.pipe.transformer
        return self.pipe.transformer_2

    def _nothing(self, rows: int) -> Memory:
        """The memory of texts alone, which take no place in the sequence."""
        config, model = self.pipe.transformer.config, self.pipe.transformer
        shape = (rows, config.num_attention_heads, 0, config.attention_head_dim)
        empty = torch.empty(shape, dtype=model.dtype, device=model.device)
        return Memory(layers=((empty, empty),) * (config.num_layers * len(self.models)))

    def _statistics(self) -> tuple[Tensor, Tensor]:
        vae = self.pipe.vae.config
        mean, std = (torch.tensor(x, device=self.runtime.device) for x in (vae.latents_mean, vae.latents_std))
        return mean.view(1, -1, 1, 1, 1), std.view(1, -1, 1, 1, 1)


def _running(blocks: Sequence[Block], layout: Layout, past: Memory | None) -> list[Block]:
    """Shots that are not remembered."""
    return [block for block in blocks[layout.after(past.tokens) if past else 0 :] if is_shown(block)]


def _view(blocks: Sequence[Block], layout: Layout, before: int, *, width: int) -> _View:
    """The layout after ``before`` tokens with its rotation, and the columns of text that each shot reads."""
    shots = [i for i, block in enumerate(blocks) if is_shown(block) and layout.spans[i].start >= before]
    read = {i: [k for k in layout.visible[i] if _reads(blocks[i], blocks[k])] for i in shots}
    columns, start = {}, 0
    for k in sorted({k for seen in read.values() for k in seen}):
        columns[k] = torch.arange(start, start + blocks[k].tokens, device=layout.positions.device)
        start += blocks[k].tokens
    prompts = []
    for i in shots:
        rows = slice(layout.spans[i].start - before, layout.spans[i].stop - before)
        prompts.append((rows, torch.cat([columns[k] for k in read[i]])))
    return _View(
        layout=layout,
        turn=rotation(layout.positions[:, before:], _axes(width), theta=THETA),
        texts=tuple(blocks[k] for k in columns),
        prompts=tuple(prompts),
    )


def _reads(shot: Block, prompt: Block) -> bool:
    """A shot reads its own prompt and the scene's."""
    return prompt.is_text and prompt.shot in (shot.shot, GLOBAL)


def _axes(width: int) -> tuple[int, int, int]:
    """How Wan shares a head among (t, h, w)."""
    side = 2 * (width // 6)
    return width - 2 * side, side, side
