"""The sets: sky, light, weather and the nine places. Scenery is hashed by world position, so it never ends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import torch

from engine.world.painter import BOX, ELLIPSE, Canvas, Colour, Number, Shape
from engine.world.spec import INDOOR
from engine.world.view import View

SKY: dict[str, tuple[Colour, Colour]] = {  # top and bottom of the sky
    "day": ((0.36, 0.68, 0.96), (0.80, 0.93, 1.0)),
    "sunset": ((0.48, 0.28, 0.55), (1.0, 0.62, 0.36)),
    "night": ((0.04, 0.06, 0.20), (0.14, 0.19, 0.42)),
}
OVERCAST: dict[str, Colour] = {"rain": (0.52, 0.56, 0.62), "snow": (0.84, 0.88, 0.93)}
TINT: dict[str, tuple[Colour, Colour]] = {  # multiply, add
    "day": ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    "sunset": ((0.98, 0.72, 0.58), (0.09, 0.01, 0.0)),
    "night": ((0.36, 0.42, 0.62), (0.02, 0.03, 0.08)),
}
ACTOR_SHARE = 0.32  # how much of the light's tint reaches actors: their colours must stay readable
SNOW = (0.95, 0.97, 1.0)


def blend(one: Colour, two: Colour, share: float) -> Colour:
    return tuple(a * (1 - share) + b * share for a, b in zip(one, two, strict=True))


def light(time: str, weather: str, *, share: float = 1.0) -> Callable[[Colour], Colour]:
    """The grade of a time of day and weather, as a function of colour."""
    times, plus = TINT[time]
    dim = 0.88 if weather == "rain" else 1.0

    def grade(colour: Colour) -> Colour:
        lit = tuple(min(1.0, dim * c * m + p) for c, m, p in zip(colour, times, plus, strict=True))
        return blend(colour, lit, share)

    return grade


class Set:
    """Paints the scenery of one shot on a canvas."""

    def __init__(self, canvas: Canvas, view: View, *, layout: int, time: str, weather: str) -> None:
        self.canvas, self.view, self.layout, self.time, self.weather = canvas, view, layout, time, weather
        self.grade = light(time, weather)
        self.sun = 0.9 * (1 if layout % 2 else -1)

    def put(
        self,
        depth: float,
        kind: int,
        x: Number,
        y: Number,
        a: float,
        b: float,
        colour: Colour,
        *,
        lit: bool = True,
        taper: float = 0.0,
        corner: float = 0.0,
        turn: float = 0.0,
        bend: float = 0.0,
        outline: float = 0.0,
        entity: int = 0,
        part: int = 0,
    ) -> None:
        layer = self.view.layer(depth)
        px, py = layer.at(x, y)
        self.canvas.paint(
            Shape(
                kind=kind,
                x=px,
                y=py,
                a=a * layer.scale,
                b=b * layer.scale,
                colour=self.grade(colour) if lit else colour,
                taper=taper,
                round=corner * layer.scale,
                turn=-turn,
                bend=bend,
                outline=outline,
                entity=entity,
                part=part,
            )
        )

    def band(self, depth: float, top: float, colour: Colour) -> None:
        """Everything below a height, as wide as the picture."""
        low, high = self.view.layer(depth).span()
        self.put(depth, BOX, (low + high) / 2, top - 2.0, (high - low) / 2 + 1, 2.0, colour)

    def cells(
        self, name: str, depth: float, step: float, *, reach: float = 1.0
    ) -> Iterator[tuple[float, random.Random]]:
        """(x, random) of the pieces of scenery in sight, one a cell of the endless world."""
        low, high = self.view.layer(depth).span()
        for cell in range(int(np.floor((low - reach) / step)), int(np.ceil((high + reach) / step)) + 1):
            rng = random.Random(f"{self.layout}/{name}/{cell}")
            yield (cell + 0.5 + 0.5 * (rng.random() - 0.5)) * step, rng

    def ground(self, colour: Colour, *, top: float = 0.36) -> None:
        """The floor that actors stand on, and snow on it when it snows."""
        if self.weather == "snow":
            colour = blend(colour, SNOW, 0.72)
        self.band(1.0, top, colour)
        self.band(1.0, -0.06, blend(colour, (0.1, 0.1, 0.1), 0.10))


def paint_set(canvas: Canvas, view: View, *, place: str, layout: int, time: str, weather: str) -> None:
    """Sky and scenery of a place, behind the actors."""
    stage = Set(canvas, view, layout=layout, time=time, weather=weather)
    if place not in INDOOR:
        _sky(stage)
    PLACES[place](stage)


def _sky(stage: Set) -> None:
    top, bottom = SKY[stage.time]
    if stage.weather in OVERCAST:
        grey = stage.grade(OVERCAST[stage.weather])
        top, bottom = blend(top, grey, 0.85), blend(bottom, grey, 0.8)
    stage.canvas.gradient(top, bottom)
    if stage.weather == "clear":
        if stage.time == "night":
            stage.put(0.05, ELLIPSE, stage.sun, 1.62, 0.17, 0.17, (0.98, 0.97, 0.85), lit=False)
            for x, rng in stage.cells("stars", 0.03, 0.62):
                stage.put(0.03, ELLIPSE, x, 1.05 + 0.85 * rng.random(), 0.035, 0.035, (0.9, 0.92, 1.0), lit=False)
        else:
            y = 1.6 if stage.time == "day" else 0.95
            colour = (1.0, 0.93, 0.55) if stage.time == "day" else (1.0, 0.80, 0.40)
            stage.put(0.05, ELLIPSE, stage.sun, y, 0.19, 0.19, colour, lit=False)
    shade = {"clear": (1.0, 1.0, 1.0), "rain": (0.42, 0.45, 0.52), "snow": (0.97, 0.98, 1.0)}[stage.weather]
    if stage.time == "night" and stage.weather == "clear":
        return
    for x, rng in stage.cells("clouds", 0.1, 1.5):
        y, size = 1.45 + 0.35 * rng.random(), 0.8 + 0.5 * rng.random()
        for dx, dy, r in ((-0.22, 0.0, 0.13), (0.0, 0.06, 0.18), (0.22, 0.0, 0.13)):
            stage.put(0.1, ELLIPSE, x + size * dx, y + size * dy, size * r * 1.4, size * r * 0.8, shade)


def _meadow(stage: Set) -> None:
    for depth, y, colour in ((0.25, 0.35, (0.55, 0.78, 0.52)), (0.45, 0.2, (0.45, 0.74, 0.38))):
        for x, rng in stage.cells(f"hill{depth}", depth, 1.7):
            stage.put(depth, ELLIPSE, x, y - 0.1, 1.3, 0.38 + 0.25 * rng.random(), colour)
    stage.ground((0.40, 0.72, 0.30), top=0.34)
    for x, rng in stage.cells("flowers", 1.0, 0.75):
        y, colour = 0.12 + 0.16 * rng.random(), rng.choice(((1.0, 0.45, 0.55), (1.0, 0.9, 0.3), (0.98, 0.98, 1.0)))
        stage.put(1.0, BOX, x, y - 0.05, 0.015, 0.07, (0.2, 0.5, 0.2))
        stage.put(1.0, ELLIPSE, x, y + 0.04, 0.062, 0.062, colour)
        stage.put(1.0, ELLIPSE, x, y + 0.04, 0.025, 0.025, (1.0, 0.75, 0.2))


def _beach(stage: Set) -> None:
    stage.band(0.3, 0.62, (0.10, 0.52, 0.78))
    stage.band(0.5, 0.40, (0.25, 0.70, 0.85))
    for x, rng in stage.cells("waves", 0.4, 1.1):
        stage.put(0.4, BOX, x, 0.5 - 0.06 * rng.random(), 0.22, 0.018, (0.92, 0.98, 1.0), corner=0.018)
    stage.ground((0.96, 0.86, 0.62), top=0.30)
    stage.band(0.95, 0.305, (0.97, 0.95, 0.86))
    stage.ground((0.96, 0.86, 0.62), top=0.27)
    for x, rng in stage.cells("palms", 0.8, 3.1, reach=1.5):
        height = 1.15 + 0.25 * rng.random()
        stage.put(0.8, BOX, x, 0.3 + height / 2, 0.055, height / 2, (0.58, 0.40, 0.24), turn=0.06, outline=0.8)
        for turn in (0.35, -0.35, 0.05, 2.7, 3.5):
            dx, dy = 0.27 * np.cos(turn), 0.27 * np.sin(turn)
            stage.put(0.8, ELLIPSE, x + dx, 0.3 + height + dy, 0.30, 0.075, (0.20, 0.60, 0.28), turn=turn)


def _forest(stage: Set) -> None:
    stage.band(0.2, 1.15, (0.16, 0.40, 0.27))
    for x, rng in stage.cells("crowns", 0.25, 0.8):
        stage.put(0.25, ELLIPSE, x, 1.15 + 0.15 * rng.random(), 0.55, 0.42, (0.13, 0.36, 0.24))
    for x, rng in stage.cells("trunks", 0.5, 0.85):
        wide = 0.085 + 0.05 * rng.random()
        stage.put(0.5, BOX, x, 0.9, wide, 0.9, (0.36, 0.24, 0.16), taper=0.12)
        stage.put(0.5, ELLIPSE, x, 1.75, 0.48, 0.42, (0.10, 0.45, 0.22))
    stage.ground((0.30, 0.44, 0.22), top=0.34)
    for x, rng in stage.cells("bushes", 0.9, 1.3):
        stage.put(0.9, ELLIPSE, x, 0.36, 0.28 + 0.1 * rng.random(), 0.17, (0.14, 0.42, 0.20))


def _city(stage: Set) -> None:
    tones = ((0.60, 0.64, 0.74), (0.78, 0.60, 0.52), (0.52, 0.58, 0.66), (0.82, 0.74, 0.60))
    glow = (1.0, 0.88, 0.45) if stage.time == "night" else stage.grade((0.80, 0.92, 1.0))
    for x, rng in stage.cells("towers", 0.25, 0.72):
        stage.put(0.25, BOX, x, 0.55, 0.34, 0.55 + 0.5 * rng.random(), blend(rng.choice(tones), (0.7, 0.78, 0.9), 0.5))
    for x, rng in stage.cells("houses", 0.55, 1.05):
        high = 0.42 + 0.42 * rng.random()
        stage.put(0.55, BOX, x, 0.25 + high / 2, 0.44, high / 2 + 0.2, rng.choice(tones), outline=0.8)
        for dx in (-0.2, 0.2):
            stage.put(0.55, BOX, x + dx, 0.25 + high * 0.78, 0.10, 0.10, glow, lit=False)
    stage.ground((0.62, 0.62, 0.65), top=0.36)
    stage.band(1.0, 0.20, (0.40, 0.41, 0.46))
    if stage.weather == "snow":
        stage.band(1.0, 0.20, SNOW)
    for x, _ in stage.cells("lane", 1.0, 0.9):
        stage.put(1.0, BOX, x, -0.16, 0.2, 0.028, (0.95, 0.9, 0.6))


def _mountain(stage: Set) -> None:
    for depth, step, colour in ((0.12, 0.8, (0.60, 0.68, 0.82)), (0.3, 1.15, (0.44, 0.52, 0.66))):
        for x, rng in stage.cells(f"peak{depth}", depth, step):
            high = 0.42 + 0.2 * rng.random()
            stage.put(depth, BOX, x, 0.33 + high, high * 0.66, high, colour, taper=0.98)
            stage.put(depth, BOX, x, 0.33 + high * 1.66, high * 0.225, high * 0.34, SNOW, taper=0.96)
    stage.ground((0.52, 0.60, 0.50), top=0.40)
    for x, rng in stage.cells("rocks", 0.95, 1.2):
        stage.put(0.95, ELLIPSE, x, 0.33, 0.16 + 0.1 * rng.random(), 0.11, (0.50, 0.51, 0.55), outline=0.8)


def _desert(stage: Set) -> None:
    for depth, y, colour in ((0.2, 0.45, (0.95, 0.74, 0.45)), (0.45, 0.28, (0.90, 0.63, 0.33))):
        for x, rng in stage.cells(f"dune{depth}", depth, 2.0):
            stage.put(depth, ELLIPSE, x, y - 0.15, 1.5, 0.33 + 0.2 * rng.random(), colour)
    stage.ground((0.93, 0.70, 0.40), top=0.33)
    for x, rng in stage.cells("cactus", 0.85, 1.9):
        green, high = (0.22, 0.55, 0.33), 0.33 + 0.12 * rng.random()
        stage.put(0.85, BOX, x, 0.25 + high, 0.09, high, green, corner=0.09, outline=0.8)
        for sign in (-1, 1):
            stage.put(0.85, BOX, x + 0.17 * sign, 0.28 + high, 0.12, 0.05, green, corner=0.05)
            stage.put(0.85, BOX, x + 0.25 * sign, 0.40 + high, 0.055, 0.15, green, corner=0.055)


def _room(stage: Set) -> None:
    wall = ((0.95, 0.82, 0.66), (0.72, 0.83, 0.80), (0.90, 0.76, 0.80))[stage.layout % 3]
    stage.canvas.gradient(stage.grade(wall), stage.grade(wall))
    for x, _ in stage.cells("windows", 0.55, 2.6):
        stage.put(0.55, BOX, x, 1.25, 0.46, 0.40, (0.99, 0.97, 0.93), corner=0.03, outline=0.8)
        stage.put(0.55, BOX, x, 1.25, 0.39, 0.33, SKY[stage.time][1], lit=False)
        if stage.time == "night":
            stage.put(0.55, ELLIPSE, x + 0.15, 1.38, 0.10, 0.10, (0.98, 0.97, 0.85), lit=False)
        stage.put(0.55, BOX, x, 1.25, 0.025, 0.35, (0.99, 0.97, 0.93))
    for x, rng in stage.cells("shelf", 0.55, 2.6):
        stage.put(0.55, BOX, x + 1.25, 0.75, 0.42, 0.50, (0.55, 0.36, 0.24), outline=0.8)
        for y in (0.58, 0.96):
            tones = ((0.85, 0.4, 0.35), (0.35, 0.55, 0.75), (0.95, 0.8, 0.4))
            stage.put(0.55, BOX, x + 1.25, y, 0.34, 0.12, rng.choice(tones))
    stage.band(0.8, 0.43, (0.97, 0.94, 0.90))
    stage.band(0.9, 0.37, (0.70, 0.47, 0.30))
    stage.put(1.0, ELLIPSE, 0.0, 0.02, 1.5, 0.2, (0.72, 0.32, 0.36))
    stage.put(1.0, ELLIPSE, 0.0, 0.02, 1.2, 0.14, (0.92, 0.78, 0.62))


def _castle(stage: Set) -> None:
    stone, roof = (0.70, 0.69, 0.74), ((0.75, 0.25, 0.30), (0.30, 0.35, 0.70))[stage.layout % 2]
    stage.band(0.3, 0.82, stone)
    for x, _ in stage.cells("teeth", 0.3, 0.36):
        stage.put(0.3, BOX, x, 0.86, 0.085, 0.10, stone)
    for x, rng in stage.cells("keeps", 0.35, 1.35):
        high = 0.55 + 0.2 * rng.random()
        stage.put(0.35, BOX, x, 0.3 + high, 0.24, high, blend(stone, (0.5, 0.5, 0.58), 0.35), outline=0.8)
        stage.put(0.35, BOX, x, 0.3 + 2 * high + 0.2, 0.33, 0.24, roof, taper=0.97, outline=0.8)
        window = (1.0, 0.85, 0.4) if stage.time == "night" else (0.25, 0.25, 0.33)
        stage.put(0.35, BOX, x, 0.3 + high * 1.5, 0.06, 0.10, window, corner=0.06, lit=False)
    stage.ground((0.45, 0.66, 0.36), top=0.36)
    stage.put(1.0, BOX, 0.0, 0.0, 9.0, 0.13, (0.80, 0.74, 0.62))


def _moon(stage: Set) -> None:
    glow = {"day": 0.05, "sunset": 0.12, "night": 0.0}[stage.time]
    stage.canvas.gradient((0.02 + glow, 0.02, 0.06 + glow), (0.06 + glow, 0.06, 0.14 + glow))
    for x, rng in stage.cells("stars", 0.03, 0.5):
        stage.put(0.03, ELLIPSE, x, 0.9 + rng.random(), 0.03, 0.03, (1, 1, 1), lit=False)
    stage.put(0.05, ELLIPSE, stage.sun, 1.5, 0.27, 0.27, (0.25, 0.50, 0.90), lit=False)
    stage.put(0.05, ELLIPSE, stage.sun - 0.06, 1.55, 0.12, 0.09, (0.35, 0.72, 0.42), lit=False)
    stage.ground((0.72, 0.72, 0.76), top=0.40)
    for x, rng in stage.cells("craters", 1.0, 1.0):
        y = 0.05 + 0.25 * rng.random()
        stage.put(1.0, ELLIPSE, x, y, 0.24, 0.07, (0.55, 0.55, 0.60))


PLACES: dict[str, Callable[[Set], None]] = {
    "meadow": _meadow,
    "beach": _beach,
    "forest": _forest,
    "city": _city,
    "mountain": _mountain,
    "desert": _desert,
    "room": _room,
    "castle": _castle,
    "moon": _moon,
}


def paint_prop(stage: Set, prop: str, x: float, *, entity: int, part: int) -> None:
    """One thing on the ground beside the actors."""
    seen = {"entity": entity, "part": part}
    if prop == "ball":
        stage.put(1.0, ELLIPSE, x, 0.13, 0.15, 0.15, (0.95, 0.95, 0.95), outline=1.0, **seen)
        stage.put(1.0, BOX, x, 0.13, 0.05, 0.13, (0.90, 0.20, 0.20), **seen)
    elif prop == "box":
        stage.put(1.0, BOX, x, 0.15, 0.18, 0.17, (0.76, 0.55, 0.32), outline=1.0, **seen)
        stage.put(1.0, BOX, x, 0.15, 0.18, 0.03, (0.52, 0.34, 0.18), **seen)
    elif prop == "mushroom":
        stage.put(1.0, BOX, x, 0.12, 0.06, 0.14, (0.97, 0.93, 0.85), outline=1.0, corner=0.03, **seen)
        stage.put(1.0, ELLIPSE, x, 0.27, 0.20, 0.13, (0.88, 0.18, 0.18), outline=1.0, **seen)
        for dx, dy in ((-0.09, 0.27), (0.03, 0.33), (0.11, 0.25)):
            stage.put(1.0, ELLIPSE, x + dx, dy, 0.035, 0.035, (1.0, 0.97, 0.92), **seen)
    elif prop == "lantern":
        stage.put(1.0, ELLIPSE, x, 0.2, 0.15, 0.18, (1.0, 0.85, 0.30), lit=False, outline=1.0, **seen)
        stage.put(1.0, BOX, x, 0.03, 0.12, 0.03, (0.25, 0.22, 0.22), **seen)
        stage.put(1.0, BOX, x, 0.38, 0.07, 0.03, (0.25, 0.22, 0.22), **seen)


def paint_weather(canvas: Canvas, weather: str, clock: np.ndarray) -> None:
    """Rain or snow over everything: one coarse grid that slides with the clock [T]."""
    if weather == "clear":
        return
    canvas.finish()
    device = canvas.xs.device
    t = torch.from_numpy(clock.astype(np.float32)).to(device)[:, None, None]
    x, y = canvas.xs[None, None], canvas.ys[None, :, None]
    wide, high, fall, drift = (23.0, 40.0, 8.0, 0.4) if weather == "rain" else (26.0, 24.0, 2.0, 0.5)
    side = x + drift * y if weather == "rain" else x + drift * t
    column = torch.floor(side / wide)
    down = y - fall * t + 2 * high * _hash(column)
    row = torch.floor(down / high)
    u = side - (column + 0.5) * wide + (_hash(column + 17 * row) - 0.5) * wide * 0.5
    v = down - (row + 0.5) * high
    if weather == "rain":
        distance, colour, alpha = torch.maximum(u.abs() - 1.1, v.abs() - 6.0), (0.80, 0.88, 1.0), 0.6
    else:
        distance, colour, alpha = torch.hypot(u, v) - 2.2, (1.0, 1.0, 1.0), 0.95
    cover = (0.5 - distance).clamp(0, 1)[:, None] * alpha
    canvas.pixels += cover * (torch.tensor(colour, device=device)[:, None, None] - canvas.pixels)


def _hash(cell: torch.Tensor) -> torch.Tensor:
    """A fixed random number in 0..1 for every cell."""
    return (torch.sin(cell * 12.9898) * 43758.5453) % 1.0
