"""A shot is generated inside a context: blocks on one timeline, where they stand, and who may look at whom."""

from engine.context.attend import attend, attend_dense
from engine.context.blocks import CUT, GLOBAL, Block, dummy, is_shown, picture, text
from engine.context.kernels import Choice, choose_attention
from engine.context.layout import Layout, lay_out, spans_of
from engine.context.masks import (
    Rule,
    both,
    causal,
    first_frame,
    isolated,
    joint,
    one_prompt,
    openings,
    streamed,
    told,
)
from engine.context.memory import Memory
from engine.context.places import ECHOSHOT, LONGLIVE, SHOTSTREAM, Placement, diagonal, jumping, phased, shared
from engine.context.rope import rotate, rotate_pairs, rotation
from engine.context.telling import PLAINLY, Telling

__all__ = [
    "CUT",
    "ECHOSHOT",
    "GLOBAL",
    "LONGLIVE",
    "PLAINLY",
    "SHOTSTREAM",
    "Block",
    "Choice",
    "Layout",
    "Memory",
    "Placement",
    "Rule",
    "Telling",
    "attend",
    "attend_dense",
    "both",
    "causal",
    "choose_attention",
    "diagonal",
    "dummy",
    "first_frame",
    "is_shown",
    "isolated",
    "joint",
    "jumping",
    "lay_out",
    "one_prompt",
    "openings",
    "phased",
    "picture",
    "rotate",
    "rotate_pairs",
    "rotation",
    "shared",
    "spans_of",
    "streamed",
    "text",
    "told",
]
