"""What a scene will take, counted with or without weights: its rounds, their passes, and the tokens of every block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine.backbones.base import Sizes
from engine.context import Block, spans_of
from engine.methods import METHODS, Method, Picture, Texts, going_on
from engine.scene import Scene, Shot
from engine.settings import Settings, check_words

Work = tuple[int, int]  # a pass: tokens that run, and those of its whole context


@dataclass(frozen=True, kw_only=True)
class Round:
    """Shots that are made together.

    blocks: (shot, kind, tokens) of their context in order, shot -1 for the scene's own. passes: those of each step,
    more with guidance. fresh: those that fill the memory of a causal method, once. remembered: tokens in that memory,
    of each pass. continued: shots that begin with the last picture of the one before. unseen: finished shots for which
    the context has no room.
    """

    shots: tuple[int, ...]
    blocks: tuple[tuple[int, str, int], ...]
    passes: tuple[Work, ...]
    fresh: tuple[Work, ...] = ()
    remembered: tuple[int, ...] = ()
    continued: int = 0
    unseen: int = 0

    @property
    def tokens(self) -> int:
        """Of the whole context."""
        return self.passes[0][1]

    @property
    def running(self) -> int:
        """Tokens that are computed at each step, without those that guidance adds."""
        return self.passes[0][0]

    @property
    def shares(self) -> dict[int, int]:
        """Tokens of each shot in the context, in order."""
        found: dict[int, int] = {}
        for shot, _, size in self.blocks:
            found[shot] = found.get(shot, 0) + size
        return found


def outline(scene: Scene, name: str = "pocket", **settings: Any) -> tuple[Round, ...]:
    """The rounds in which ``generate`` with these settings would make the scene's shots; nothing is loaded for it.

    A given take only has to be there. ValueError when there is no such backbone or method.
    """
    from engine.backbones import sizes

    known = sizes(name)
    asked = Settings(**settings).filled(known)
    if asked.method not in METHODS:
        raise ValueError(f"method is {asked.method!r}; it must be one of {', '.join(METHODS)}")
    check_words(scene, known, asked.method)
    return tuple(rounds(scene, known, asked))


def too_long(found: Iterable[Round], window: int) -> tuple[str, ...]:
    """A sentence for each round with more tokens than the model learned with."""
    return tuple(
        f"shots {', '.join(str(k + 1) for k in one.shots)}: {one.tokens} tokens, more than the {window} "
        "that this model was trained on; make fewer shots at once or pick fewer"
        for one in found
        if one.tokens > window
    )


def check_window(scene: Scene, known: Sizes, asked: Settings) -> None:
    """Raise ValueError for a context that is too long."""
    for sentence in too_long(rounds(scene, known, asked), known.window):
        raise ValueError(sentence)


def turns(scene: Scene, method: str, group: int | None = None) -> tuple[tuple[int, ...], ...]:
    """The shots of each round, without what it takes to count tokens."""
    return METHODS[method].rounds(scene, group)


def rounds(scene: Scene, known: Sizes, asked: Settings) -> Iterator[Round]:
    """The same rounds, contexts and blocks as the generator's, on tensors without data."""
    method, made, memory = METHODS[asked.method], list[int](), dict[str, list[int]]()
    parts = method.parts(scene)
    told, silent = (_texts(known, words) for words in (parts, [""] * len(parts)))
    for shots in method.rounds(scene, asked.group):
        seen = method.context(scene, shots, made)
        shown = {k: _picture(scene.shots[k], scene, known, given=k in seen) for k in (*seen, *shots)}
        branches = {"full": (told, shown)}
        if asked.guidance != 1:
            branches["no text"] = (silent, shown)
        if asked.history_guidance != 1 and seen:
            branches["no history"] = (told, {k: shown[k] for k in shots})
        found = {name: _sized(known, method, *branch) for name, branch in branches.items()}
        groups = {name: _groups(blocks, min(shots)) if method.cached else {} for name, blocks in found.items()}
        totals = {name: sum(size for _, size in blocks) for name, blocks in found.items()}
        behind = [k for k in (*scene.given, *made) if not method.cached or k < min(shots)]
        yield Round(
            shots=shots,
            blocks=tuple((block.shot, block.kind, size) for block, size in found["full"]),
            passes=tuple((total - sum(groups[name].values()), total) for name, total in totals.items()),
            fresh=tuple(work for name, group in groups.items() for work in _fresh(group, memory.get(name, []))),
            remembered=tuple(sum(group.values()) for group in groups.values()),
            continued=len(going_on(method, scene, shots, seen)),
            unseen=0 if method.name == "independent" else len(behind) - len(seen),
        )
        memory |= {name: list(group) for name, group in groups.items()}
        made += shots


def _texts(known: Sizes, words: Sequence[str]) -> Texts:
    scene, *shots = (torch.empty(1, known.text_tokens(text), 1, device="meta") for text in words)
    return Texts(scene=scene, shots=tuple(shots))


def _picture(shot: Shot, scene: Scene, known: Sizes, *, given: bool) -> Picture:
    latent = known.shape(shot.frames, scene.height, scene.width).latent
    return Picture(latents=torch.empty(1, *latent, device="meta"), level=0.0, given=given)


def _sized(known: Sizes, method: Method, texts: Texts, shown: Mapping[int, Picture]) -> list[tuple[Block, int]]:
    """The blocks that take part in the sequence, with their tokens."""
    blocks = method.blocks(texts, shown, patch=known.patch)
    pairs = zip(blocks, spans_of(blocks, known.text), strict=True)
    return [(block, span.stop - span.start) for block, span in pairs if span.stop > span.start]


def _groups(sized: Sequence[tuple[Block, int]], first: int) -> dict[int, int]:
    """Tokens of every shot before the ``first`` being made: what a causal method remembers, shot by shot."""
    found: dict[int, int] = {}
    for block, size in sized:
        if block.shot < first:
            found[block.shot] = found.get(block.shot, 0) + size
    return found


def _fresh(groups: Mapping[int, int], known: Sequence[int]) -> Iterator[Work]:
    """The passes that bring a memory of the ``known`` shots up to these (``History.recall``)."""
    total, same = 0, True
    for place, (shot, size) in enumerate(groups.items()):
        total += size
        same = same and known[place : place + 1] == [shot]
        if not same:
            yield size, total
