"""What is known of the big models without loading them or the libraries that run them: read from their folders."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch

from engine.backbones.adopting import SOURCES, adopted, own_window
from engine.backbones.folders import INDEX, Part, is_there, read_json, weights_of

ADAPTER = "pytorch_lora_weights.safetensors"
TI2V = (24, (704, 1280))  # frames a second, and size, of TI2V-5B
CHUNK = 8  # frames that the codec takes at a time after the first


class Kind:
    """A kind of diffusers pipeline; the adapters (``Pipeline``) are these with weights."""

    name: ClassVar[str]
    kind: ClassVar[str]  # the pipeline's class
    parts: ClassVar[dict[str, str]]
    codec: ClassVar[torch.dtype | None] = None  # number format of the codec, where it is not the runtime's
    text: ClassVar[Literal["unplaced", "crossed"]]
    fps: int
    size: tuple[int, int]
    guidance: float
    history_guidance = 1.0  # costs a pass more, and nobody has measured yet that it helps them
    steps = 50
    window: int
    history_noise = 100
    longest: int  # tokens of a prompt

    @classmethod
    def weigh(cls, folder: Path, dtype: torch.dtype) -> tuple[int, int, int]:
        """Bytes of the folder's weights: on disk, in memory, and of the largest part in memory."""
        sizes = {name: weights_of(folder / name) for name in cls.parts_of(folder)}
        widths = {name: (cls.codec or dtype if name == "vae" else dtype).itemsize for name in sizes}
        loaded = [count * widths[name] for name, (_, count) in sizes.items()]
        return sum(size for size, _ in sizes.values()), sum(loaded), max(loaded)

    @classmethod
    def parts_of(cls, folder: Path) -> dict[str, str]:  # noqa: ARG003 - some pipelines have parts that others lack
        """The parts of this folder's pipeline, and the class that each must be."""
        return cls.parts

    @classmethod
    def films(cls, folder: Path) -> tuple[int, tuple[int, int]]:  # noqa: ARG003 - it depends on the folder for some
        """Frames a second, and height and width, of the films that the folder's model learned from."""
        return cls.fps, cls.size

    @classmethod
    def window_of(cls, folder: Path | None) -> int:
        """Tokens of the longest context that the folder's model learned from."""
        return own_window(folder) or cls.window

    @classmethod
    def check_length(cls, frames: int) -> None:
        """ValueError for a length that the model cannot make although its codec's stride allows it."""

    @classmethod
    def strides(cls, vae: Part) -> tuple[int, int]:
        """Frames, and pixels, to a cell of the codec's latents."""
        return vae.number("temporal_compression_ratio", 4), vae.number("spatial_compression_ratio", 8)

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


class Wan(Kind):
    """Wan 2.1 T2V, 2.2 TI2V-5B and 2.2 T2V-A14B."""

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

    @classmethod
    def parts_of(cls, folder: Path) -> dict[str, str]:
        two = optional_part(folder, "transformer_2")
        return cls.parts | ({"transformer_2": cls.parts["transformer"]} if two else {})

    @classmethod
    def films(cls, folder: Path) -> tuple[int, tuple[int, int]]:
        return TI2V if cls.many_levels(folder) else (cls.fps, cls.size)

    @classmethod
    def strides(cls, vae: Part) -> tuple[int, int]:
        return vae.number("scale_factor_temporal", 4), vae.number("scale_factor_spatial", 8)

    @classmethod
    def many_levels(cls, folder: Path) -> bool:
        return bool(read_json(folder / INDEX).get("expand_timesteps"))

    @classmethod
    def wanting(cls, method: str, tuning: str | None, folder: Path) -> tuple[bool, str | None]:
        knows = adopted(folder)
        if knows == method:
            return True, None
        if tuning in SOURCES:
            return False, cls._untuned(tuning, folder)
        if knows is not None and tuning is None:
            return True, f"these weights are those of {knows}; {method} runs but is not what they learned"
        return super().wanting(method, tuning, folder)

    @classmethod
    def _untuned(cls, tuning: str, folder: Path | None) -> str:
        if tuning not in SOURCES:
            return super()._untuned(tuning, folder)
        return (
            f"{tuning} needs the weights of {SOURCES[tuning].title}, trained from {SOURCES[tuning].base}; "
            f"python -m engine --adopt {tuning} makes a folder of them"
        )


class CogVideoX(Kind):
    """CogVideoX 2B and 5B."""

    name = "cogvideox"
    kind = "CogVideoXPipeline"
    parts: ClassVar = {
        "transformer": "CogVideoXTransformer3DModel",
        "vae": "AutoencoderKLCogVideoX",
        "text_encoder": "T5EncoderModel",
    }
    text = "unplaced"  # as it was never turned to positions
    fps = 8
    guidance = 6.0
    window = 17_776  # 49 frames at 480 x 720 with their prompt
    longest = 226

    @classmethod
    def films(cls, folder: Path) -> tuple[int, tuple[int, int]]:
        sample, (_, stride) = Part(folder / "transformer"), cls.strides(Part(folder / "vae"))
        return cls.fps, (sample.number("sample_height") * stride, sample.number("sample_width") * stride)

    @classmethod
    def strides(cls, vae: Part) -> tuple[int, int]:
        return vae.number("temporal_compression_ratio", 4), 2 ** (vae.count("block_out_channels") - 1)

    @classmethod
    def check_length(cls, frames: int) -> None:
        if frames < 1 or (frames - 1) % CHUNK:
            near = max(0, round((frames - 1) / CHUNK)) * CHUNK + 1
            raise ValueError(f"frames is {frames}; CogVideoX needs {CHUNK}k+1, the nearest is {near}")


class HunyuanVideo(Kind):
    """HunyuanVideo, text to video."""

    name = "hunyuanvideo"
    kind = "HunyuanVideoPipeline"
    parts: ClassVar = {
        "transformer": "HunyuanVideoTransformer3DModel",
        "vae": "AutoencoderKLHunyuanVideo",
        "text_encoder": "LlamaModel",
        "text_encoder_2": "CLIPTextModel",
    }
    text = "unplaced"  # as it was never turned to positions
    fps = 24
    size = (720, 1280)
    guidance = 1.0
    window = 119_056  # 129 frames at 720 x 1280 with their prompt
    longest = 256


KINDS = {kind.kind: kind for kind in (Wan, CogVideoX, HunyuanVideo)}


def kind_of(folder: Path) -> type[Kind]:
    """The kind of a folder's pipeline; ValueError when it is none that works here."""
    named = str(read_json(folder / INDEX).get("_class_name"))
    if named not in KINDS:
        raise ValueError(f"{folder / INDEX} is a {named}; the pipelines that work here: {', '.join(KINDS)}")
    return KINDS[named]


def optional_part(folder: Path, name: str) -> bool:
    """Whether a pipeline has a component that others of its class lack."""
    return is_there(read_json(folder / INDEX).get(name))
