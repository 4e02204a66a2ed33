"""Flat, antialiased shapes on frames, in plain torch.

Everything is drawn from two primitives, an ellipse and a rounded box, that can be rotated, tapered and bent.
A shape that does not move is painted on one frame; the canvas grows to all frames when something moves.
Legend: T frames, H height, W width; pixels, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

ELLIPSE, BOX = 0, 1
Number = float | np.ndarray  # a value for all frames, or one a frame [T]
Colour = tuple[float, float, float]  # 0..1


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One primitive in pixels; every number may vary over frames.

    a, b: half sizes along its own axes. turn: radians, clockwise on screen. taper: widens a towards +b.
    bend: how far, in units of a, the ends of the a-axis curve towards +b. round: corner radius of a box.
    outline: width of the darker rim. entity, part: ground truth; entity 0 leaves none.
    """

    kind: int
    x: Number
    y: Number
    a: Number
    b: Number
    colour: Colour
    turn: Number = 0.0
    taper: float = 0.0
    bend: Number = 0.0
    round: Number = 0.0
    alpha: Number = 1.0
    outline: Number = 0.0
    entity: int = 0
    part: int = 0


class Canvas:
    """Frames [T, 3, H, W] in 0..1 with part and entity maps [T, H, W]."""

    def __init__(self, frames: int, height: int, width: int, *, device: torch.device | str = "cpu") -> None:
        self.count, self.height, self.width = frames, height, width
        self.pixels = torch.zeros(1, 3, height, width, device=device)
        self.part = torch.zeros(1, height, width, dtype=torch.uint8, device=device)
        self.entity = torch.zeros_like(self.part)
        self.xs = torch.arange(width, device=device, dtype=torch.float32) + 0.5
        self.ys = torch.arange(height, device=device, dtype=torch.float32) + 0.5

    def gradient(self, top: Colour, bottom: Colour) -> None:
        """Fill everything with a vertical gradient."""
        mix = (self.ys / self.height)[:, None]
        ends = torch.tensor([top, bottom], device=mix.device)
        self.pixels = (ends[0] * (1 - mix) + ends[1] * mix).T[None, :, :, None].repeat(1, 1, 1, self.width)

    def finish(self) -> None:
        """Give every frame memory of its own."""
        if self.pixels.shape[0] < self.count:
            self.pixels = self.pixels.repeat(self.count, 1, 1, 1)
            self.part = self.part.repeat(self.count, 1, 1)
            self.entity = self.entity.repeat(self.count, 1, 1)

    def paint(self, shape: Shape) -> None:
        values = [shape.x, shape.y, shape.a, shape.b, shape.turn, shape.bend, shape.round, shape.alpha, shape.outline]
        rows = np.stack(np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, np.float32)) for v in values)))
        box = self._bounds(rows, abs(shape.taper))
        if box is None:
            return
        if rows.shape[1] > 1:
            self.finish()
        x, y, a, b, turn, bend, corner, alpha, outline = torch.from_numpy(rows).to(self.xs.device)[:, :, None, None]
        rows_, columns = box
        distance = _distance(shape, self.xs[columns] - x, self.ys[rows_, None] - y, a, b, turn, bend, corner)
        cover = (0.5 - distance).clamp_(0, 1)
        tint = torch.tensor(shape.colour, device=self.xs.device)[:, None, None]
        if np.any(rows[8] > 0):
            core = (0.5 - distance - outline).clamp_(0, 1)[:, None]
            tint = tint * (0.5 + 0.5 * core)
        region = self.pixels[:, :, rows_, columns]
        region += (cover * alpha)[:, None] * (tint - region)
        if shape.entity:
            solid = (cover * alpha) > 0.5
            self.part[:, rows_, columns].masked_fill_(solid, shape.part)
            self.entity[:, rows_, columns].masked_fill_(solid, shape.entity)

    def _bounds(self, rows: np.ndarray, taper: float) -> tuple[slice, slice] | None:
        """The smallest box that holds the shape over all frames, or None when it is nowhere in the picture."""
        x, y, a, b, turn, bend, _, alpha, _ = rows
        if not np.any(alpha > 0):
            return None
        wide, high = a * (1 + taper) + 1, b + np.abs(bend) * a + 1
        cos, sin = np.abs(np.cos(turn)), np.abs(np.sin(turn))
        reach_x, reach_y = cos * wide + sin * high, sin * wide + cos * high
        left, right = max(0, int((x - reach_x).min())), min(self.width, int((x + reach_x).max()) + 1)
        top, bottom = max(0, int((y - reach_y).min())), min(self.height, int((y + reach_y).max()) + 1)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)


def _distance(
    shape: Shape, dx: Tensor, dy: Tensor, a: Tensor, b: Tensor, turn: Tensor, bend: Tensor, corner: Tensor
) -> Tensor:
    """Signed distance in pixels, good near the edge, negative inside [T, h, w]."""
    if np.any(np.asarray(shape.turn) != 0):
        cos, sin = turn.cos(), turn.sin()
        dx, dy = dx * cos + dy * sin, dy * cos - dx * sin
    if np.any(np.asarray(shape.bend) != 0):
        dy = dy + bend * dx.square() / a
    slope = 1.0
    if shape.taper:
        slope = torch.rsqrt(1 + (shape.taper * a / b).square())
        a = a * (1 + shape.taper * (dy / b).clamp(-1, 1)).clamp(min=0.02)
    if shape.kind == ELLIPSE:
        u, v = dx / a, dy / b
        k = (u.square() + v.square()).sqrt()
        return k * (k - 1) / ((u / a).square() + (v / b).square()).sqrt().clamp(min=1e-4)
    qx, qy = (dx.abs() - a) * slope + corner, dy.abs() - b + corner
    return torch.hypot(qx.clamp(min=0), qy.clamp(min=0)) + torch.maximum(qx, qy).clamp(max=0) - corner
