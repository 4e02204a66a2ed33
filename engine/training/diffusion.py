"""Training of the pocket transformer and its text encoder: single shots first, then LCT's scenes.

Loss (LCT section 3.2): rectified flow, a noise level of its own for every shot, per shot and then averaged.
Legend: B batch, S shots, C channels, t h w latent grid.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress, count, takewhile
from pathlib import Path

import torch
from einops import rearrange
from peft import LoraConfig
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.backbones import pocket_transformer
from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer, pad_ids
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import Placement, Rule, causal, diagonal, joint, lay_out
from engine.methods import Picture, Texts
from engine.methods.lct import scene_blocks, shot_blocks
from engine.runtime import on_gpu
from engine.samplers import add_noise
from engine.training.ahead import Ahead
from engine.training.pool import Pool, only, window
from engine.training.record import write_record
from engine.training.supervision import Truth, TruthHead, owners
from engine.world.caption import caption, vocabulary
from engine.world.spec import SceneSpec

PEEK = 4  # the layer whose tokens the truth head reads
TRUTH_WEIGHT = 0.5
ACTOR_WEIGHT = 5.0  # species and accessories are the last to be right, and small
NOISE_MEAN, NOISE_STD = 1.2, 1.2  # of the logit-normal; the paper does not give its own. Latents of a flat drawing
# still show their layout at level 0.8: what a shot is about is decided above, so most of the training is there.
DROP_TEXT = 0.1
NO_SCENE = 0.08  # of scenes have no global prompt; their shots tell the looks
TOLD = 0.9  # of single shots without one tell all they show: of the others the words leave half unsaid
HARD = {"spin", "jump", "wave", "sit"}  # drawn twice as often alone: most of the shots that go wrong are of these
GIVEN_LEVEL = 0.3  # the most noise on such a shot; they are context and not counted in the loss
TOKENS_A_STEP = 7_000
LONG_FRAMES = 33


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What steps are drawn from: shares of single shots, stills, and scenes; ordered: no shot looks at later ones.

    whole: share of shots with all their frames. The others are stills and short clips (LCT section 4.1), which teach
    looks, alone and across shots, at a fifth of the price.
    given: share of scenes with some shots nearly clean, as history is when a film is made. untold: share of those that
    leave to the given pictures what these show: otherwise history is read in words and never looked at.
    forgotten: share of scenes whose first shots are given and left out: history dropped alone, for its guidance.
    """

    single: float
    still: float
    scene: float
    whole: float = 0.85
    given: float = 0.6
    untold: float = 0.7
    forgotten: float = 0.1
    ordered: bool = False


SINGLE_STAGE = Mix(single=0.7, still=0.3, scene=0.0)
SCENE_STAGE = Mix(single=0.25, still=0.05, scene=0.7, whole=0.6, given=0.75, untold=0.8)
CAUSAL_STAGE = Mix(single=0.1, still=0.05, scene=0.85, whole=0.3, given=0.85, untold=0.9, ordered=True)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows of one shape.

    latents, noise: per shot [B, C, t, h, w]. levels: [B, S]. given: [B, S], shots that are context.
    ids, lengths: prompts, [B * (1 + S), N] with the scene's first, or [B * S, N] without it (``has_scene``).
    """

    latents: list[Tensor]
    noise: list[Tensor]
    levels: Tensor
    given: Tensor
    truths: list[Truth]
    ids: Tensor
    lengths: Tensor | None
    has_scene: bool

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return replace(
            self,
            latents=[x.to(device) for x in self.latents],
            noise=[x.to(device) for x in self.noise],
            levels=self.levels.to(device),
            given=self.given.to(device),
            truths=[truth.to(device) for truth in self.truths],
            ids=self.ids.to(device),
            lengths=None if self.lengths is None else self.lengths.to(device),
        )

    def without(self, first: int) -> Batch:
        """The same without its ``first`` shots, which the prompts of the others may have left things to."""
        shots, rows = slice(first, None), len(self.levels)
        prompts = [*range(self.has_scene), *range(self.has_scene + first, self.has_scene + len(self.latents))]
        lengths = None if self.lengths is None else self.lengths.view(rows, -1)[:, prompts].flatten()
        return replace(
            self,
            latents=self.latents[shots],
            noise=self.noise[shots],
            levels=self.levels[:, shots],
            given=self.given[:, shots],
            truths=self.truths[shots],
            ids=self.ids.unflatten(0, (rows, -1))[:, prompts].flatten(0, 1),
            lengths=lengths,
        )


class Learner(nn.Module):
    """All that is trained together; the truth head is dropped afterwards."""

    def __init__(self, transformer: PocketTransformer, text_encoder: PocketTextEncoder) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder
        self.head = TruthHead(transformer.config.width)
        self.truth_weight, self.actor_weight = TRUTH_WEIGHT, ACTOR_WEIGHT
        self.rule: Rule = joint
        self.place: Placement = diagonal

    def tune_causal(self, rank: int) -> None:
        """Go on as a low-rank adapter under the causal rule; all else stays as it is (LCT section 3.3)."""
        self.requires_grad_(requires_grad=False)
        targets = r"layers\.\d+\.streams\.\d+\.(qkv|out|up|down)"
        self.transformer.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets), "causal")
        self.rule = causal

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its parts with the truth head's accuracies."""
        texts = self._texts(batch)
        blocks = scene_blocks(texts) if batch.has_scene else []
        for s, (latents, noise) in enumerate(zip(batch.latents, batch.noise, strict=True)):
            level = batch.levels[:, s]
            shown = Picture(latents=add_noise(latents, noise, level.view(-1, 1, 1, 1, 1)), level=level)
            blocks += shot_blocks(s, texts, shown, patch=self.transformer.config.patch)
        layout = lay_out(blocks, rule=self.rule, place=self.place)
        velocities, seen = self.transformer(blocks, layout, peek=PEEK)
        spans = [rows for block, rows in zip(blocks, layout.spans, strict=True) if block.kind == "noisy"]
        flows, readings, hits = [], [], {}
        for s, velocity in enumerate(velocities):
            flows.append(self._flow_loss(velocity.float(), batch.noise[s] - batch.latents[s], batch.truths[s]))
            reading, hits = self.head(seen[:, spans[s]], batch.truths[s])
            readings.append(reading)
        counted = ~batch.given
        flow = (torch.stack(flows, dim=1) * counted).sum() / counted.sum()
        truth = torch.stack(readings).mean()
        return flow + self.truth_weight * truth, {"flow": flow.detach(), "truth": truth.detach()} | hits

    def _texts(self, batch: Batch) -> Texts:
        count = len(batch.latents) + batch.has_scene
        features = rearrange(self.text_encoder(batch.ids, batch.lengths), "(b s) n d -> s b n d", s=count)
        lengths = None if batch.lengths is None else rearrange(batch.lengths, "(b s) -> s b", s=count)
        if batch.has_scene:
            return Texts(scene=features[0], shots=tuple(features[1:]), lengths=lengths)
        if lengths is not None:
            lengths = torch.cat([lengths[:1], lengths])  # a row for the scene's prompt, which is not read
        return Texts(scene=features[0], shots=tuple(features), lengths=lengths)

    def _flow_loss(self, velocity: Tensor, target: Tensor, truth: Truth) -> Tensor:
        """Squared error per row [B], tokens that an actor covers counting more."""
        p = self.transformer.config.patch
        error = rearrange((velocity - target) ** 2, "b c t (h p) (w q) -> b (t h w) (c p q)", p=p, q=p).mean(-1)
        weight = 1 + (self.actor_weight - 1) * owners(truth.entity)[1].float()
        return (error * weight).sum(1) / weight.sum(1)


class Drawer:
    """Draws batches from a pool; every draw is a pure function of its random state.

    one_level: all shots of a scene share their noise level (an ablation of LCT section 3.2).
    """

    def __init__(
        self, pool: Pool, tokenizer: Tokenizer, mix: Mix, *, tokens: int = TOKENS_A_STEP, one_level: bool = False
    ) -> None:
        self.pool, self.tokenizer, self.mix, self.tokens, self.one_level = pool, tokenizer, mix, tokens, one_level
        self.runs: dict[tuple[int, bool], list[tuple[int, int]]] = defaultdict(list)  # by shots and whether long
        for i, (entry, scene) in enumerate(zip(pool.entries, pool.scenes, strict=True)):
            for first in (k for k, shot in enumerate(scene.shots) if shot.cut):
                hard = any(actor.action in HARD for actor in scene.shots[first].actors)
                for shots in range(1, entry.shots - first + 1):
                    runs = [(i, first)] * (2 if hard and shots == 1 else 1)
                    self.runs[shots, False] += runs
                    if entry.frames == LONG_FRAMES:
                        self.runs[shots, True] += runs

    def draw(self, rng: random.Random) -> Batch:
        """One batch: first what kind of step, then rows of that shape."""
        kind = rng.choices(("single", "still", "scene"), (self.mix.single, self.mix.still, self.mix.scene))[0]
        shots = rng.choice((2, 3, 4, 4, 5, 6, 7, 8, 9)) if kind == "scene" else 1
        long = kind == "single" and rng.random() < 0.1
        counts = [1 if kind == "still" else 9 if long else self._length(rng) for _ in range(shots)]
        rows = max(1, min(512, self.tokens // sum(40 * count + 30 for count in counts)))
        picks = [rng.choice(self.runs[shots, long]) for _ in range(rows)]
        return self.batch(picks, counts, has_scene=shots > 1 or rng.random() < 0.4, rng=rng)

    def _length(self, rng: random.Random) -> int:
        """Latent frames of a shot: all five, or a still or a short clip."""
        return 5 if rng.random() < self.mix.whole else rng.choice((1, 1, 1, 2, 3))

    def batch(
        self, picks: Sequence[tuple[int, int]], counts: Sequence[int], *, has_scene: bool, rng: random.Random
    ) -> Batch:
        """Rows from (entry, first shot) with ``counts`` latent frames a shot."""
        clips = [[self.pool.clip(e, first + s, n) for e, first in picks] for s, n in enumerate(counts)]
        specs = [window(self.pool.scenes[e], first, counts) for e, first in picks]
        specs = [only(spec, 0) for spec in specs] if len(counts) == 1 else specs
        latents = [torch.stack([latent for latent, _ in column]) for column in clips]
        draw = torch.Generator().manual_seed(rng.getrandbits(63))
        forgotten = rng.randrange(1, len(counts)) if len(counts) > 1 and rng.random() < self.mix.forgotten else 0
        levels, given = _levels(len(picks), len(counts), draw, share=0 if forgotten else self.mix.given)
        if self.one_level:
            levels, given = levels[:, :1].expand_as(levels).contiguous(), torch.zeros_like(given)
        if forgotten:
            given = (torch.arange(len(counts)) < forgotten).expand_as(given)
        rows = zip(specs, given.tolist(), strict=True)
        ids, lengths = pad_ids([row for spec, known in rows for row in self._prompts(spec, known, has_scene, rng)])
        drawn = Batch(
            latents=latents,
            noise=[torch.randn(x.shape, generator=draw) for x in latents],
            levels=levels,
            given=given,
            truths=[
                Truth.of([(spec, s) for spec in specs], torch.stack([maps for _, maps in column]))
                for s, column in enumerate(clips)
            ],
            ids=ids,
            lengths=lengths,
            has_scene=has_scene,
        )
        return drawn.without(forgotten) if forgotten else drawn

    def _prompts(self, spec: SceneSpec, given: Sequence[bool], has_scene: bool, rng: random.Random) -> list[list[int]]:
        """Token ids of one row; all text is dropped at once now and then, for classifier-free guidance."""
        known = takewhile(lambda s: given[s], range(len(given))) if self.mix.ordered else compress(count(), given)
        pictured = tuple(known) if rng.random() < self.mix.untold else ()
        single, alone = len(spec.shots) == 1, not has_scene or rng.random() < NO_SCENE
        style = "full" if single and alone and rng.random() < TOLD else None
        withhold = not single and (alone or rng.random() < 0.3)
        said = caption(spec, rng, withhold=withhold, pictured=pictured, style=style)
        prompts = ["" if alone else said.prompt, *said.shots] if has_scene else list(said.shots)
        if rng.random() < DROP_TEXT:
            prompts = [""] * len(prompts)
        return [encoding.ids for encoding in self.tokenizer.encode_batch(prompts)]


def _levels(rows: int, shots: int, draw: torch.Generator, *, share: float) -> tuple[Tensor, Tensor]:
    """Noise levels [B, S], logit-normal and independent for every shot; and which shots are given as context.

    In a ``share`` of the scenes a random part of the shots, never all, is nearly clean.
    """
    levels = torch.sigmoid(NOISE_MEAN + NOISE_STD * torch.randn(rows, shots, generator=draw))
    made = torch.randint(shots, (rows, 1), generator=draw)
    given = (torch.rand(rows, shots, generator=draw) < 0.5) & (torch.rand(rows, 1, generator=draw) < share)
    given = given.scatter(1, made, value=False)
    return torch.where(given, GIVEN_LEVEL * torch.rand(rows, shots, generator=draw), levels), given


class DiffusionRecipe:
    """Transformer and text encoder on a pool; starts from ``start`` (weights by name) when given.

    origin: in words, what those weights had learned from.
    """

    def __init__(
        self,
        *,
        pool: Path,
        mix: Mix,
        start: dict[str, Tensor] | None = None,
        origin: str = "",
        seed: int = 0,
        tokens: int = TOKENS_A_STEP,
        one_level: bool = False,
    ) -> None:
        self.tokenizer, self.origin = build_tokenizer(vocabulary()), origin
        text_encoder = PocketTextEncoder(vocabulary=self.tokenizer.get_vocab_size())
        self.model = Learner(PocketTransformer(), text_encoder)
        if start:
            self.model.load_state_dict(start, strict=False)
        drawer = Drawer(Pool(pool), self.tokenizer, mix, tokens=tokens, one_level=one_level)
        self.batches = Ahead(lambda step: drawer.draw(random.Random(f"{seed}/{step}")), helped=on_gpu())
        speed_up()

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        batch = self.batches(step).to(device)
        loss, parts = self.model(batch)
        return loss, parts, len(batch.levels) * len(batch.latents)

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        self.model.load_state_dict(averaged)
        self.model.cpu().half()
        facts = facts | ({"started_from": self.origin} if self.origin else {})
        if self.model.rule is causal:
            self.model.transformer.save_lora_adapter(folder / "causal", "causal")
            write_record(folder / "causal", facts)
            return
        self.model.transformer.save_pretrained(folder / "transformer", max_shard_size="9MB")
        self.model.text_encoder.save_pretrained(folder / "text_encoder", max_shard_size="9MB")
        (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
        self.tokenizer.save(str(folder / "tokenizer" / "tokenizer.json"))
        write_record(folder / "transformer", facts)


def speed_up() -> None:
    """Compile the two token-wise halves of a layer: 1.1 to 1.6 times faster steps; attention stays eager.

    On a CPU its backward pass is 1.5 to 2 times faster as plain matrix products than as torch's fused kernel.
    """
    torch._dynamo.config.cache_size_limit = 64  # noqa: SLF001 - one entry per kind of batch
    for name in ("_before_attention", "_after_attention"):
        setattr(pocket_transformer, name, torch.compile(getattr(pocket_transformer, name), dynamic=True))
    if not on_gpu():
        torch.backends.cuda.enable_flash_sdp(enabled=False)  # despite the name they rule the CPU's kernels, too
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(enabled=True)
