"""Who may look at whom: small named rules on pairs of blocks, combined with ``both``.

Rules are about blocks, never about single tokens, so no dense mask need exist (see ``attend``).
"""

from __future__ import annotations

from collections.abc import Callable

from engine.context.blocks import GLOBAL, Block

Rule = Callable[[Block, Block], bool]  # (the block that looks, the block looked at)


def joint(_query: Block, _key: Block) -> bool:
    """Every block sees every block (LCT section 3.2)."""
    return True


def causal(query: Block, key: Block) -> bool:
    """Both ways inside a shot, backwards between shots (LCT section 3.3, context-causal attention)."""
    return key.shot <= query.shot


def isolated(query: Block, key: Block) -> bool:
    """Shots see themselves and the scene's own blocks; packing them changes nothing."""
    return key.shot == query.shot or key.shot == GLOBAL


def first_frame(query: Block, key: Block) -> bool:
    """Shots see themselves and the film's first latent frame, which stands as a block (CineTrans, generate.py)."""
    return key.is_text or key.shot == query.shot or (key.shot == 0 and key.frame == 0)


def openings(query: Block, key: Block) -> bool:
    """Shots see themselves and every shot's first latent frame, which stands as a block (HoloCine, sparse)."""
    return key.is_text or key.shot == query.shot or key.frame == 0


def streamed(query: Block, key: Block) -> bool:
    """Pieces see those before them and what is given, which sees itself (ShotStream, LongLive 2.0)."""
    given = key.kind == "history"
    return key.is_text or given or (query.kind != "history" and (key.shot, key.frame) <= (query.shot, query.frame))


def told(shot: Block, prompt: Block) -> bool:
    """A shot reads its own prompt and the scene's."""
    return prompt.is_text and prompt.shot in (shot.shot, GLOBAL)


def one_prompt(*, every: bool = False) -> Rule:
    """A shot reads its own prompt alone, or (``every``) those of all shots."""
    return lambda shot, prompt: prompt.is_text and prompt.shot != GLOBAL and (every or prompt.shot == shot.shot)


def both(*rules: Rule) -> Rule:
    """Allowed when every rule allows it."""
    return lambda query, key: all(rule(query, key) for rule in rules)
