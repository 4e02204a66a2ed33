"""How shots read prompts that stand outside the sequence (Wan's cross-attention)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.context.blocks import Block
from engine.context.masks import Rule, told


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Which prompts a shot reads, and how.

    reads: (block of a shot, prompt) -> whether. room: prompts stand without their padding in one row that empty tokens
    fill up to this many, which every shot reads; None: each prompt stands padded as it was encoded.
    apart: (step, gap): queries of shot k and keys of its prompt are turned by k steps along the whole head, the empty
    tokens by the last k plus the gap; None turns nothing.
    """

    reads: Rule = told
    room: int | None = None
    apart: tuple[int, int] | None = None

    def places(self, prompts: list[Block]) -> dict[int, int]:
        """Where the shots of the prompts stand when they are turned apart."""
        step = self.apart[0] if self.apart else 0
        return {shot: step * k for k, shot in enumerate(dict.fromkeys(prompt.shot for prompt in prompts))}


PLAINLY = Telling()  # every shot its own prompt and the scene's
