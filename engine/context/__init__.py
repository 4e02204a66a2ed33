"""A shot is generated inside a context: blocks on one timeline, where they stand, and who may look at whom."""

from engine.context.attend import attend, attend_dense
from engine.context.blocks import GLOBAL, Block, dummy, is_shown, picture, text
from engine.context.kernels import Choice, choose_attention
from engine.context.layout import Layout, lay_out
from engine.context.masks import Rule, both, causal, isolated, joint
from engine.context.memory import Memory
from engine.context.places import ECHOSHOT, LONGLIVE, SHOTSTREAM, Placement, diagonal, jumping, phased, shared
from engine.context.rope import rotate, rotate_pairs, rotation

__all__ = [
    "ECHOSHOT",
    "GLOBAL",
    "LONGLIVE",
    "SHOTSTREAM",
    "Block",
    "Choice",
    "Layout",
    "Memory",
    "Placement",
    "Rule",
    "attend",
    "attend_dense",
    "both",
    "causal",
    "choose_attention",
    "diagonal",
    "dummy",
    "is_shown",
    "isolated",
    "joint",
    "jumping",
    "lay_out",
    "phased",
    "picture",
    "rotate",
    "rotate_pairs",
    "rotation",
    "shared",
    "text",
]
