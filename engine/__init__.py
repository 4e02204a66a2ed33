"""The engine's public names. Importing it loads nothing; ``load`` and ``generate`` do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.events import Cancelled, CancelToken, Denoised, Event, Finished, Preview, Progress, ShotDone
from engine.scene import MAX_PROMPT, MAX_SHOTS, Scene, Shot, Take
from engine.shapes import VideoShape, nearest_length

if TYPE_CHECKING:
    from engine.backbones.base import Backbone


def load(name: str = "pocket", *, device: str | None = None) -> Backbone:
    """A backbone by name ("pocket") or folder, on ``device`` (default: CUDA if there is one, else the CPU)."""
    from engine import backbones

    return backbones.load(name, device=device)


def generate(scene: Scene, backbone: Backbone, **settings: Any) -> Iterator[Event]:
    """Make a scene's shots; see ``engine.generation.generate`` for the settings."""
    from engine import generation

    return generation.generate(scene, backbone, **settings)


def decode_take(take: Take, backbone: Backbone) -> Take:
    """Frames for a take that was kept as latents when a run broke off."""
    from engine import generation

    return generation.decode_take(take, backbone)


def unknown_words(text: str, name: str = "pocket") -> tuple[str, ...]:
    """Words that a backbone's text encoder cannot know, as they were written; loads its tokenizer only."""
    from engine import backbones

    return backbones.unknown_words(text, name)


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
    "MAX_PROMPT",
    "MAX_SHOTS",
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
    "decode_take",
    "generate",
    "load",
    "nearest_length",
    "unknown_words",
    "vocabulary",
]
