"""A shot is generated inside a context: blocks on one timeline, where they stand, and who may look at whom."""

from engine.context.attend import attend, attend_dense
from engine.context.blocks import GLOBAL, Block, dummy, picture, text
from engine.context.layout import Layout, Placement, diagonal, lay_out, shared
from engine.context.masks import Rule, both, causal, isolated, joint
from engine.context.memory import Memory
from engine.context.rope import rotate, rotation

__all__ = [
    "GLOBAL",
    "Block",
    "Layout",
    "Memory",
    "Placement",
    "Rule",
    "attend",
    "attend_dense",
    "both",
    "causal",
    "diagonal",
    "dummy",
    "isolated",
    "joint",
    "lay_out",
    "picture",
    "rotate",
    "rotation",
    "shared",
    "text",
]
