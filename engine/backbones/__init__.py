"""Backbones by name. ``load`` is the only door."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backbones.base import Backbone
from engine.scene import Scene
from engine.shapes import VideoShape

if TYPE_CHECKING:
    from tokenizers import Tokenizer

POCKET = Path(__file__).parents[2] / "assets" / "pocket"


def load(name: str = "pocket", *, device: str | None = None) -> Backbone:
    """Load a backbone by name ("pocket") or from a folder of weights; ValueError with the remedy if it cannot be."""
    from engine.backbones.pocket import PocketBackbone

    return PocketBackbone.from_folder(_folder(name), device=device)


def unknown_words(text: str, name: str = "pocket") -> tuple[str, ...]:
    """Words that a backbone cannot know; loads its tokenizer, not its model."""
    from engine.backbones import pocket_words

    return pocket_words.unknown_words(_tokenizer(_folder(name)), text)


def block_tokens(prompt: str, frames: int, name: str = "pocket") -> int:
    """Tokens of a shot's words and pictures; loads the tokenizer, not the model."""
    words = len(_tokenizer(_folder(name)).encode(f"[SHOT CUT] {prompt}").ids)
    return words + VideoShape(frames=frames, height=Scene.height, width=Scene.width).tokens


def window(name: str = "pocket") -> int:
    """Tokens of the longest context that a backbone was trained on."""
    from engine.backbones.pocket_words import WINDOW

    _folder(name)
    return WINDOW


@cache
def _tokenizer(folder: Path) -> Tokenizer:
    from engine.backbones import pocket_words

    return pocket_words.read_tokenizer(folder)


def _folder(name: str) -> Path:
    folder = POCKET if name == "pocket" else Path(name)
    if not folder.is_dir():
        raise ValueError(f"backbone is {name!r}; no such folder, and the only built-in name is 'pocket'")
    return folder
