"""Training of the codec's decoder alone: to draw what the transformer leaves, and to draw it sharply.

The encoder's latents, which the transformer knows, stay as they are. Half of what the decoder sees are latents that
the transformer made itself from the true ones at some noise, so that it learns to mend what the transformer does
(after LTX-Video, arXiv 2501.00103, whose decoder takes the last step of denoising). A critic that learns beside it
asks for outlines where a mean of squares would blur them (Esser et al. 2021, arXiv 2012.09841), and is held smooth
around real pictures by the approximated R1 of Lin et al. 2025 (arXiv 2501.08316).
Legend: B batch, C channels, T frames, t latent frames, H W pixels, h w cells, N pairs of frames.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pad, relu

from engine.backbones.pocket import PocketBackbone
from engine.backbones.pocket_codec import STEM, Block, Down, PocketCodec
from engine.context import lay_out
from engine.methods import Picture, Texts
from engine.methods.lct import shot_blocks
from engine.runtime import on_gpu
from engine.samplers import add_noise, denoise, guide, noise_levels
from engine.training.ahead import Ahead
from engine.training.codec import FRAMES, SPACE, actors, clip_pool, crop, distance, pixel_weight, to_pixels
from engine.training.record import write_record
from engine.world.caption import caption
from engine.world.grammar import sample_scene, scene_rng
from engine.world.labels import CELL

NOISE = 0.15  # on true latents, of unit variance
MADE = 0.5  # of all crops have latents that the transformer made
STEPS = 12  # of the transformer's whole schedule
LAST = 4  # at most so many of them are taken, from noise of 0.6: above, it draws another picture
CRITIC_WEIGHT = 0.3  # to what the decoder missed, at its last layer
SMOOTH, SHAKE = 10.0, 0.1  # weight of what the critic's answer changes when pictures shake by so much
PAIRS = 4  # of neighbouring frames of a clip that the critic looks at


class Critic(nn.Module):
    """Whether two neighbouring frames were drawn by the world, answered cell by cell."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        high, middle, low = widths
        self.stem, self.high = nn.Linear(2 * 3 * STEM**2, high), Block(high)
        self.to_middle, self.middle = Down(high, middle), Block(middle)
        self.to_low, self.low = Down(middle, low), Block(low)
        self.answer = nn.Linear(low, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Answers [N, h, w] for frames [N, 6, H, W]."""
        x = rearrange(frames, "n c (h p) (w q) -> n h w (c p q)", p=STEM, q=STEM)
        x = self.to_low(self.middle(self.to_middle(self.high(self.stem(x)))))
        return self.answer(self.low(x))[..., 0].float()


class Pair(nn.Module):
    """The codec, and its critic, which is dropped afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = PocketCodec()
        self.critic = Critic(self.codec.config.widths)


class DecoderRecipe:
    """``clips`` rendered clips are held in memory with their latents, true and as the transformer makes them.

    shipped: the model that goes on learning; origin: in words, what its codec had learned from.
    """

    def __init__(
        self, *, clips: int, batch: int, shipped: Path, origin: str = "", seed: int = 0, split: str = "train"
    ) -> None:
        self.batch, self.seed, self.origin = batch, seed, origin
        self.draws = Ahead(self._draw, helped=on_gpu())
        self.model, before = Pair(), PocketCodec.from_pretrained(shipped / "codec", torch_dtype=torch.float32)
        self.model.codec.load_state_dict(before.state_dict())
        for name, weight in self.model.codec.named_parameters():
            weight.requires_grad_(name.startswith(("from_latent", "decode_", "up_", "head")))
        self.frames, self.maps = clip_pool(clips, split)
        prompts = [_words(split, number) for number in range(clips)]
        self.true, self.made = _latents(PocketBackbone.from_folder(shipped), self.frames, prompts)

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        """What the decoder missed, what the critic says of it, and what the critic itself missed."""
        pixels, latents, actor, looked = (x.to(device) for x in self.draws(step))
        drawn = self.model.codec.decode(latents).float()
        missed = distance(drawn - pixels, pixel_weight(actor))
        real, fake = _pairs(pixels, looked), _pairs(drawn, looked)
        critic, frozen = self.model.critic, {k: v.detach() for k, v in self.model.critic.named_parameters()}
        praise = functional_call(critic, frozen, (fake,))
        of_real, of_fake = critic(real), critic(fake.detach())
        shake = SHAKE * torch.randn(real.shape, generator=torch.Generator().manual_seed(step)).to(device)
        rough = (critic(real + shake) - of_real).square().mean()
        learned = relu(1 - of_real).mean() + relu(1 + of_fake).mean() + SMOOTH * rough
        loss = missed - CRITIC_WEIGHT * self._balance(missed, praise.mean()) * praise.mean() + learned
        psnr = -10 * torch.log10((drawn - pixels).detach().square().mean() / 4)
        told = {"missed": missed, "real": of_real.mean(), "fake": of_fake.mean(), "rough": rough}
        return loss, {"psnr": psnr} | {name: value.detach() for name, value in told.items()}, self.batch

    def _balance(self, missed: Tensor, praise: Tensor) -> Tensor:
        """How much stronger the first pulls at the decoder's last layer than the second (Esser et al., equation 7)."""
        last = self.model.codec.head.weight
        one, other = (torch.autograd.grad(x, last, retain_graph=True)[0].norm() for x in (missed, praise))
        return (one / (other + 1e-6)).clamp(max=1e3)

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        """The codec's weights."""
        self.model.load_state_dict(averaged)
        self.model.codec.cpu().eval().half().save_pretrained(folder / "codec", max_shard_size="9MB")
        write_record(folder / "codec", facts | ({"started_from": self.origin} if self.origin else {}))

    def _draw(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pixels [B, 3, T, H, W], latents [B, C, t, h, w], actors [B, T, H/4, W/4], and the first frames of pairs."""
        rng = random.Random(f"{self.seed}/{step}")
        draw = torch.Generator().manual_seed(rng.getrandbits(63))
        columns = list(zip(*(self._crop(rng, draw) for _ in range(self.batch)), strict=True))
        frames, maps, latents = (torch.stack(column) for column in columns)
        looked = torch.randperm(FRAMES - 1, generator=draw)[:PAIRS]
        return to_pixels(frames), latents, actors(maps).float(), looked

    def _crop(self, rng: random.Random, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Frames [T, H, W, 3], maps [T, 2, H/4, W/4] and latents [C, t, h, w] of one crop."""
        i = rng.randrange(len(self.frames))
        rows, columns = crop(rng, self.maps[i])
        true, made = self.true[i].float(), self.made[i].float()
        latents = made if rng.random() < MADE else true + NOISE * torch.randn(true.shape, generator=draw)
        cells = [slice(s.start // SPACE, s.stop // SPACE) for s in (rows, columns)]
        marks = [slice(s.start // CELL, s.stop // CELL) for s in (rows, columns)]
        return self.frames[i, :, rows, columns], self.maps[i, :, :, *marks], latents[:, :, *cells]


def _pairs(pixels: Tensor, first: Tensor) -> Tensor:
    """Frames ``first`` of [B, 3, T, H, W], each with the next one: [N, 6, H, W]."""
    return rearrange(torch.cat((pixels[:, :, first], pixels[:, :, first + 1]), dim=1), "b c n h w -> (b n) c h w")


def _words(split: str, number: int) -> str:
    """All that can be told of a clip of ``clip_pool``."""
    rng = scene_rng(split, number)
    return caption(sample_scene(rng, split=split, shots=1, frames=17), rng, style="full").shots[0]


@torch.inference_mode()
def _latents(backbone: PocketBackbone, frames: Tensor, prompts: list[str]) -> tuple[Tensor, Tensor]:
    """Latents [clips, C, t, h, w] in half precision: true ones, and what the transformer makes of them."""
    true, made = [], []
    for i in range(0, len(frames), 16):
        latents = backbone.encode(to_pixels(frames[i : i + 16]))
        true.append(latents.half().cpu())
        made.append(remake(backbone, latents, prompts[i : i + 16], seed=i).half().cpu())
    return torch.cat(true), torch.cat(made)


def remake(backbone: PocketBackbone, latents: Tensor, prompts: list[str], *, seed: int) -> Tensor:
    """Latents [B, C, t, h, w], noised alike, that the transformer made clean again in the last 1 to 4 of its steps."""
    draw = torch.Generator().manual_seed(seed)
    levels = noise_levels(STEPS, shift=backbone.shift)[-2 - int(torch.randint(LAST, (), generator=draw)) :]
    told, untold = (_texts(backbone, words) for words in (prompts, [""] * len(prompts)))
    start = add_noise(latents, torch.randn(latents.shape, generator=draw).to(latents.device), float(levels[0]))

    def predict(samples: dict[int, Tensor], level: float) -> dict[int, Tensor]:
        shown = Picture(latents=samples[0], level=level)
        full, lacking = (_velocity(backbone, texts, shown) for texts in (told, untold))
        return {0: guide(full, (lacking, backbone.guidance))}

    *_, (_, samples, _) = denoise({0: start}, predict, levels)
    return samples[0]


def _texts(backbone: PocketBackbone, prompts: list[str]) -> Texts:
    features = backbone.encode_text(prompts)
    lengths = torch.tensor([f.shape[1] for f in features], device=features[0].device)
    padded = torch.cat([pad(f, (0, 0, 0, int(lengths.max()) - f.shape[1])) for f in features])
    return Texts(scene=padded, shots=(padded,), lengths=torch.stack((lengths, lengths)))


def _velocity(backbone: PocketBackbone, texts: Texts, shown: Picture) -> Tensor:
    blocks = shot_blocks(0, texts, shown, patch=backbone.patch)
    return backbone.predict(blocks, lay_out(blocks))[0]
