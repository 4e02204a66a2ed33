"""Training of the judge on renders, some of them through the codec, blurred, noisy or off in brightness."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy

from engine.backbones.pocket_codec import PocketCodec
from engine.evaluation.judge import Judge, pick
from engine.generation import to_frames, to_pixels
from engine.runtime import choose_runtime
from engine.training.record import write_record
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.labels import CELL, EVERYWHERE, ON_ACTOR, shot_labels

Sample = tuple[Tensor, Tensor, dict[str, list[int]], int]
THROUGH = 3  # every third clip went through the codec and back


class JudgeRecipe:
    """``clips`` renders of everything in the world, held in memory."""

    def __init__(self, *, clips: int, codec: Path, batch: int = 16, seed: int = 0) -> None:
        self.model, self.batch, self.seed = Judge(), batch, seed
        samples = draw_samples("judge", range(clips), codec if codec.exists() else None)
        self.clips = torch.stack([clip for clip, *_ in samples])
        self.entity = torch.stack([entity for _, entity, *_ in samples])
        self.labels = [labels for *_, labels, _ in samples]
        self.counts = torch.tensor([count for *_, count in samples])

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        rng = random.Random(f"{self.seed}/{step}")
        rows = [rng.randrange(len(self.clips)) for _ in range(self.batch)]
        frames = torch.stack([_spoil(pick(self.clips[i : i + 1])[0], rng) for i in rows])
        scores, mask = self.model(frames.to(device))
        entity = self.entity[rows].to(device).long()
        losses = [2 * cross_entropy(mask.float().flatten(0, 1), entity.flatten(0, 1))]
        hits = {}
        for name in (*EVERYWHERE, *ON_ACTOR):
            target = torch.tensor([self.labels[i][name] for i in rows], device=device)
            value = scores[name].float()
            if name in EVERYWHERE:
                losses.append(cross_entropy(value, target[:, 0]))
                hits[name] = (value.argmax(-1) == target[:, 0]).float().mean()
            else:
                there = torch.arange(2)[None] < self.counts[rows][:, None]
                losses.append(cross_entropy(value[there], target[there]))
                hits[name] = (value[there].argmax(-1) == target[there]).float().mean()
        losses.append(cross_entropy(scores["count"].float(), self.counts[rows].to(device) - 1))
        return torch.stack(losses).sum(), hits, self.batch

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        self.model.load_state_dict(averaged)
        self.model.cpu().half().save_pretrained(folder / "judge")
        write_record(folder / "judge", facts)


def draw_samples(split: str, numbers: range, codec: Path | None) -> list[Sample]:
    """Single-shot clips uint8 [9, H, W, 3], entities uint8 [9, H/4, W/4], labels and the count of actors."""
    with ProcessPoolExecutor(initializer=_prepare, initargs=(codec,)) as workers:
        drawn = list(workers.map(_sample, ((split, n) for n in numbers), chunksize=25))
    return [(torch.from_numpy(f), torch.from_numpy(e), labels, count) for f, e, labels, count in drawn]


_worker: dict[str, PocketCodec] = {}  # what a process that draws samples has loaded


def _prepare(codec: Path | None) -> None:
    torch.set_num_threads(1)
    if codec is not None:
        _worker["codec"] = PocketCodec.from_pretrained(codec, torch_dtype=torch.float32).eval()


def _sample(job: tuple[str, int]) -> tuple[object, object, dict[str, list[int]], int]:
    split, number = job
    scene = sample_scene(scene_rng(split, number), split=split, shots=1, frames=17)
    clip = render(scene, 0)
    frames = round_trip(clip.frames, _worker["codec"]) if _worker and number % THROUGH == 0 else clip.frames
    entity = clip.entity[::2, CELL // 2 :: CELL, CELL // 2 :: CELL]
    entity = torch.where(entity == 3, 0, entity)
    return frames[::2].numpy(), entity.numpy(), shot_labels(scene, 0), len(scene.shots[0].actors)


@torch.inference_mode()
def round_trip(frames: Tensor, codec: PocketCodec) -> Tensor:
    """A uint8 clip [T, H, W, 3] through the codec and back."""
    with choose_runtime("cpu").autocast():
        return to_frames(codec.decode(codec.encode(to_pixels(frames))).float())


def _spoil(frames: Tensor, rng: random.Random) -> Tensor:
    """Blur, noise and brightness of pixels [T, 3, H, W], each now and then."""
    if rng.random() < 0.25:
        frames = avg_pool2d(frames, 3, stride=1, padding=1, count_include_pad=False)
    if rng.random() < 0.4:
        draw = torch.Generator().manual_seed(rng.getrandbits(60))
        frames = frames + rng.uniform(0.02, 0.12) * torch.randn(frames.shape, generator=draw)
    if rng.random() < 0.4:
        frames = frames * rng.uniform(0.85, 1.1) + rng.uniform(-0.08, 0.08)
    return frames
