"""A pool of encoded scenes on disk: rendered once, encoded once, captioned anew at every visit.

The codec is causal, so the first k latent frames of a clip are the encoding of its first 4(k-1)+1 frames:
stills and short clips are prefixes and need no storage of their own.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.arguments import positive
from engine.backbones.pocket_codec import PocketCodec
from engine.runtime import choose_runtime, keep_memory
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
    part: int


class Pool:
    """Read the parts of a pool: latents float16 [N, C, h, w] and maps uint8 [N, 2, H/4, W/4] by latent frame."""

    def __init__(self, folder: Path) -> None:
        self.entries: list[Entry] = []
        self.parts: list[tuple[np.memmap, np.memmap]] = []
        for index_file in sorted(folder.glob("*/index.json")):
            index = json.loads(index_file.read_text())
            part, count = len(self.parts), index["latent_frames"]
            self.entries += [Entry(**{**e, "starts": tuple(e["starts"])}, part=part) for e in index["entries"]]
            latents = np.memmap(index_file.parent / "latents.bin", np.float16, "r", shape=(count, *index["latent"]))
            maps = np.memmap(index_file.parent / "maps.bin", np.uint8, "r", shape=(count, *index["map"]))
            self.parts.append((latents, maps))
        if not self.parts:
            raise ValueError(f"{folder} holds no pool; make one with python -m engine.training.pool")

    @cached_property
    def scenes(self) -> list[SceneSpec]:
        return [scene_of(entry.number, "train") for entry in self.entries]

    def clip(self, entry: int, shot: int, count: int) -> tuple[Tensor, Tensor]:
        """The first ``count`` latent frames [C, t, h, w] of a shot and their maps [t, 2, H/4, W/4]."""
        start, (latents, maps) = self.entries[entry].starts[shot], self.parts[self.entries[entry].part]
        found = torch.from_numpy(latents[start : start + count].astype(np.float32))
        return found.transpose(0, 1), torch.from_numpy(np.array(maps[start : start + count]))


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


def window(scene: SceneSpec, first: int, counts: Sequence[int]) -> SceneSpec:
    """A run of shots, of ``counts`` latent frames each, as a scene; characters keep their numbers.

    A shot that goes on from one that is not shown to its end begins with a cut, as it does for the eye.
    """
    shots = scene.shots[first : first + len(counts)]
    ended = (False, *(4 * (n - 1) + 1 >= shot.frames for n, shot in zip(counts, shots, strict=True)))
    cut = (replace(shot, cut=shot.cut or not whole) for shot, whole in zip(shots, ended, strict=False))
    return replace(scene, shots=tuple(cut))


@torch.inference_mode()
def encode_scene(scene: SceneSpec, codec: PocketCodec, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Latents [t, C, h, w] and maps [t, 2, H/4, W/4] of every shot."""
    runtime = choose_runtime(device.type)
    for shot in range(len(scene.shots)):
        clip = render(scene, shot)  # many small operations: a processor core is quicker than a GPU
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
    (folder / "index.new").write_text(json.dumps(index))
    (folder / "index.new").replace(folder / "index.json")


def main() -> None:
    """Build parts of a pool side by side, one process each; parts that exist are kept."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.pool", description=__doc__)
    parser.add_argument("--codec", type=Path, default=Path("assets/pocket/codec"))
    parser.add_argument("--out", type=Path, default=Path("runs/pool"))
    parser.add_argument("--scenes", type=positive(int), default=1_000, help="scenes in a part")
    parser.add_argument("--parts", type=int, nargs=2, default=(0, 2), help="first part and the one after the last")
    parser.add_argument("--workers", type=positive(int), default=os.cpu_count())
    asked = parser.parse_args()
    jobs = [
        (asked.out / f"part-{part:03d}", asked.codec, part * asked.scenes, (part + 1) * asked.scenes)
        for part in range(*asked.parts)
    ]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as workers:
        for folder in workers.map(_build_part, jobs):
            logging.getLogger(__name__).info("%s is ready", folder)


def _build_part(job: tuple[Path, Path, int, int]) -> Path:
    folder, codec_folder, first, last = job
    if not (folder / "index.json").exists():
        torch.set_num_threads(1)
        keep_memory()
        codec = PocketCodec.from_pretrained(codec_folder, torch_dtype=torch.float32).eval().to(choose_runtime().device)
        build(folder, codec=codec, numbers=range(first, last))
    return folder


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    main()
