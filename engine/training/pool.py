"""A pool of encoded scenes on disk: rendered once, encoded once, captioned anew at every visit.

The codec is causal, so the first k latent frames of a clip are the encoding of its first 4(k-1)+1 frames:
stills and short clips are prefixes and need no storage of their own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.backbones.pocket_codec import PocketCodec
from engine.runtime import choose_runtime
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.labels import latent_maps
from engine.world.spec import SceneSpec

SINGLE = 0.5  # of all scenes have one shot, with balanced attributes
LONG = 0.12  # of all scenes have shots of 33 frames instead of 17


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where one scene lies in the pool: its number in the stream, and the first latent frame of each shot."""

    number: int
    shots: int
    frames: int
    starts: tuple[int, ...]


class Pool:
    """Read a pool: latents float16 [N, C, h, w] and maps uint8 [N, 2, 4h/2, 4w/2] (part, entity) by latent frame."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.entries = [Entry(**{**e, "starts": tuple(e["starts"])}) for e in index["entries"]]
        count = index["latent_frames"]
        self.latents = np.memmap(folder / "latents.bin", np.float16, "r", shape=(count, *index["latent"]))
        self.maps = np.memmap(folder / "maps.bin", np.uint8, "r", shape=(count, *index["map"]))

    @cached_property
    def scenes(self) -> list[SceneSpec]:
        return [scene_of(entry.number, "train") for entry in self.entries]

    def clip(self, entry: int, shot: int, count: int) -> tuple[Tensor, Tensor]:
        """The first ``count`` latent frames [C, t, h, w] of a shot and their maps [t, 2, H, W]."""
        start = self.entries[entry].starts[shot]
        latents = torch.from_numpy(self.latents[start : start + count].astype(np.float32))
        return latents.transpose(0, 1), torch.from_numpy(np.array(self.maps[start : start + count]))


def scene_of(number: int, split: str) -> SceneSpec:
    """Scene ``number`` of a split's endless stream."""
    rng = scene_rng(split, number)
    shots = 1 if rng.random() < SINGLE else rng.randint(2, 9)
    return sample_scene(rng, split=split, shots=shots, frames=33 if rng.random() < LONG else 17)


def only(scene: SceneSpec, shot: int) -> SceneSpec:
    """One shot as a scene of its own, with just the characters that act in it."""
    acting = [actor.character for actor in scene.shots[shot].actors]
    actors = tuple(replace(actor, character=i) for i, actor in enumerate(scene.shots[shot].actors))
    alone = replace(scene.shots[shot], actors=actors, cut=True)
    return replace(scene, characters=tuple(scene.characters[i] for i in acting), shots=(alone,))


def window(scene: SceneSpec, first: int, count: int) -> SceneSpec:
    """A run of shots as a scene; characters keep their numbers."""
    shots = scene.shots[first : first + count]
    return replace(scene, shots=(replace(shots[0], cut=True), *shots[1:]))


@torch.inference_mode()
def encode_scene(scene: SceneSpec, codec: PocketCodec, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Latents [t, C, h, w] and maps [t, 2, H/4, W/4] of every shot."""
    runtime = choose_runtime(device.type)
    for shot in range(len(scene.shots)):
        clip = render(scene, shot, device=device)
        pixels = clip.frames.to(device).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        with runtime.autocast():
            latents = codec.encode(pixels)[0].transpose(0, 1)
        yield latents.half().cpu(), latent_maps(clip).cpu()


def build(folder: Path, *, codec: PocketCodec, numbers: Sequence[int], split: str = "train") -> None:
    """Write the pool of the given scene numbers; the index comes last, so a half-written pool is not a pool."""
    folder.mkdir(parents=True, exist_ok=True)
    device = next(codec.parameters()).device
    entries, count, latent, grid = [], 0, None, None
    with (folder / "latents.bin").open("wb") as latents_file, (folder / "maps.bin").open("wb") as maps_file:
        for number in numbers:
            scene, starts = scene_of(number, split), []
            for latents, maps in encode_scene(scene, codec, device):
                latents_file.write(latents.contiguous().numpy().tobytes())
                maps_file.write(maps.contiguous().numpy().tobytes())
                starts.append(count)
                count += len(latents)
                latent, grid = tuple(latents.shape[1:]), tuple(maps.shape[1:])
            entry = {"number": number, "shots": len(scene.shots), "frames": scene.shots[0].frames, "starts": starts}
            entries.append(entry)
    index = {"entries": entries, "latent_frames": count, "latent": latent, "map": grid}
    (folder / "index.json").write_text(json.dumps(index))


def shuffled(step: int, seed: int) -> random.Random:
    """The random state of one training step: a pure function of seed and step, so resuming needs no saved state."""
    return random.Random(f"{seed}/{step}")
