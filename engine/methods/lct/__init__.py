"""Long Context Tuning (arXiv 2503.10589): one attention over a whole scene."""

from engine.methods.lct.blocks import scene_blocks, shot_blocks
from engine.methods.lct.order import LCT
from engine.methods.lct.select import select

__all__ = ["LCT", "scene_blocks", "select", "shot_blocks"]
