"""The pocket backbone: a small real model of the cartoon world, runnable on any laptop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor, nn

from engine.backbones.base import Start, Walked
from engine.backbones.pocket_codec import PocketCodec
from engine.backbones.pocket_text import PocketTextEncoder
from engine.backbones.pocket_transformer import PocketTransformer
from engine.backbones.pocket_words import DAMAGE, broken, token_ids, unknown_words
from engine.backbones.sizing import PocketSizes
from engine.context import Block, Layout, Memory
from engine.events import CancelToken
from engine.runtime import Runtime, choose_runtime, fingerprint, noise
from engine.samplers import add_noise, denoise, noise_levels
from engine.samplers.flow import Predict

TUNINGS = ("causal",)  # adapters that a recipe trains
PARTS = {"transformer": PocketTransformer, "text_encoder": PocketTextEncoder, "codec": PocketCodec}


class PocketBackbone(PocketSizes):
    """Codec, text encoder and transformer under one runtime."""

    name = "pocket"
    shift = 3.0  # of the sampler's schedule

    def __init__(
        self,
        *,
        transformer: PocketTransformer,
        text_encoder: PocketTextEncoder,
        codec: PocketCodec,
        runtime: Runtime,
        folder: Path,
    ) -> None:
        super().__init__(folder)
        self.runtime, self.folder = runtime, folder
        self.weights = fingerprint(*(folder / name for name in PARTS))
        self.transformer, self.text_encoder, self.codec = (
            _prepare(part, runtime) for part in (transformer, text_encoder, codec)
        )
        self.head = transformer.config.width // transformer.config.heads
        self.tunings: dict[str, PocketBackbone] = {}  # go with the backbone

    @classmethod
    def from_folder(cls, folder: Path, *, device: str | None = None) -> PocketBackbone:
        """Load the usual diffusers folders; ValueError names the missing or broken one."""
        disable_progress_bar()  # loading takes a second; a bar on stderr would be noise in every command
        parts = {}
        for name, kind in PARTS.items():
            try:
                parts[name] = kind.from_pretrained(folder / name, use_safetensors=True, torch_dtype=torch.float32)
            except DAMAGE as error:
                raise ValueError(broken(folder, name)) from error
        return cls(runtime=choose_runtime(device), folder=folder, **parts)

    def tuned(self, name: str) -> PocketBackbone:
        """The same codec and texts; a transformer of its own with the adapter ``assets/pocket/<name>`` melted in."""
        if name not in self.tunings:
            self.tunings[name] = self._tune(name)
        return self.tunings[name]

    def _tune(self, name: str) -> PocketBackbone:
        folder = self.folder / name
        if name not in TUNINGS:
            raise ValueError(
                f"{name} is a checkpoint on Wan (python -m engine --adopt {name}), not the pocket model's"
            )
        if not folder.is_dir():
            raise ValueError(f"{folder} is missing; python -m engine.training {name} --export {self.folder} trains it")
        try:
            transformer = PocketTransformer.from_pretrained(self.folder / "transformer", torch_dtype=torch.float32)
            transformer.load_lora_adapter(folder, prefix=None, use_safetensors=True)
        except DAMAGE as error:
            raise ValueError(broken(self.folder, name)) from error
        transformer.fuse_lora()
        transformer.unload_lora()
        tuned = copy(self)
        tuned.tunings = {}
        tuned.transformer = _prepare(transformer, self.runtime)
        tuned.weights = fingerprint(*(self.folder / part for part in PARTS), folder)
        return tuned

    def advice(self, method: str) -> str | None:  # noqa: ARG002 - it was trained for all
        return None

    @torch.inference_mode()
    def encode_text(self, prompts: Sequence[str]) -> list[Tensor]:
        features = []
        for prompt in prompts:
            ids = token_ids(self.tokenizer, prompt)[: self.longest]
            with self.runtime.autocast():
                features.append(self.text_encoder(torch.tensor([ids], device=self.runtime.device)))
        return features

    def encode_whole(self, parts: Sequence[str]) -> list[Tensor]:  # noqa: ARG002 - Wan's alone
        raise ValueError(f"{self.name} never learned prompts that are encoded as one text")

    def pool_text(self, prompts: Sequence[str]) -> list[Tensor | None]:
        return [None] * len(prompts)

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        with self.runtime.autocast():
            return self.codec.encode(pixels.to(self.runtime.device)).float()

    @torch.inference_mode()
    def decode(self, latents: Tensor, cancel: CancelToken | None = None) -> Tensor:
        if cancel:  # a shot is one piece, and a tenth of a second
            cancel.check()
        with self.runtime.autocast():
            return self.codec.decode(latents.to(self.runtime.device)).float()

    @torch.inference_mode()
    def predict(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> list[Tensor]:
        first = layout.after(past.tokens) if past else 0
        with self.runtime.autocast():
            velocities, _ = self.transformer(blocks[first:], layout, past=past)
        return [velocity.float() for velocity in velocities]

    @torch.inference_mode()
    def remember(self, blocks: Sequence[Block], layout: Layout, past: Memory | None = None) -> Memory:
        first = layout.after(past.tokens) if past else 0
        with self.runtime.autocast():
            return self.transformer.remember(blocks[first:], layout, past)

    def add_noise(self, latents: Tensor, noise: Tensor, level: float) -> Tensor:
        return add_noise(latents, noise, level)

    def denoise(self, shots: Mapping[int, Start], predict: Predict, steps: int) -> Iterator[Walked]:
        start = {k: noise((1, *shape), seed, self.runtime.device) for k, (shape, seed) in shots.items()}
        return denoise(start, predict, noise_levels(steps, shift=self.shift))

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return unknown_words(self.tokenizer, text)

    def record(self) -> dict[str, Any]:
        return {"backbone": self.name, "weights": self.weights, "torch": version("torch")}


def _prepare(part: nn.Module, runtime: Runtime) -> nn.Module:
    """Matrices go to the runtime's format once, so that autocast need not convert them at every step."""
    part.eval().requires_grad_(False).to(runtime.device)
    for module in part.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d):
            module.to(runtime.dtype)
    return part
