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


def both(*rules: Rule) -> Rule:
    """Allowed when every rule allows it."""
    return lambda query, key: all(rule(query, key) for rule in rules)
