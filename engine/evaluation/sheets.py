"""Contact sheets of held-out prompts, to be read by eye without the prompts."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.tables import make, scenes

COLUMNS, MOMENTS, SCALE = 4, 3, 2


def sheet(backbone: Backbone, path: str, *, limit: int = 24, split: str = "seeds") -> None:
    """First, middle and last frame of ``limit`` clips as one PNG; the prompts go into a text file beside it."""
    strips, prompts = [], []
    for n, scene, said in scenes(split, limit, shots=1, style="full"):
        (frames,) = make(scene, said, backbone, method="independent", seed=n)
        strips.append(torch.cat([frames[k] for k in (0, len(frames) // 2, -1)][:MOMENTS], dim=1))
        prompts.append(said.shots[0])
    Image.fromarray(_grid(strips).numpy()).save(path)
    Path(path).with_suffix(".txt").write_text("\n".join(f"{i}. {p}" for i, p in enumerate(prompts, start=1)) + "\n")


def _grid(strips: list[Tensor]) -> Tensor:
    """Strips [H, W, 3] in COLUMNS columns, enlarged."""
    high, wide, _ = strips[0].shape
    rows = -(-len(strips) // COLUMNS)
    page = torch.full((rows * (high + 4), COLUMNS * (wide + 6), 3), 20, dtype=torch.uint8)
    for i, strip in enumerate(strips):
        y, x = i // COLUMNS * (high + 4), i % COLUMNS * (wide + 6)
        page[y : y + high, x : x + wide] = strip
    return page.repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1)
