"""Long Context Tuning (arXiv 2503.10589): one attention over a whole scene."""

from engine.methods.lct.joint import Joint, shot_blocks

__all__ = ["Joint", "shot_blocks"]
