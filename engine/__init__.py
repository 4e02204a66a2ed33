"""The engine's public names. Importing it loads nothing; ``load`` and ``generate`` do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.events import Cancelled, CancelToken, Denoised, Event, Finished, Preview, Progress, ShotDone
from engine.scene import LONGEST_SCENE, MAX_PROMPT, MAX_SHOT_SEED, MAX_SHOTS, Scene, Shot, Take
from engine.shapes import VideoShape, nearest_length

if TYPE_CHECKING:
    from engine.backbones.base import Backbone
    from engine.catalogue import Entry


def load(name: str = "pocket", *, device: str | None = None, offload: str | None = None) -> Backbone:
    """A backbone by name ("pocket") or folder, on ``device`` (default: CUDA if there is one, else the CPU).

    offload: "none", "model" or "group", where the weights of a large one wait; by default by the memory that is free.
    """
    from engine import backbones

    return backbones.load(name, device=device, offload=offload)


def offloads(name: str = "pocket") -> tuple[str, ...]:
    """Where a backbone's weights may wait on this machine, nearest first; the last leaves a GPU the most room."""
    from engine import backbones

    return backbones.offloads(name)


def list_backbones(folder: str | Path | None = None) -> list[Entry]:
    """The pocket model and the pipelines of a models folder, each with what it can do; loads none of them."""
    from engine import catalogue

    return catalogue.list_backbones(folder)


def generate(scene: Scene, backbone: Backbone, **settings: Any) -> Iterator[Event]:
    """Make a scene's shots; see ``engine.generation.generate`` for the settings."""
    from engine import generation

    return generation.generate(scene, backbone, **settings)


def decode_take(take: Take, backbone: Backbone, cancel: CancelToken | None = None) -> Take:
    """Frames for a take that was kept as latents when a run broke off."""
    from engine import generation

    return generation.decode_take(take, backbone, cancel)


def encode_take(take: Take, backbone: Backbone) -> Take:
    """Latents for a take that came as frames, from a file."""
    from engine import generation

    return generation.encode_take(take, backbone)


def device() -> tuple[str, str, str]:
    """Where models run here, in which number format, and why."""
    from engine.runtime import choose_runtime

    chosen = choose_runtime()
    return chosen.device.type, str(chosen.dtype).removeprefix("torch."), chosen.reason


def free_memory() -> int | None:
    """Bytes of main memory that are free now, None where nobody knows."""
    import torch

    from engine import runtime

    return runtime.free_memory(torch.device("cpu"))


def unknown_words(text: str, name: str = "pocket") -> tuple[str, ...]:
    """Words that a backbone's text encoder cannot know, as they were written; loads its tokenizer only."""
    from engine import backbones

    return backbones.unknown_words(text, name)


def block_tokens(prompt: str, frames: int, name: str = "pocket") -> int:
    """Tokens that a shot takes in a context, its words and its pictures; loads the tokenizer only."""
    from engine import backbones

    return backbones.block_tokens(prompt, frames, name)


def window(name: str = "pocket") -> int:
    """Tokens of the longest context that a backbone was trained on."""
    from engine import backbones

    return backbones.sizes(name).window


def lengths(longest: int, name: str = "pocket") -> tuple[int, ...]:
    """Frames of the shots up to ``longest`` that a backbone can make; loads its settings only."""
    from engine import backbones

    return backbones.lengths(longest, name)


def film_size(name: str = "pocket") -> tuple[int, int]:
    """Height and width in pixels of the films that a backbone learned from; loads its settings only."""
    from engine import backbones

    return backbones.sizes(name).size


def related(prompt: str, others: dict[str, str]) -> list[tuple[str, float, tuple[str, ...]]]:
    """Which of the other prompts share characters or the place with this one: (name, score, reasons), best first."""
    from engine.affinity import related as ranked

    return ranked(prompt, others)


def kept_prompts() -> int:
    """Bytes of the encoded prompts that this machine keeps for the big models."""
    from engine.backbones import prompts

    return prompts.kept()


def forget_prompts() -> None:
    """Remove the encoded prompts; each is encoded again when it is next read."""
    from engine.backbones import prompts

    prompts.clear()


def vocabulary() -> dict[str, tuple[str, ...]]:
    """The pocket world's words by group, as a creator would write them."""
    from engine.world import spec

    unseen = {word for words in spec.UNSEEN.values() for word in words} | {"none"}
    groups = {
        "animals": spec.SPECIES,
        "colours": spec.COLOURS,
        "accessories": spec.ACCESSORIES,
        "places": spec.PLACES,
        "times": spec.TIMES,
        "weather": spec.WEATHERS,
        "actions": spec.ACTIONS,
        "framing": spec.FRAMINGS,
        "camera": spec.CAMERAS,
        "props": spec.PROPS,
    }
    return {name: tuple(w.replace("_", " ") for w in words if w not in unseen) for name, words in groups.items()}


__all__ = [
    "LONGEST_SCENE",
    "MAX_PROMPT",
    "MAX_SHOTS",
    "MAX_SHOT_SEED",
    "CancelToken",
    "Cancelled",
    "Denoised",
    "Event",
    "Finished",
    "Preview",
    "Progress",
    "Scene",
    "Shot",
    "ShotDone",
    "Take",
    "VideoShape",
    "block_tokens",
    "decode_take",
    "device",
    "encode_take",
    "film_size",
    "forget_prompts",
    "free_memory",
    "generate",
    "kept_prompts",
    "lengths",
    "list_backbones",
    "load",
    "nearest_length",
    "offloads",
    "related",
    "unknown_words",
    "vocabulary",
    "window",
]
