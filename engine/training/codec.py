"""Training of the pocket codec on crops of rendered clips, most of them around a character."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, cross_entropy

from engine.backbones.pocket_codec import PocketCodec
from engine.runtime import on_gpu
from engine.training.ahead import Ahead
from engine.training.record import write_record
from engine.world.draw import render
from engine.world.grammar import sample_scene, scene_rng
from engine.world.labels import CELL, PART_COUNT, cell_maps

FRAMES = 9  # of a training clip: a still latent frame and two moving ones
CROP, SPACE = (48, 80), 8  # pixels; and of one side of a latent cell
CELLS = 2  # label cells along one side of a latent cell
ACTOR_WEIGHT = 3.0  # of an actor's pixels, added to 1
NOISE = 0.4  # on latents, so that the space between codes is decodable
PRIOR = 0.02  # pull of latents to zero: against the noise, only what the picture needs is worth its size
ROUGH = 0.02  # pull of neighbouring cells to each other, so that detail is small where form is large
HALF_WEIGHT = 0.5  # of the picture at half its size, decoded from latents at half their size
PARTS_WEIGHT = 0.02  # of reading the characters' parts from latents, cell by cell


class Reader(nn.Module):
    """The codec, and a linear layer that is dropped afterwards: parts of the characters from one latent cell.

    Pulls make latents that a small transformer can learn to draw: noise with a prior, which is stronger on what
    differs between neighbouring cells; half-sized latents that decode to half-sized pictures (Skorokhodov et al. 2025,
    "Improving the Diffusability of Autoencoders"); and meaning that is read linearly (after VA-VAE, Yao et al. 2025,
    with the world's truth in place of features).
    """

    def __init__(self, codec: PocketCodec) -> None:
        super().__init__()
        self.codec = codec
        self.parts = nn.Linear(codec.config.channels, CELLS * CELLS * PART_COUNT)

    def parts_loss(self, latents: Tensor, parts: Tensor) -> Tensor:
        """Cross-entropy of latents [B, C, t, h, w] against parts [B, t, 2h, 2w]."""
        scores = rearrange(self.parts(latents.movedim(1, -1)), "b t h w (p q k) -> (b t h p w q) k", p=CELLS, q=CELLS)
        return cross_entropy(scores.float(), parts.flatten().long())


class CodecRecipe:
    """``clips`` rendered clips are held in memory; every step draws crops of them."""

    def __init__(self, *, clips: int = 6_000, batch: int = 10, seed: int = 0, split: str = "train") -> None:
        self.batch, self.seed = batch, seed
        self.draws = Ahead(self._draw, helped=on_gpu())
        self.model = Reader(PocketCodec())
        self.frames, self.maps = clip_pool(clips, split)

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        pixels, parts, actor = (x.to(device) for x in self.draws(step))
        codec = self.model.codec
        latents = codec.encode_raw(pixels)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(step)).to(device)
        noisy = latents + NOISE * noise
        error = codec.decode_raw(noisy).float() - pixels
        weight = pixel_weight(actor)
        drawn = distance(error, weight)
        psnr = -10 * torch.log10(error.detach().square().mean() / 4)
        power = latents.float().square().mean()
        parts_loss = self.model.parts_loss(latents, parts)
        log = {"psnr": psnr, "rms": power.detach().sqrt(), "parts": parts_loss.detach()}
        rows = slice(0, len(pixels) // 2)
        half = codec.decode_raw(_half(noisy[rows])).float() - _half(pixels[rows])
        rough = sum(latents.float().diff(dim=dim).square().mean() for dim in (-1, -2))
        pulls = HALF_WEIGHT * distance(half, _half(weight[rows])) + PARTS_WEIGHT * parts_loss
        pulls = pulls + PRIOR * power + ROUGH * rough
        return drawn + pulls, log | {"half": half.detach().square().mean().sqrt()}, self.batch

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        """Weights, with the statistics of the latents over the pool."""
        self.model.load_state_dict(averaged)
        codec = self.model.codec.cpu().eval()
        self._measure_latents()
        codec.half().save_pretrained(folder / "codec", max_shard_size="9MB")
        write_record(folder / "codec", facts)

    def _measure_latents(self) -> None:
        """One scale for all channels: a channel that matters little stays small beside the noise of diffusion."""
        codec, latents = self.model.codec, []
        with torch.inference_mode():
            for i in range(0, min(len(self.frames), 512), 16):
                raw = codec.encode_raw(to_pixels(self.frames[i : i + 16]))
                latents.append(raw.transpose(0, 1).flatten(1))
        values = torch.cat(latents, dim=1)
        codec.mean.copy_(values.mean(1))
        codec.std.fill_(values.var(1).mean().sqrt())

    def _draw(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Crops [B, 3, T, h, w], parts [B, t, h/4, w/4], actors [B, T, h/4, w/4]; now and then stills, or mirrored."""
        rng = random.Random(f"{self.seed}/{step}")
        count = 1 if rng.random() < 0.1 else FRAMES
        columns = list(zip(*(self._crop(rng, count) for _ in range(self.batch)), strict=True))
        frames, maps = torch.stack(columns[0]), torch.stack(columns[1])
        return to_pixels(frames), maps[:, ::4, 0], actors(maps).float()

    def _crop(self, rng: random.Random, count: int) -> tuple[Tensor, Tensor]:
        """Frames [count, h, w, 3] and maps [count, 2, h/4, w/4] of one crop, mostly around an actor."""
        i = rng.randrange(len(self.frames))
        rows, columns = crop(rng, self.maps[i])
        marks = [slice(s.start // CELL, s.stop // CELL) for s in (rows, columns)]
        clip, maps = self.frames[i, :count, rows, columns], self.maps[i, :count, :, *marks]
        return (clip.flip(2), maps.flip(3)) if rng.random() < 0.5 else (clip, maps)


def crop(rng: random.Random, maps: Tensor) -> tuple[slice, slice]:
    """Rows and columns of pixels, mostly around an actor of the maps [T, 2, H/4, W/4], on the borders of cells."""
    (high, wide), (height, width) = CROP, (CELL * side for side in maps.shape[2:])
    y, x = rng.randint(0, height - high), rng.randint(0, width - wide)
    mask = actors(maps)
    if rng.random() < 0.6 and mask.any():
        middle = CELL * mask.any(0).nonzero().float().mean(0)
        y, x = (int(v) for v in (middle - torch.tensor([high / 2, wide / 2]) + rng.uniform(-12, 12)).tolist())
    y, x = (SPACE * (min(max(v, 0), most) // SPACE) for v, most in ((y, height - high), (x, width - wide)))
    return slice(y, y + high), slice(x, x + wide)


def actors(maps: Tensor) -> Tensor:
    """Which cells [..., H/4, W/4] of maps [..., 2, H/4, W/4] an actor covers."""
    entity = maps[..., 1, :, :]
    return (entity == 1) | (entity == 2)


def pixel_weight(actor: Tensor) -> Tensor:
    """Weights of pixels [B, 1, T, H, W] by where actors are [B, T, H/4, W/4]."""
    return 1 + ACTOR_WEIGHT * actor.repeat_interleave(CELL, -1).repeat_interleave(CELL, -2)[:, None]


def clip_pool(clips: int, split: str) -> tuple[Tensor, Tensor]:
    """uint8 frames [N, T, H, W, 3] and maps of parts and entities [N, T, 2, H/4, W/4] of a split's first scenes."""
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as workers:
        drawn = list(workers.map(_clip, ((split, n) for n in range(clips)), chunksize=50))
    return torch.stack([torch.from_numpy(f) for f, _ in drawn]), torch.stack([torch.from_numpy(m) for _, m in drawn])


def _clip(job: tuple[str, int]) -> tuple[object, object]:
    split, number = job
    rng = scene_rng(split, number)
    scene = sample_scene(rng, split=split, shots=1, frames=17)
    clip = render(scene, 0, first=rng.randint(0, 17 - FRAMES), count=FRAMES)
    return clip.frames.numpy(), cell_maps(clip).numpy()


def distance(error: Tensor, weight: Tensor) -> Tensor:
    """Squared and absolute error, weighted."""
    return (weight * (4 * error.square() + (error.square() + 1e-4).sqrt())).mean()


def _half(x: Tensor) -> Tensor:
    return avg_pool3d(x, (1, 2, 2))


def to_pixels(frames: Tensor) -> Tensor:
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
