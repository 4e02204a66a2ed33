"""Contact sheets of held-out prompts, to be read by eye without the prompts."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.backbones.base import Backbone
from engine.evaluation.tables import make, scenes
from engine.world.draw import render

COLUMNS, SCALE = 4, 2


def sheet(backbone: Backbone, path: str, *, limit: int = 24, split: str = "seeds") -> None:
    """First, middle and last frame of ``limit`` clips as one PNG; the prompts go into a text file beside it."""
    strips, prompts = [], []
    for n, scene, said in scenes(split, limit, shots=1, style="full"):
        (frames,) = make(scene, said, backbone, method="independent", seed=n)
        strips.append(torch.cat([frames[k] for k in (0, len(frames) // 2, -1)], dim=1))
        prompts.append(said.shots[0])
    Image.fromarray(_grid(strips).numpy()).save(path)
    Path(path).with_suffix(".txt").write_text("\n".join(f"{i}. {p}" for i, p in enumerate(prompts, start=1)) + "\n")


def films(backbone: Backbone, path: str, *, limit: int = 4, split: str = "seeds", shots: int = 4) -> None:
    """Middle frames of ``limit`` scenes whose looks are told once: made jointly, made apart, and the truth."""
    blocks, prompts = [], []
    for n, scene, said in scenes(split, limit, shots=shots, withhold=True, style="full"):
        made = [make(scene, said, backbone, method=method, seed=n) for method in ("lct", "independent")]
        truth = [render(scene, k).frames for k in range(shots)]
        rows = [torch.cat([frames[len(frames) // 2] for frames in film], dim=1) for film in (*made, truth)]
        blocks.append(torch.cat(rows))
        prompts.append("\n   ".join((f"{len(prompts) + 1}. {said.prompt}", *said.shots)))
    Image.fromarray(_grid(blocks, columns=2).numpy()).save(path)
    Path(path).with_suffix(".txt").write_text("\n".join(prompts) + "\n")


def _grid(strips: list[Tensor], *, columns: int = COLUMNS) -> Tensor:
    """Strips [H, W, 3] in columns, enlarged."""
    high, wide, _ = strips[0].shape
    rows = -(-len(strips) // columns)
    page = torch.full((rows * (high + 4), columns * (wide + 6), 3), 20, dtype=torch.uint8)
    for i, strip in enumerate(strips):
        y, x = i // columns * (high + 4), i % columns * (wide + 6)
        page[y : y + high, x : x + wide] = strip
    return page.repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1)
