"""Backbones by name. ``load`` is the only door."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backbones.base import Backbone, Sizes
from engine.backbones.folders import INDEX
from engine.backbones.kinds import Wan, kind_of
from engine.context import CUT
from engine.runtime import check_offload

if TYPE_CHECKING:
    from engine.backbones.pipelines import Pipeline
    from engine.backbones.sizing import PocketSizes

POCKET = Path(__file__).parents[2] / "assets" / "pocket"
ADAPTERS = {
    "WanPipeline": "engine.backbones.wan:WanBackbone",
    "CogVideoXPipeline": "engine.backbones.cogvideox:CogVideoXBackbone",
    "HunyuanVideoPipeline": "engine.backbones.hunyuanvideo:HunyuanVideoBackbone",
}


def load(name: str = "pocket", *, device: str | None = None, offload: str | None = None) -> Backbone:
    """Load a backbone by name ("pocket") or from a folder of weights; ValueError with the remedy if it cannot be.

    offload: where a pipeline's weights wait, see ``runtime.OFFLOADS``; None chooses by the memory that is free.
    """
    folder = model_folder(name)
    if (folder / INDEX).is_file():
        return adapter(folder).from_folder(folder, device=device, offload=offload)
    from engine.backbones.pocket import PocketBackbone

    check_offload(offload)  # it has one place for its few weights
    return PocketBackbone.from_folder(folder, device=device)


def offloads(name: str = "pocket") -> tuple[str, ...]:
    """Where a backbone's weights may wait on this machine, nearest first: only those of pipelines, and off a GPU."""
    from engine import runtime

    return runtime.OFFLOADS[: None if (_folder(name) / INDEX).is_file() and runtime.on_gpu() else 1]


def adapter(folder: Path) -> type[Pipeline]:
    """The class that runs a folder's diffusers pipeline; ValueError when there is none."""
    module, name = ADAPTERS[kind_of(folder).kind].split(":")
    return getattr(import_module(module), name)


def adopt(name: str, weights: Sequence[Path], *, base: str, to: Path) -> Path:
    """A pipeline folder of a published multi-shot checkpoint on Wan and the base model that it was trained from."""
    from engine.backbones import adopting

    folder = _folder(base)
    if not (folder / INDEX).is_file() or kind_of(folder) is not Wan:
        raise ValueError(f"base is {base!r}; it must be the folder of a Wan pipeline")
    return adopting.adopt(name, weights, base=folder, to=to)


def unknown_words(text: str, name: str = "pocket") -> tuple[str, ...]:
    """Words that a backbone cannot know; loads its tokenizer, not its model."""
    from engine.backbones import pocket_words

    folder = _folder(name)
    if (folder / INDEX).is_file():  # the big models' tokenizers spell out what they do not know
        return ()
    return pocket_words.unknown_words(_pocket_sizes(folder).tokenizer, text)


def sizes(name: str = "pocket") -> Sizes:
    """What counts a backbone's tokens; loads the tokenizer, not the model. ValueError when there is no such one."""
    from engine.backbones.sizing import PipelineSizes

    folder = model_folder(name)
    return PipelineSizes(kind_of(folder), folder) if (folder / INDEX).is_file() else _pocket_sizes(folder)


def block_tokens(prompt: str, frames: int, name: str = "pocket") -> int:
    """Tokens of a shot's words, and of its pictures in the model's own size; loads the tokenizer, not the model."""
    known = sizes(name)
    words = 0 if known.text == "crossed" else known.text_tokens(f"{CUT} {prompt}")
    return known.shape(frames, *known.size).tokens + words


def model_folder(name: str) -> Path:
    """Where a backbone's parts lie; ValueError when there are none."""
    folder = _folder(name)
    if not (folder / INDEX).is_file() and not (folder / "tokenizer").is_dir():
        raise ValueError(f"{folder} holds neither {INDEX} (a diffusers pipeline) nor pocket weights; give one of both")
    return folder


def lengths(longest: int, name: str = "pocket") -> tuple[int, ...]:
    """Frames of the shots up to ``longest`` that a backbone can make."""
    known = sizes(name)

    def fits(frames: int) -> bool:
        try:
            known.shape(frames, *known.size)
        except ValueError:
            return False
        return True

    return tuple(filter(fits, range(1, longest + 1)))


@cache
def _pocket_sizes(folder: Path) -> PocketSizes:
    from engine.backbones.sizing import PocketSizes

    return PocketSizes(folder)


def _folder(name: str) -> Path:
    folder = POCKET if name == "pocket" else Path(name)
    if not folder.is_dir():
        raise ValueError(
            f"backbone is {name!r}; there is no such folder and nothing is downloaded here, so fetch it first (hf "
            "download NAME --local-dir FOLDER), or use the built-in name 'pocket'"
        )
    return folder
