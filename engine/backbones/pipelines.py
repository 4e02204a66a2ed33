"""What the adapters of diffusers pipelines share: loading, codec, prompts, adapters, schedulers and records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import diffusers
import torch
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor, nn
from transformers.utils import logging as quieter_transformers

from engine.backbones.base import Start, Walked
from engine.backbones.folders import check_parts, identity, reader, reason
from engine.backbones.kinds import ADAPTER, Kind
from engine.backbones.offload import Parts
from engine.backbones.prompts import PromptCache
from engine.context import CUT, Block
from engine.events import Cancelled, CancelToken
from engine.runtime import Runtime, choose_runtime, noise, place_weights
from engine.samplers import add_noise, clean
from engine.samplers.flow import Predict
from engine.shapes import VideoShape

SCALE = 1_000  # timesteps in training: level 1 is timestep 1000


class Pipeline(Kind):
    """A diffusers pipeline under our context; each model's adapter says how its transformer reads blocks.

    Models that were trained with one timestep a sample (all but Wan 2.2 TI2V-5B) run scenes of several levels, such as
    given shots at their t_c, but such scenes look as they should only after tuning (LCT).
    """

    def __init__(self, pipe: diffusers.DiffusionPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        self.pipe, self.runtime, self.folder = pipe, runtime, folder
        self.window = self.window_of(folder)
        self.weights = identity(*self._weighty()) if folder else "unsaved"
        told = [name for name in pipe.components if name.startswith(("text_encoder", "tokenizer"))]
        self.reader = reader(*(folder / name for name in told)) if folder else "unsaved"
        self.adapter: str | None = None
        self.tunings: dict[str, Self] = {}  # here, not in a cache of the class, which would keep all of them for good
        pipe.vae.enable_tiling()
        pipe.vae.enable_slicing()
        for model in self.models:
            model.eval().requires_grad_(False)
        modules = [part for part in pipe.components.values() if isinstance(part, nn.Module)]
        self.inside = Parts(modules, [*self.models, *self.encoders], runtime)

    @property
    def models(self) -> list[nn.Module]:
        return [self.pipe.transformer]

    @property
    def encoders(self) -> list[nn.Module]:
        """What reads prompts."""
        return [part for name, part in self.pipe.components.items() if name.startswith("text_encoder")]

    def unread(self, prompt: str) -> int:  # noqa: ARG002 - the pipeline cuts as its authors do
        return 0

    @property
    def patch(self) -> int:
        return self.pipe.transformer.config.patch_size

    @property
    def head(self) -> int:
        return self.pipe.transformer.config.attention_head_dim

    @classmethod
    def from_folder(
        cls, folder: Path, *, device: str | None = None, runtime: Runtime | None = None, offload: str | None = None
    ) -> Self:
        """Load a pipeline folder (safetensors only); ValueError says which part is missing, wrong or damaged.

        offload: where weights wait (``runtime.OFFLOADS``); None puts them as far away as they must be to fit.
        """
        runtime = runtime or choose_runtime(device)
        check_parts(folder, cls.parts_of(folder))
        _, memory, part = cls.weigh(folder, runtime.dtype)
        runtime = place_weights(runtime, offload, name=folder.name, memory=memory, part=part)
        disable_progress_bar()
        quieter_transformers.disable_progress_bar()
        formats = {"default": runtime.dtype, "vae": cls.codec or runtime.dtype}
        options = {"use_safetensors": True, "local_files_only": True, "dtype": formats}
        try:
            pipe = getattr(diffusers, cls.kind).from_pretrained(folder, **options)
        except Exception as error:  # safetensors, transformers and diffusers each raise their own
            raise ValueError(f"{folder} can't be loaded as a {cls.kind} ({reason(error)})") from error
        for name in cls.parts_of(folder):
            if any(weight.is_meta for weight in getattr(pipe, name).parameters()):
                raise ValueError(f"{folder / name} lacks some of its weights; download the folder again")
        return cls(pipe, runtime=runtime, folder=folder)

    def _weighty(self) -> list[Path]:
        return [self.folder / part for part in self.parts_of(self.folder)]

    def tuned(self, name: str) -> Self:
        """The same weights with the LoRA in the folder's ``<name>``; it is switched on for its own calls alone."""
        if name not in self.tunings:
            self.tunings[name] = self._tune(name)
        return self.tunings[name]

    def _tune(self, name: str) -> Self:
        if self.folder is None or not (self.folder / name / ADAPTER).is_file():
            raise ValueError(self._untuned(name, self.folder))
        tuned = copy(self)
        for part, inside in self._adapted(self.folder / name).items():
            self._load_adapter(name, part, inside)
        tuned.adapter, tuned.tunings = name, {}
        tuned.weights = identity(*self._weighty(), self.folder / name)
        return tuned

    def _adapted(self, folder: Path) -> dict[str, Path]:
        """For each transformer the folder of its LoRA inside that of all."""
        return {"transformer": folder}

    def _load_adapter(self, name: str, part: str, folder: Path, **options: Any) -> None:
        file = folder / ADAPTER
        if not file.is_file():
            raise ValueError(f"{file} is missing; it holds the LoRA of the {part}")
        try:
            self.pipe.load_lora_weights(folder, weight_name=ADAPTER, adapter_name=name, **options)
        except Exception as error:  # peft and diffusers each raise their own
            raise ValueError(f"{file} is no LoRA for {self.name} ({reason(error)})") from error
        if name not in self.pipe.get_list_adapters().get(part, ()):
            raise ValueError(f"{file} is no LoRA for {self.name} (it names no layer of the {part})")

    def _switch(self, model: nn.Module) -> None:
        """The model on its device, with adapters as this backbone wants them; copies of it share the model."""
        self.inside.use(model)
        loaded = self.pipe.get_list_adapters()
        if not any(names and getattr(self.pipe, part) is model for part, names in loaded.items()):
            return
        if self.adapter is None:
            model.disable_adapters()
        else:
            model.set_adapter(self.adapter)
            model.enable_adapters()

    def advice(self, method: str) -> str | None:
        return None if self.adapter is not None else self._unlearned(method, self.folder)

    def shape(self, frames: int, height: int, width: int) -> VideoShape:
        self.check_length(frames)
        strides = {
            "time_stride": self.pipe.vae_scale_factor_temporal,
            "space_stride": self.pipe.vae_scale_factor_spatial,
        }
        channels = self.pipe.transformer.config.in_channels
        return VideoShape(frames=frames, height=height, width=width, patch=self.patch, channels=channels, **strides)

    @torch.inference_mode()
    def encode_text(self, prompts: Sequence[str]) -> list[Tensor]:
        return [self._kept("tokens", self._heard(prompt), self._encode) for prompt in prompts]

    def _heard(self, prompt: str) -> str:
        """Without LCT's mark of a cut, which only weights tuned for LCT know as more than odd words."""
        return prompt if self.adapter is not None else prompt.removeprefix(f"{CUT} ")

    def encode_whole(self, parts: Sequence[str]) -> list[Tensor]:  # noqa: ARG002 - Wan's alone
        raise ValueError(f"{self.name} never learned prompts that are encoded as one text")

    def pool_text(self, prompts: Sequence[str]) -> list[Tensor | None]:
        return [None] * len(prompts)

    def _encode(self, prompt: str) -> Tensor:
        """Features [1, N, D] of a prompt."""
        raise NotImplementedError

    def _kept(self, what: str, prompt: str, encode: Callable[[str], Tensor]) -> Tensor:
        """From the cache, where the encoder is one that can be told from others."""

        def run(prompt: str) -> Tensor:
            self.inside.use(*self.encoders)
            return encode(prompt)

        if self.folder is None:
            return run(prompt)
        versions = " ".join(map(version, ("diffusers", "transformers")))
        encoder = f"{self.name} {self.reader} {versions} {self.runtime.dtype} {self.longest} {what}"
        return PromptCache(encoder)(prompt, run).to(self.runtime.device)

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        vae = self._codec()
        mean, std = self._statistics()
        latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
        return ((latents - mean) / std).float()

    @torch.inference_mode()
    def decode(self, latents: Tensor, cancel: CancelToken | None = None) -> Tensor:
        vae = self._codec()
        mean, std = self._statistics()
        with _stopped(vae, cancel or CancelToken()):
            return vae.decode((latents.to(vae.device) * std + mean).to(vae.dtype), return_dict=False)[0].float()

    def _codec(self) -> nn.Module:
        self.inside.use(self.pipe.vae)
        return self.pipe.vae

    def _statistics(self) -> tuple[Tensor | float, Tensor | float]:
        """What to subtract from the codec's latents, and then to divide by."""
        return 0.0, 1 / self.pipe.vae.config.scaling_factor

    def add_noise(self, latents: Tensor, noise: Tensor, level: float) -> Tensor:
        return add_noise(latents, noise, level)

    def denoise(self, shots: Mapping[int, Start], predict: Predict, steps: int) -> Iterator[Walked]:
        """The pipeline's own scheduler, one for each shot since multistep solvers remember."""
        samples = {k: noise((1, *shape), seed, self.runtime.device) for k, (shape, seed) in shots.items()}
        schedulers = {k: deepcopy(self.pipe.scheduler) for k in samples}
        for scheduler in schedulers.values():
            self._set_timesteps(scheduler, steps)
            scheduler.set_begin_index(0)
        first = next(iter(schedulers.values()))
        for i, t in enumerate(first.timesteps):
            velocities = predict(samples, float(t) / SCALE)
            estimates = {k: clean(x, velocities[k], float(first.sigmas[i])) for k, x in samples.items()}
            samples = {k: schedulers[k].step(velocities[k], t, x, return_dict=False)[0] for k, x in samples.items()}
            yield i + 1, samples, estimates

    def _set_timesteps(self, scheduler: diffusers.SchedulerMixin, steps: int) -> None:
        scheduler.set_timesteps(steps, device=self.runtime.device)

    def unknown_words(self, text: str) -> tuple[str, ...]:  # noqa: ARG002 - these encoders read every word
        return ()

    def record(self) -> dict[str, Any]:
        versions = {name: version(name) for name in ("diffusers", "torch")}
        return {"backbone": self.name, "weights": self.weights, "lora": self.adapter} | versions


@contextmanager
def _stopped(vae: nn.Module, cancel: CancelToken) -> Iterator[None]:
    """Read ``cancel`` before every call of the codec's decoder, which gets some frames or a tile at a time."""
    hook = vae.decoder.register_forward_pre_hook(lambda *_: cancel.check())
    try:
        yield
    except Cancelled:
        if hasattr(vae, "clear_cache"):
            vae.clear_cache()  # what it remembers of frames that do not go on
        raise
    finally:
        hook.remove()


def timesteps(blocks: Sequence[Block]) -> Tensor:
    """The timestep [B] of each block, stacked to [B, M], free of the rounding that levels bring."""
    return (
        (torch.stack([block.noise for block in blocks], dim=1).double() * SCALE).mul(SCALE).round().div(SCALE).float()
    )
