"""What the adapters of diffusers pipelines share: loading, codec, prompts, adapters, schedulers and records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import diffusers
import torch
from diffusers.utils.logging import disable_progress_bar
from torch import Tensor, nn
from transformers.utils import logging as quieter_transformers

from engine.backbones.base import Start, Walked
from engine.backbones.folders import INDEX, check_parts, identity, read_json, reader, weights_of
from engine.backbones.offload import Parts
from engine.backbones.prompts import PromptCache
from engine.context import CUT, Block
from engine.events import Cancelled, CancelToken
from engine.runtime import Runtime, choose_runtime, noise, place_weights
from engine.samplers import add_noise, clean
from engine.samplers.flow import Predict
from engine.shapes import VideoShape

ADAPTER = "pytorch_lora_weights.safetensors"
SCALE = 1_000  # timesteps in training: level 1 is timestep 1000


class Pipeline:
    """A diffusers pipeline under our context; each model's adapter says how its transformer reads blocks.

    Models that were trained with one timestep a sample (all but Wan 2.2 TI2V-5B) run scenes of several levels, such as
    given shots at their t_c, but such scenes look as they should only after tuning (LCT).
    """

    name: ClassVar[str]
    kind: ClassVar[str]  # the pipeline's class
    parts: ClassVar[dict[str, str]]
    codec: ClassVar[torch.dtype | None] = None  # number format of the codec, where it is not the runtime's
    text: ClassVar[Literal["unplaced", "crossed"]]
    fps: int
    size: tuple[int, int]
    guidance: float
    steps = 50
    window: int
    history_noise = 100
    longest: int  # tokens of a prompt

    def __init__(self, pipe: diffusers.DiffusionPipeline, *, runtime: Runtime, folder: Path | None = None) -> None:
        self.pipe, self.runtime, self.folder = pipe, runtime, folder
        self.weights = identity(*self._weighty()) if folder else "unsaved"
        told = [name for name in pipe.components if name.startswith(("text_encoder", "tokenizer"))]
        self.reader = reader(*(folder / name for name in told)) if folder else "unsaved"
        self.adapter: str | None = None
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

    @property
    def patch(self) -> int:
        return self.pipe.transformer.config.patch_size

    @classmethod
    def weigh(cls, folder: Path, dtype: torch.dtype) -> tuple[int, int, int]:
        """Bytes of the folder's weights: on disk, in memory, and of the largest part in memory."""
        sizes = {name: weights_of(folder / name) for name in cls.parts_of(folder)}
        widths = {name: (cls.codec or dtype if name == "vae" else dtype).itemsize for name in sizes}
        loaded = [count * widths[name] for name, (_, count) in sizes.items()]
        return sum(size for size, _ in sizes.values()), sum(loaded), max(loaded)

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
            raise ValueError(f"{folder} can't be loaded as a {cls.kind} ({str(error).splitlines()[0]})") from error
        for name in cls.parts_of(folder):
            if any(weight.is_meta for weight in getattr(pipe, name).parameters()):
                raise ValueError(f"{folder / name} lacks some of its weights; download the folder again")
        return cls(pipe, runtime=runtime, folder=folder)

    def _weighty(self) -> list[Path]:
        return [self.folder / part for part in self.parts_of(self.folder)]

    @classmethod
    def parts_of(cls, folder: Path) -> dict[str, str]:  # noqa: ARG003 - some pipelines have parts that others lack
        """The parts of this folder's pipeline, and the class that each must be."""
        return cls.parts

    @classmethod
    def films(cls, folder: Path) -> tuple[int, tuple[int, int]]:  # noqa: ARG003 - it depends on the folder for some
        """Frames a second, and height and width, of the films that the folder's model learned from."""
        return cls.fps, cls.size

    @classmethod
    def clip(cls, folder: Path, frames: int) -> VideoShape:
        """A clip of the folder's own size, as its settings have it; nothing is loaded."""
        vae, model = (read_json(folder / part / "config.json") for part in ("vae", "transformer"))
        _, (height, width) = cls.films(folder)
        time, space = cls._strides(vae)
        patch = model["patch_size"] if isinstance(model["patch_size"], int) else model["patch_size"][1]
        return VideoShape(frames=frames, height=height, width=width, time_stride=time, space_stride=space, patch=patch)

    @classmethod
    def _strides(cls, vae: Mapping[str, Any]) -> tuple[int, int]:
        """Frames, and pixels, to a cell of the codec's latents."""
        return vae.get("temporal_compression_ratio", 4), vae.get("spatial_compression_ratio", 8)

    @classmethod
    def wanting(cls, method: str, tuning: str | None, folder: Path) -> tuple[bool, str | None]:
        """Whether a method can be asked of the folder's model, and what good films would take; nothing is loaded."""
        if tuning is not None:
            there = (folder / tuning / ADAPTER).is_file()
            return there, None if there else cls._untuned(tuning, folder)
        return True, cls._unlearned(method, folder)

    @classmethod
    def _untuned(cls, tuning: str, folder: Path | None) -> str:
        return (
            f"{cls.name} needs weights tuned for {tuning} (LCT section 3.3: 1,000 to 9,000 updates on scenes of "
            f"several shots); as a LoRA they belong into {folder and folder / tuning / ADAPTER}"
        )

    @classmethod
    def _unlearned(cls, method: str, folder: Path | None) -> str | None:
        if method == "independent":
            return None
        levels = "" if folder and cls.many_levels(folder) else " at one noise level each"
        return (
            f"{cls.name} learned from single shots{levels}, so {method} runs but its shots agree only with weights "
            "tuned on scenes (LCT section 4.1: 135,000 updates); independent is what it knows"
        )

    @classmethod
    def many_levels(cls, folder: Path) -> bool:  # noqa: ARG003 - one model alone
        """Whether the folder's model was trained with a noise level for every token."""
        return False

    @cache  # noqa: B019 - a backbone lives as long as its process, and its tunings with it
    def tuned(self, name: str) -> Self:
        """The same weights with the LoRA in the folder's ``<name>``; it is switched on for its own calls alone."""
        if self.folder is None or not (self.folder / name / ADAPTER).is_file():
            raise ValueError(self._untuned(name, self.folder))
        tuned = copy(self)
        for part, inside in self._adapted(self.folder / name).items():
            self._load_adapter(name, part, inside)
        tuned.adapter = name
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
            raise ValueError(f"{file} is no LoRA for {self.name} ({str(error).splitlines()[0]})") from error
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
        return {"backbone": self.name, "weights": self.weights, "diffusers": version("diffusers")}


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


def optional_part(folder: Path, name: str) -> bool:
    """Whether a pipeline has a component that others of its class lack."""
    entry = read_json(folder / INDEX).get(name)
    return isinstance(entry, list) and entry[0] is not None


def timesteps(blocks: Sequence[Block]) -> Tensor:
    """The timestep [B] of each block, stacked to [B, M], free of the rounding that levels bring."""
    return (
        (torch.stack([block.noise for block in blocks], dim=1).double() * SCALE).mul(SCALE).round().div(SCALE).float()
    )
