"""Wan in its published shapes with random weights: what speed and memory are measured on where no weights are."""

from __future__ import annotations

from dataclasses import dataclass

import diffusers
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from engine.backbones.wan import WanBackbone
from engine.runtime import Runtime
from engine.shapes import VideoShape

TEXT = 4_096  # width of its text encoder's features
SIGNS = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


@dataclass(frozen=True, kw_only=True)
class WanShape:
    """A published transformer. clips: (frames, height, width) that its speed is told for."""

    heads: int
    feed: int
    channels: int
    stride: int  # of its codec in pixels
    clips: tuple[tuple[int, int, int], ...]
    layers: int = 30
    head: int = 128
    prompt: int = WanBackbone.longest

    @property
    def width(self) -> int:
        return self.heads * self.head

    def clip(self, frames: int, height: int, width: int) -> VideoShape:
        return VideoShape(frames=frames, height=height, width=width, space_stride=self.stride, channels=self.channels)

    def flops(self, tokens: int) -> tuple[float, float]:
        """(attention, all else) of one forward pass: multiplications and additions, cross-attention included."""
        d, m = self.width, self.prompt
        attention = 4 * tokens**2 * d + 4 * tokens * m * d
        rest = 12 * tokens * d**2 + 4 * m * d**2 + 4 * tokens * d * self.feed
        return float(self.layers * attention), float(self.layers * rest)


SHAPES = {
    "1.3B": WanShape(heads=12, feed=8_960, channels=16, stride=8, clips=((81, 480, 832),)),
    "5B": WanShape(heads=24, feed=14_336, channels=48, stride=16, clips=((81, 480, 832), (121, 704, 1280))),
    "tiny": WanShape(heads=2, head=12, feed=32, channels=16, stride=8, clips=((5, 32, 48),), layers=2),
}


def random_wan(shape: WanShape, runtime: Runtime, *, layers: int | None = None) -> WanBackbone:
    """A backbone of this shape (or with fewer layers); its text encoder and codec are as small as they can be."""
    wide = shape.stride > 8
    own = {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16}
    own |= {"latents_mean": [0.0] * shape.channels, "latents_std": [1.0] * shape.channels}
    sizes = {"d_model": TEXT, "d_kv": 8, "d_ff": 8, "num_layers": 1, "num_heads": 1, "vocab_size": len(SIGNS)}
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
    with torch.device("cpu"):
        pipe = diffusers.WanPipeline(
            tokenizer=_tokenizer(),
            text_encoder=UMT5EncoderModel(UMT5Config(**sizes)),
            vae=diffusers.AutoencoderKLWan(
                base_dim=3, z_dim=shape.channels, dim_mult=[1, 1, 1, 1], num_res_blocks=1, **(own if wide else {})
            ),
            scheduler=diffusers.UniPCMultistepScheduler(num_train_timesteps=1000, **flow),
            transformer=_transformer(shape, runtime, layers or shape.layers),
            expand_timesteps=wide,
        )
    pipe.set_progress_bar_config(disable=True)
    pipe.text_encoder.to(runtime.dtype).eval()
    pipe.vae.eval()
    return WanBackbone(pipe, runtime=runtime)


def _transformer(shape: WanShape, runtime: Runtime, layers: int) -> diffusers.WanTransformer3DModel:
    """Made where it will run, in its number format but for what Wan keeps in float32."""
    kinds = {"num_attention_heads": shape.heads, "attention_head_dim": shape.head, "ffn_dim": shape.feed}
    kinds |= {"in_channels": shape.channels, "out_channels": shape.channels, "num_layers": layers, "text_dim": TEXT}
    with torch.device(runtime.device):
        model = diffusers.WanTransformer3DModel(**kinds)
    kept = tuple(model._keep_in_fp32_modules)  # noqa: SLF001 - what diffusers itself goes by when it loads
    for name, weight in model.named_parameters():
        if not any(part in name.split(".") for part in kept):
            weight.data = weight.data.to(runtime.dtype)
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    words = {word: i for i, word in enumerate(SIGNS.values())}
    raw = Tokenizer(models.WordLevel(words, unk_token=SIGNS["unk_token"]))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=raw, **SIGNS)
