"""The rules of open multi-shot checkpoints on Wan, as data (read from their public code).

A cut is a matter of positions, of prompts, and of who may look at whom; each checkpoint was trained with its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from engine.context import (
    ECHOSHOT,
    LONGLIVE,
    PLAINLY,
    SHOTSTREAM,
    Block,
    Placement,
    Rule,
    Telling,
    first_frame,
    joint,
    jumping,
    one_prompt,
    openings,
    phased,
    streamed,
    told,
)
from engine.methods.base import Picture, Texts
from engine.methods.lct import scene_blocks, shot_blocks
from engine.methods.lct.select import select
from engine.scene import MAX_SHOTS, Scene


@dataclass(frozen=True, kw_only=True)
class Published:
    """One checkpoint's rules; ``tuning`` is its name, for no other weights know them.

    opening: the first latent frame of every shot stands as a block of its own. chunk: shots stand in pieces of so many
    latent frames. group: shots made at once; None: all.
    scene: the scene's prompt stands as a prompt of its own; elsewhere every shot's prompt begins with it.
    cut: words before a shot that starts a new picture. whole: the prompts are encoded as one text (``parts``).
    """

    name: str
    rule: Rule = staticmethod(joint)
    place: Placement = staticmethod(jumping(0))
    telling: Telling = PLAINLY
    layers: range | None = None
    opening: bool = False
    chunk: int | None = None
    group: int | None = None
    scene: bool = False
    cut: str = ""
    whole: bool = False
    cached: bool = False
    continues: bool = False

    @property
    def tuning(self) -> str:
        return self.name

    def rounds(self, scene: Scene, group: int | None = None) -> tuple[tuple[int, ...], ...]:
        """All but the first leave room for a shot that came before, and the first where one is given."""
        make, most = scene.to_make, group or self.group or MAX_SHOTS
        later = min(most, MAX_SHOTS - 1)
        first = later if scene.given else most
        ends = (0, *range(first, len(make), later), len(make))
        return tuple(make[a:b] for a, b in pairwise(ends) if a < b)

    def context(self, scene: Scene, making: Sequence[int], made: Sequence[int]) -> tuple[int, ...]:
        known = [*scene.given, *made]
        picked = {k for k in known if scene.shots[k].picked}
        return select(known, picked=picked, room=MAX_SHOTS - len(making))

    def words(self, scene: Scene, index: int) -> str:
        shot = scene.shots[index]
        parts = ("" if self.scene else scene.prompt, shot.prompt)
        told = " ".join(part.strip() for part in parts if part.strip())
        return f"{self.cut}{told}" if shot.cut and index else told

    def parts(self, scene: Scene) -> list[str]:
        """HoloCine's one prompt: the scene's part, then one for every shot."""
        last = len(scene.shots) - 1
        shots = [shot.prompt.strip() + " [shot cut]" * (k < last) for k, shot in enumerate(scene.shots)]
        head = f"[global caption] {scene.prompt.strip()} This scene contains {last + 1} shots."
        return [f"{head} ", f"[per shot caption] {shots[0]}", *(f" {shot}" for shot in shots[1:])]

    def blocks(self, texts: Texts, pictures: Mapping[int, Picture], *, patch: int) -> list[Block]:
        blocks = scene_blocks(texts)[:1] if self.scene else []
        for shot in sorted(pictures):
            text, shown = shot_blocks(shot, texts, pictures[shot], patch=patch)
            blocks += [text, *self._pieces(shown)]
        return blocks

    def _pieces(self, shown: Block) -> list[Block]:
        frames = shown.grid[0]
        sizes = [1] if self.opening else [self.chunk] * (frames // self.chunk) if self.chunk else []
        rest = frames - sum(sizes)
        ends = torch.tensor([0, *sizes, *([rest] if rest > 0 else [])]).cumsum(0).tolist()
        return [
            replace(shown, data=shown.data[:, :, a:b], grid=(b - a, *shown.grid[1:]), frame=a)
            for a, b in pairwise(ends)
        ]


PUBLISHED = (
    Published(
        name="echoshot",  # models/model.py: TcRoPE 4, TaRoPE 4 (6 until July 2025), 2048 tokens, empty ones 10 further
        place=jumping(ECHOSHOT),
        telling=Telling(reads=one_prompt(every=True), room=2048, apart=(4, 10)),
    ),
    Published(
        name="cinetrans",  # wan/text2video.py: layers 6 to 27 are masked, the film's first frame is open to all
        rule=first_frame,
        layers=range(6, 28),
        opening=True,
        scene=True,
    ),
    Published(
        name="shotstream",  # wan/modules/causal_model.py: chunks of 3 after clean frames of the shots before
        rule=streamed,
        place=phased(SHOTSTREAM),
        telling=Telling(reads=one_prompt()),
        chunk=3,
        group=1,
    ),
    Published(
        name="longlive",  # configs/inference.yaml: chunks of 8, an offset of 8 a shot, a prefix at a cut
        rule=streamed,
        place=jumping(LONGLIVE),
        telling=Telling(reads=one_prompt()),
        chunk=8,
        group=1,
        cut="The scene transitions. ",
    ),
    Published(name="holocine", telling=Telling(reads=told, room=512), scene=True, whole=True),
    Published(
        name="holocine-sparse",  # each shot's first frame is open to all
        rule=openings,
        telling=Telling(reads=told, room=512),
        opening=True,
        scene=True,
        whole=True,
    ),
)
