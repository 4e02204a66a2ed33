"""Checkpoints without pickles: tensors in safetensors shards, numbers in JSON, replaced as a whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SHARD = 15 * 1024**2  # bytes, so that a checkpoint can travel in small files


def save(folder: Path, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Write a checkpoint beside the old one, then put it in its place."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shards: list[dict[str, Tensor]] = [{}]
    room = SHARD
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if shards[-1] and size > room:
            shards.append({})
            room = SHARD
        shards[-1][name] = tensor.detach().contiguous().cpu()
        room -= size
    for i, shard in enumerate(shards):
        save_file(shard, fresh / f"state-{i:02d}.safetensors")
    (fresh / "state.json").write_text(json.dumps(numbers))
    if folder.exists():  # else a kill has left the last whole one under .old
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The last whole checkpoint, or None. A kill between two renames leaves it under ``.old``."""
    for place in (folder, folder.with_name(folder.name + ".old")):
        if (place / "state.json").exists():
            tensors: dict[str, Tensor] = {}
            for shard in sorted(place.glob("state-*.safetensors")):
                tensors |= load_file(shard)
            return tensors, json.loads((place / "state.json").read_text())
    return None


def flatten_optimizer(name: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's per-parameter tensors under flat names."""
    state = optimizer.state_dict()["state"]
    return {f"{name}/{i}/{key}": torch.as_tensor(v) for i, slot in state.items() for key, v in slot.items()}


def restore_optimizer(name: str, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put tensors from ``flatten_optimizer`` back."""
    state = optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        owner, _, rest = key.partition("/")
        if owner == name:
            index, _, slot = rest.partition("/")
            slots.setdefault(int(index), {})[slot] = tensor
    optimizer.load_state_dict({**state, "state": slots})


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
