"""Wan 2.1 T2V and 2.2 T2V-A14B under our context, on diffusers' own modules.

All shots stand one after another on the time axis of one WanTransformer3DModel call; what changes is told to its
attention: positions from the layout instead of one grid, who sees whom, and which prompts a shot reads. Text is
cross-attended, so it takes no place. Wan was trained with one timestep a sample: several levels in one scene run,
but look as they should only after tuning (LCT). Legend: B batch, L picture tokens, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline, WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.backbones.folders import INDEX, check_parts, read_json
from engine.context import GLOBAL, Block, Layout, Memory, attend
from engine.runtime import Runtime, choose_runtime, fingerprint
from engine.samplers import clean
from engine.samplers.flow import Predict
from engine.shapes import VideoShape

THETA = 10_000.0
PARTS = {"transformer": "WanTransformer3DModel", "vae": "AutoencoderKLWan", "text_encoder": "UMT5EncoderModel"}


@dataclass(frozen=True, kw_only=True)
class _View:
    """One forward pass, as attention sees it; prompts: for each shot the text columns [N] that it reads."""

    layout: Layout
    turn: tuple[Tensor, Tensor]
    prompts: tuple[Tensor, ...]


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
        if encoder_hidden_states is None:
            out = attend(_turned(q, self.view.turn), _turned(k, self.view.turn), v, self.view.layout)
        else:
            pairs = zip(self.view.layout.spans, self.view.prompts, strict=True)
            parts = [scaled_dot_product_attention(q[:, :, s], k[:, :, n], v[:, :, n]) for s, n in pairs]
            out = torch.cat(parts, dim=2)
        return attn.to_out[1](attn.to_out[0](out.transpose(1, 2).flatten(2)))


class WanBackbone:
    """A WanPipeline's parts under our context."""

    name = "wan"
    cross_attends = True
    shift = 1.0  # the scheduler of the folder holds the shift
    guidance = 5.0
    steps = 50
    history_noise = 100
    window = 32_760  # 81 frames at 480 x 832, the longest that Wan was trained on

    def __init__(self, pipe: WanPipeline, *, runtime: Runtime, weights: str = "unsaved") -> None:
        self.pipe, self.runtime, self.weights = pipe, runtime, weights
        pipe.vae.enable_tiling()
        pipe.vae.enable_slicing()
        pipe.to(runtime.device)
        self.attention = SceneAttention()
        for model in (pipe.transformer, pipe.transformer_2):
            if model is not None:
                model.eval().requires_grad_(False).set_attn_processor(self.attention)
        self.patch = pipe.transformer.config.patch_size[1]

    @classmethod
    def from_folder(cls, folder: Path, *, device: str | None = None, runtime: Runtime | None = None) -> WanBackbone:
        """Load a pipeline folder (safetensors only); ValueError says which part is missing, wrong or damaged."""
        runtime = runtime or choose_runtime(device)
        two = (read_json(folder / INDEX).get("transformer_2") or [None])[0] is not None
        check_parts(folder, PARTS | ({"transformer_2": PARTS["transformer"]} if two else {}))
        options = {"use_safetensors": True, "local_files_only": True}
        try:
            pipe = WanPipeline.from_pretrained(folder, torch_dtype=runtime.dtype, **options)
        except Exception as error:  # safetensors, transformers and diffusers each raise their own
            raise ValueError(f"{folder} can't be loaded as a WanPipeline ({str(error).splitlines()[0]})") from error
        pipe.vae.to(torch.float32)
        return cls(pipe, runtime=runtime, weights=fingerprint(folder))

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        vae = self.pipe.vae.config
        strides = {"time_stride": vae.scale_factor_temporal, "space_stride": vae.scale_factor_spatial}
        return VideoShape(frames=frames, height=height, width=width, patch=self.patch, channels=vae.z_dim, **strides)

    @torch.inference_mode()
    def encode_text(self, prompts: Sequence[str]) -> list[Tensor]:
        """Padded with zeros to the length Wan was trained with; the model reads the padding too."""
        options = {"do_classifier_free_guidance": False, "max_sequence_length": 512, "device": self.runtime.device}
        return [self.pipe.encode_prompt(prompt, **options)[0] for prompt in prompts]

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        mean, std = self._statistics()
        return (self.pipe.vae.encode(pixels.to(self.runtime.device)).latent_dist.mode() - mean) / std

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        mean, std = self._statistics()
        return self.pipe.vae.decode(latents.to(self.runtime.device) * std + mean, return_dict=False)[0].float()

    @torch.inference_mode()
    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:  # noqa: ARG002
        pictures = [i for i, block in enumerate(blocks) if block.kind in ("noisy", "history")]
        shots = [blocks[i] for i in pictures]
        texts = [block for block in blocks if block.is_text]
        model = self._expert(shots)
        self.attention.view = _view(blocks, layout, pictures, width=model.config.attention_head_dim)
        velocity = model(
            hidden_states=torch.cat([block.data for block in shots], dim=2).to(model.dtype),
            timestep=self._timesteps(shots),
            encoder_hidden_states=torch.cat([block.data for block in texts], dim=1).to(model.dtype),
            return_dict=False,
        )[0]
        return list(velocity.float().split([block.grid[0] for block in shots], dim=2))

    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        raise NotImplementedError

    def tuned(self, name: str) -> WanBackbone:
        raise ValueError(f"{name} weights for Wan are not there yet")

    def text_tokens(self, prompt: str) -> int:  # noqa: ARG002 - all are padded to one length
        return 512

    def denoise(
        self, samples: dict[int, Tensor], predict: Predict, steps: int
    ) -> Iterator[tuple[int, dict[int, Tensor], dict[int, Tensor]]]:
        """The pipeline's own scheduler, one for each shot since multistep solvers remember; see samplers.denoise."""
        schedulers = {k: deepcopy(self.pipe.scheduler) for k in samples}
        for scheduler in schedulers.values():
            scheduler.set_timesteps(steps, device=self.runtime.device)
            scheduler.set_begin_index(0)
        first = next(iter(schedulers.values()))
        for i, t in enumerate(first.timesteps):
            velocities = predict(samples, float(t) / first.config.num_train_timesteps)
            estimates = {k: clean(x, velocities[k], float(first.sigmas[i])) for k, x in samples.items()}
            samples = {k: schedulers[k].step(velocities[k], t, x, return_dict=False)[0] for k, x in samples.items()}
            yield i + 1, samples, estimates

    def unknown_words(self, text: str) -> tuple[str, ...]:  # noqa: ARG002 - UMT5 reads every word
        return ()

    def record(self) -> dict[str, Any]:
        return {"backbone": self.name, "weights": self.weights, "diffusers": version("diffusers")}

    def _timesteps(self, shots: Sequence[Block]) -> Tensor:
        """[B] where all shots share one level, else one for each token [B, L]."""
        levels = torch.stack([block.noise for block in shots], dim=1) * self.pipe.scheduler.config.num_train_timesteps
        if torch.equal(levels, levels[:, :1].expand_as(levels)):
            return levels[:, 0]
        counts = torch.tensor([block.tokens for block in shots], device=levels.device)
        return levels.repeat_interleave(counts, dim=1)

    def _expert(self, shots: Sequence[Block]) -> WanTransformer3DModel:
        """A14B: one model above the boundary of the noise levels, one below; others have one model."""
        boundary = self.pipe.config.boundary_ratio
        level = max(float(block.noise.max()) for block in shots if block.kind == "noisy")
        return self.pipe.transformer if boundary is None or level >= boundary else self.pipe.transformer_2

    def _statistics(self) -> tuple[Tensor, Tensor]:
        vae = self.pipe.vae.config
        mean, std = (torch.tensor(x, device=self.runtime.device) for x in (vae.latents_mean, vae.latents_std))
        return mean.view(1, -1, 1, 1, 1), std.view(1, -1, 1, 1, 1)


def _view(blocks: Sequence[Block], layout: Layout, pictures: Sequence[int], *, width: int) -> _View:
    """The layout of the pictures alone, their rotation, and the columns of text that each shot reads."""
    spans, start = [], 0
    for i in pictures:
        spans.append(slice(start, start + blocks[i].tokens))
        start += blocks[i].tokens
    positions = torch.cat([layout.positions[:, layout.spans[i]] for i in pictures], dim=1)
    visible = tuple(tuple(n for n, k in enumerate(pictures) if k in layout.visible[i]) for i in pictures)
    own = Layout(spans=tuple(spans), positions=positions, keep=None, visible=visible)
    columns, start = {}, 0
    for i, block in enumerate(blocks):
        if block.is_text:
            columns[i] = torch.arange(start, start + block.tokens, device=positions.device)
            start += block.tokens
    prompts = []
    for i in pictures:
        read = [k for k in columns if k in layout.visible[i] and blocks[k].shot in (blocks[i].shot, GLOBAL)]
        prompts.append(torch.cat([columns[k] for k in read]))
    return _View(layout=own, turn=_rotation(positions, width), prompts=tuple(prompts))


def _rotation(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines [B, 1, L, D/2] on Wan's split of a head, in float64 as diffusers computes its tables."""
    side = 2 * (width // 6)
    angles = []
    for axis, dim in enumerate((width - 2 * side, side, side)):
        rates = THETA ** -(torch.arange(0, dim, 2, device=positions.device, dtype=torch.float64) / dim)
        angles.append(positions[..., axis, None].double() * rates)
    angle = torch.cat(angles, dim=-1)[:, None]
    return angle.cos().float(), angle.sin().float()


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Queries or keys [B, H, L, D] turned; neighbours in D pair up, unlike in ``engine.context.rotate``."""
    cos, sin = turn
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1).flatten(-2).type_as(x)
