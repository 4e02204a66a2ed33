"""What a scene will take, counted before anything is loaded but a tokenizer: rounds, and the tokens of every block."""

from __future__ import annotations

from dataclasses import dataclass

from engine.backbones import block_tokens, scene_tokens
from engine.methods import METHODS
from engine.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Round:
    """Shots that are made together. blocks: (shot, tokens) of their context in order, -1 for the scene's words.

    running: tokens that are computed at each step. unseen: finished shots for which the context has no room.
    """

    shots: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...]
    running: int
    unseen: int

    @property
    def tokens(self) -> int:
        """Of the whole context."""
        return sum(size for _, size in self.blocks)


def outline(scene: Scene, name: str = "pocket", *, method: str = "lct", group: int | None = None) -> tuple[Round, ...]:
    """The rounds in which ``generate`` would make the scene's shots; a given take only has to be there.

    ValueError when there is no such backbone or method.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    way, made, rounds = METHODS[method], list[int](), []
    words = scene_tokens(scene.prompt, name)
    sizes = [block_tokens(shot.prompt, shot.frames, name) for shot in scene.shots]
    for shots in way.rounds(scene, group):
        seen = way.context(scene, shots, made)
        blocks = [(k, sizes[k]) for k in sorted((*seen, *shots))]
        if method != "independent":
            blocks.insert(0, (-1, words))
        running = sum(size for k, size in blocks if not way.cached or k >= min(shots))
        known = [k for k in (*scene.given, *made) if not way.cached or k < min(shots)]
        unseen = 0 if method == "independent" else len(known) - len(seen)
        rounds.append(Round(shots=shots, blocks=tuple(blocks), running=running, unseen=unseen))
        made += shots
    return tuple(rounds)
