"""Backbones by name. ``load`` is the only door."""

from __future__ import annotations

from pathlib import Path

from engine.backbones.base import Backbone

POCKET = Path(__file__).parents[2] / "assets" / "pocket"


def load(name: str = "pocket", *, device: str | None = None) -> Backbone:
    """Load a backbone by name ("pocket") or from a folder of weights; ValueError with the remedy if it cannot be."""
    folder = POCKET if name == "pocket" else Path(name)
    if not folder.is_dir():
        raise ValueError(f"backbone is {name!r}; no such folder, and the only built-in name is 'pocket'")
    from engine.backbones.pocket import PocketBackbone

    return PocketBackbone.from_folder(folder, device=device)
