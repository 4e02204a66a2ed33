"""Cards with words: titles, and what stands in for a shot that is not made."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from torch import Tensor

GROUND, INK, SOFT = (19, 19, 22), (236, 236, 238), (245, 176, 65)
FACES = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "Helvetica.ttc")  # of the system, for every script


def draw(words: str, width: int, height: int, *, slate: str = "") -> Tensor:
    """A still, uint8 (1, height, width, 3): words in the middle, as large as fits, and a slate in the corner."""
    import numpy as np
    import torch
    from PIL import Image, ImageDraw

    card = Image.new("RGB", (width, height), GROUND)
    pen, room = ImageDraw.Draw(card), (width * 0.86, height * (0.7 if slate else 0.86))
    for size in range(max(height // (12 if slate else 8), 8), 6, -1):
        text = textwrap.fill(words, max(int(room[0] / size * 1.9), 8), replace_whitespace=False)
        left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font(size), align="center")
        if right - left <= room[0] and bottom - top <= room[1]:
            break
    middle = (width / 2, height / 2)
    pen.multiline_text(middle, text, font=font(size), fill=INK, anchor="mm", align="center", spacing=size // 3)
    if slate:
        pen.text((width * 0.03, height * 0.04), slate, font=font(max(height // 16, 8)), fill=SOFT)
    return torch.from_numpy(np.array(card))[None]


@cache
def font(size: int) -> FreeTypeFont:
    """A plain face of the system, or the one that Pillow brings, which knows Latin letters only."""
    from PIL import ImageFont

    for name in FACES:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
