"""Backbones by name. ``load`` is the only door."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backbones.base import Backbone
from engine.backbones.folders import INDEX, read_json
from engine.context import CUT
from engine.scene import Scene
from engine.shapes import DUMMY, VideoShape

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from engine.backbones.pipelines import Pipeline

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
    folder = _folder(name)
    if not (folder / INDEX).is_file() and not (folder / "tokenizer").is_dir():
        raise ValueError(f"{folder} holds neither {INDEX} (a diffusers pipeline) nor pocket weights; give one of both")
    if (folder / INDEX).is_file():
        return adapter(folder).from_folder(folder, device=device, offload=offload)
    from engine.backbones.pocket import PocketBackbone

    return PocketBackbone.from_folder(folder, device=device)


def adapter(folder: Path) -> type[Pipeline]:
    """The class that runs a folder's diffusers pipeline; ValueError when there is none."""
    kind = str(read_json(folder / INDEX).get("_class_name"))
    if kind not in ADAPTERS:
        raise ValueError(f"{folder / INDEX} is a {kind}; the pipelines that work here: {', '.join(ADAPTERS)}")
    module, name = ADAPTERS[kind].split(":")
    return getattr(import_module(module), name)


def adopt(name: str, weights: Sequence[Path], *, base: str, to: Path) -> Path:
    """A pipeline folder of a published multi-shot checkpoint on Wan and the base model that it was trained from."""
    from engine.backbones import adopting

    folder = _folder(base)
    if not (folder / INDEX).is_file() or adapter(folder).kind != "WanPipeline":
        raise ValueError(f"base is {base!r}; it must be the folder of a Wan pipeline")
    return adopting.adopt(name, weights, base=folder, to=to)


def unknown_words(text: str, name: str = "pocket") -> tuple[str, ...]:
    """Words that a backbone cannot know; loads its tokenizer, not its model."""
    from engine.backbones import pocket_words

    folder = _folder(name)
    if (folder / INDEX).is_file():  # the big models' tokenizers spell out what they do not know
        return ()
    return pocket_words.unknown_words(_tokenizer(folder), text)


def block_tokens(prompt: str, frames: int, name: str = "pocket") -> int:
    """Tokens of a shot's words, and of its pictures in the model's own size; loads the tokenizer, not the model."""
    folder = _folder(name)
    if (folder / INDEX).is_file():
        kind = adapter(folder)
        return kind.clip(folder, frames).tokens + (0 if kind.text == "crossed" else kind.longest)
    pictures = VideoShape(frames=frames, height=Scene.height, width=Scene.width).tokens
    return pictures + len(_tokenizer(folder).encode(f"{CUT} {prompt}").ids)


def scene_tokens(prompt: str, name: str = "pocket") -> int:
    """Tokens that a scene's own words take in a context; loads the tokenizer only."""
    folder = _folder(name)
    if (folder / INDEX).is_file():
        kind = adapter(folder)
        return 0 if kind.text == "crossed" else kind.longest
    return len(_tokenizer(folder).encode(prompt).ids) + DUMMY


def window(name: str = "pocket") -> int:
    """Tokens of the longest context that a backbone was trained on."""
    from engine.backbones.pocket_words import WINDOW

    folder = _folder(name)
    return adapter(folder).window if (folder / INDEX).is_file() else WINDOW


@cache
def _tokenizer(folder: Path) -> Tokenizer:
    from engine.backbones import pocket_words

    return pocket_words.read_tokenizer(folder)


def _folder(name: str) -> Path:
    folder = POCKET if name == "pocket" else Path(name)
    if not folder.is_dir():
        raise ValueError(
            f"backbone is {name!r}; there is no such folder and nothing is downloaded here, so fetch it first (hf "
            "download NAME --local-dir FOLDER), or use the built-in name 'pocket'"
        )
    return folder
