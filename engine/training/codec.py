"""Training of the pocket codec on crops of rendered clips, most of them around a character."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from engine.backbones.pocket_codec import PocketCodec
from engine.training.record import write_record
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng

FRAMES = 5  # of a training clip: a still latent frame and a moving one
CROP = (48, 80)
ACTOR_WEIGHT = 3.0  # of an actor's pixels, added to 1
NOISE = 0.15  # the most on latents, relative to their channel, so that the space between codes is decodable
ENCODER = ("stem", "encode_", "to_")  # names of its layers
PRIOR = 1e-3  # pull of latents to zero


class CodecRecipe:
    """``clips`` rendered clips are held in memory; every step draws crops of them.

    With ``shipped``, the decoder of those weights goes on learning and the encoder, whose latents the transformer
    knows, stays as it is.
    """

    def __init__(
        self, *, clips: int = 6_000, batch: int = 16, seed: int = 0, split: str = "train", shipped: Path | None = None
    ) -> None:
        self.batch, self.seed, self.decoder_only = batch, seed, shipped is not None
        self.model = PocketCodec.from_pretrained(shipped, torch_dtype=torch.float32) if shipped else PocketCodec()
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(not (self.decoder_only and name.startswith(ENCODER)))
        self.frames, self.actors = clip_pool(clips, split)

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        pixels, actor = (x.to(device) for x in self._draw(step))
        latents = self.model.encode_raw(pixels)
        draw = torch.Generator().manual_seed(step)
        level = NOISE * torch.rand(len(latents), 1, 1, 1, 1, generator=draw)
        noise = (level * torch.randn(latents.shape, generator=draw)).to(device)
        back = self.model.decode_raw(
            latents + noise * latents.detach().float().std((0, 2, 3, 4), keepdim=True)
        ).float()
        error = back - pixels
        weight = 1 + ACTOR_WEIGHT * actor[:, None]
        square = (weight * error.square()).mean()
        sharp = (weight * (error.square() + 1e-4).sqrt()).mean()
        prior = latents.float().square().mean()
        psnr = -10 * torch.log10(error.detach().square().mean() / 4)
        return 4 * square + sharp + PRIOR * prior, {"psnr": psnr, "rms": prior.detach().sqrt()}, self.batch

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        """Weights; a new encoder's come with its latents' statistics over the pool."""
        self.model.load_state_dict(averaged)
        self.model.cpu().eval()
        if not self.decoder_only:
            self._measure_latents()
        self.model.half().save_pretrained(folder / "codec", max_shard_size="9MB")
        write_record(folder / "codec", facts)

    def _measure_latents(self) -> None:
        latents = []
        with torch.inference_mode():
            for i in range(0, min(len(self.frames), 512), 16):
                raw = self.model.encode_raw(_to_pixels(self.frames[i : i + 16]))
                latents.append(raw.transpose(0, 1).flatten(1))
        values = torch.cat(latents, dim=1)
        self.model.mean.copy_(values.mean(1))
        self.model.std.copy_(values.std(1))

    def _draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Crops [B, 3, T, h, w] and actor masks [B, T, h, w]; now and then stills, now and then mirrored."""
        rng = random.Random(f"{self.seed}/{step}")
        count = 1 if rng.random() < 0.15 else FRAMES
        high, wide = CROP
        pixels, masks = [], []
        for _ in range(self.batch):
            i = rng.randrange(len(self.frames))
            mask = self.actors[i]
            y, x = 4 * rng.randint(0, (80 - high) // 4), 4 * rng.randint(0, (128 - wide) // 4)
            if rng.random() < 0.6 and mask.any():
                middle = mask.any(0).nonzero().float().mean(0)
                y, x = (int(v) for v in (middle - torch.tensor([high / 2, wide / 2]) + rng.uniform(-12, 12)).tolist())
                y, x = min(max(y, 0), 80 - high), min(max(x, 0), 128 - wide)
            clip = self.frames[i, :count, y : y + high, x : x + wide]
            seen = mask[:count, y : y + high, x : x + wide]
            if rng.random() < 0.5:
                clip, seen = clip.flip(2), seen.flip(2)
            pixels.append(clip)
            masks.append(seen)
        return _to_pixels(torch.stack(pixels)), torch.stack(masks).float()


def clip_pool(clips: int, split: str) -> tuple[Tensor, Tensor]:
    """uint8 frames [N, T, H, W, 3] and actor masks [N, T, H, W] of the first scenes of a split."""
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as workers:
        drawn = list(workers.map(_clip, ((split, n) for n in range(clips)), chunksize=50))
    return torch.stack([torch.from_numpy(f) for f, _ in drawn]), torch.stack([torch.from_numpy(m) for _, m in drawn])


def _clip(job: tuple[str, int]) -> tuple[object, object]:
    split, number = job
    rng = scene_rng(split, number)
    scene = sample_scene(rng, split=split, shots=1, frames=17)
    clip = render(scene, 0, first=rng.randint(0, 12), count=FRAMES)
    return clip.frames.numpy(), ((clip.entity > 0) & (clip.entity < 3)).numpy()


def _to_pixels(frames: Tensor) -> Tensor:
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
