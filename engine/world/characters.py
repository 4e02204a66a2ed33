"""The cast: how every species, accessory and action is drawn.

A body stands on the origin, is about 1 high, y up. Yaw turns it: 0 looks at us, positive looks right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.world.painter import BOX, ELLIPSE, Colour, Number, Shape
from engine.world.spec import Actor, Character, ShotSpec
from engine.world.view import VIEW_HEIGHT, Layer, actor_x, speed

PARTS = ("background", "head", "body", "limb", "ear", "face", "tail", "accessory", "prop")
PAINT: dict[str, Colour] = {
    "red": (0.85, 0.17, 0.18),
    "orange": (0.96, 0.53, 0.13),
    "yellow": (0.98, 0.83, 0.22),
    "green": (0.27, 0.69, 0.31),
    "blue": (0.20, 0.42, 0.90),
    "purple": (0.56, 0.30, 0.76),
    "pink": (0.97, 0.58, 0.74),
    "white": (0.95, 0.95, 0.95),
}
CREAM, INK, BEAK, BLUSH = (0.99, 0.93, 0.82), (0.10, 0.09, 0.13), (0.98, 0.66, 0.15), (0.98, 0.72, 0.72)
RIM = 1.0  # outline in pixels at wide framing


def mix(one: Colour, two: Colour, share: float) -> Colour:
    return tuple(a * (1 - share) + b * share for a, b in zip(one, two, strict=True))


@dataclass(frozen=True, kw_only=True)
class Pose:
    """An actor's body over time; numbers or arrays [T]."""

    x: Number
    lift: Number = 0.0
    squash: Number = 1.0
    lean: Number = 0.0
    yaw: Number = 0.0
    stride: Number = 0.0  # swing of the legs, radians
    arms: Number = 0.0  # swing of the arms, radians
    wave: Number | None = None  # sideways swing of a raised hand
    sit: bool = False


def pose(shot: ShotSpec, actor: Actor, t: np.ndarray) -> Pose:  # noqa: PLR0911 - one return an action
    """What an actor's body does at frames t [T] of a shot."""
    clock, x = shot.start + t + 24 * actor.phase, actor_x(shot, actor, t)
    turn = 2 * np.pi * clock
    if actor.action in ("walk_left", "walk_right"):
        swing = np.sin(turn / 8)
        yaw = 0.9 * np.sign(speed(actor.action))
        return Pose(x=x, lift=0.03 * np.abs(swing), yaw=yaw, stride=0.75 * swing, arms=0.6 * swing)
    if actor.action in ("run_left", "run_right"):
        swing, way = np.sin(turn / 6), np.sign(speed(actor.action))
        return Pose(
            x=x, lift=0.1 * np.abs(swing), lean=-0.2 * way, yaw=1.05 * way, stride=1.15 * swing, arms=1.2 * swing
        )
    facing = 0.42 * actor.facing
    if actor.action == "jump":
        way = (clock / 10) % 1
        height = min(0.5, 0.24 * VIEW_HEIGHT[shot.framing])
        arc = 4 * way * (1 - way)
        return Pose(
            x=actor.x, lift=height * arc, squash=0.9 + 0.13 * arc, yaw=facing, arms=1.5 * arc, stride=0.3 * arc
        )
    if actor.action == "wave":
        return Pose(x=actor.x, yaw=facing * 0.5, wave=0.2 * np.sin(turn / 6))
    if actor.action == "spin":
        return Pose(x=actor.x, yaw=turn / 12 * actor.facing, arms=0.9, lift=0.02)
    if actor.action == "sit":
        return Pose(x=actor.x, lift=-0.2, yaw=facing, sit=True, squash=1 + 0.008 * np.sin(turn / 14))
    return Pose(x=actor.x, yaw=facing, squash=1 + 0.015 * np.sin(turn / 14))


@dataclass(frozen=True, kw_only=True)
class Build:
    """The proportions of a species."""

    head: tuple[float, float, float] = (0.72, 0.27, 0.24)  # y, half width, half height
    body: tuple[float, float, float] = (0.33, 0.19, 0.21)
    size: float = 1.0
    muzzle: tuple[float, float, float] | None = (0.635, 0.12, 0.085)  # y, half width, half height
    nose: bool = True
    arms: bool = True
    eyes: float = 0.75  # y
    feet: Colour | None = None
    box: bool = False
    crown: float = 0.94  # y of the top of the head, where hats sit


BUILDS = {
    "cat": Build(),
    "rabbit": Build(head=(0.70, 0.24, 0.23), body=(0.32, 0.17, 0.20), crown=0.90),
    "bear": Build(head=(0.73, 0.29, 0.25), body=(0.35, 0.25, 0.25), size=1.06, muzzle=(0.64, 0.15, 0.10)),
    "fox": Build(head=(0.71, 0.28, 0.22), muzzle=None, crown=0.91),
    "elephant": Build(head=(0.73, 0.25, 0.24), body=(0.35, 0.25, 0.25), size=1.06, muzzle=None, nose=False),
    "mouse": Build(head=(0.68, 0.23, 0.21), body=(0.31, 0.15, 0.18), size=0.92, crown=0.87),
    "frog": Build(
        head=(0.64, 0.33, 0.19), body=(0.30, 0.25, 0.20), muzzle=None, nose=False, eyes=0.84, crown=0.82, size=1.0
    ),
    "duck": Build(head=(0.74, 0.22, 0.22), body=(0.33, 0.24, 0.21), muzzle=None, nose=False, arms=False, feet=BEAK),
    "robot": Build(head=(0.72, 0.26, 0.19), body=(0.34, 0.20, 0.19), muzzle=None, nose=False, box=True, crown=0.91),
    "dinosaur": Build(head=(0.74, 0.22, 0.20), body=(0.34, 0.21, 0.23), muzzle=None, nose=False, crown=0.93),
}


class Body:
    """Collects the shapes of one actor, turning body coordinates into pixels."""

    def __init__(
        self, character: Character, stance: Pose, layer: Layer, *, entity: int, grade: Callable[[Colour], Colour]
    ) -> None:
        self.character, self.pose, self.layer, self.entity, self.grade = character, stance, layer, entity, grade
        self.build = BUILDS[character.species]
        self.colour = PAINT[character.colour]
        self.pale = mix(self.colour, CREAM, 0.72) if character.colour != "white" else (0.80, 0.78, 0.78)
        self.shapes: list[Shape] = []

    def put(
        self,
        kind: int,
        x: Number,
        y: Number,
        a: Number,
        b: Number,
        colour: Colour,
        part: str,
        *,
        turn: Number = 0.0,
        rim: bool = True,
        show: Number = 1.0,
        corner: Number = 0.0,
        taper: float = 0.0,
        bend: Number = 0.0,
    ) -> None:
        """A shape at body coordinates; ``turn`` is counter-clockwise."""
        size, lean = self.build.size, self.pose.lean
        y = y * self.pose.squash
        x, y = x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)
        px, py = self.layer.at(self.pose.x + size * x, self.pose.lift + size * y)
        scale = self.layer.scale * size
        outline = RIM * (self.layer.scale / 34.8) ** 0.6 if rim else 0.0
        self.shapes.append(
            Shape(
                kind=kind,
                x=px,
                y=py,
                a=a * scale,
                b=b * scale,
                colour=self.grade(colour),
                turn=-(turn + lean),
                taper=taper,
                bend=-bend if isinstance(bend, np.ndarray) or bend else 0.0,
                round=corner * scale,
                alpha=show,
                outline=outline,
                entity=self.entity,
                part=PARTS.index(part),
            )
        )

    def limb(
        self, x0: Number, y0: Number, x1: Number, y1: Number, thick: float, colour: Colour, part: str = "limb"
    ) -> None:
        """A capsule between two points."""
        length = np.hypot(x1 - x0, y1 - y0) / 2 + thick
        turn = np.arctan2(y1 - y0, x1 - x0)
        self.put(BOX, (x0 + x1) / 2, (y0 + y1) / 2, length, thick, colour, part, turn=turn, corner=thick)

    def on_head(self, angle: float, y: float) -> tuple[Number, Number]:
        """x of a feature at an angle around the head, and whether it faces us."""
        yaw, (middle, wide, high) = self.pose.yaw, self.build.head
        ring = np.sqrt(np.maximum(0.15, 1 - ((y - middle) / high) ** 2))
        return np.sin(yaw + angle) * wide * 0.92 * ring, np.clip(np.cos(yaw + angle) * 4, 0, 1)

    @property
    def side(self) -> Number:
        """How far the body is turned to its right: -1..1."""
        return np.sin(self.pose.yaw)

    @property
    def front(self) -> Number:
        """1 when we see the front, 0 when we see the back."""
        return np.clip(np.cos(self.pose.yaw) * 4 + 0.5, 0, 1)


def draw(
    character: Character, stance: Pose, layer: Layer, *, entity: int, grade: Callable[[Colour], Colour]
) -> list[Shape]:
    """All shapes of one actor, back to front."""
    body = Body(character, stance, layer, entity=entity, grade=grade)
    _behind(body)
    TAILS.get(character.species, lambda _: None)(body)
    if not stance.sit:
        _legs(body)
    _torso(body)
    if stance.sit:
        _legs(body)  # they stick out in front
    if stance.wave is None:
        _arms(body)
    _head(body)
    _on_top(body)
    if stance.wave is not None:
        _arms(body)  # a raised hand passes in front of the head
    return body.shapes


def _legs(body: Body) -> None:
    stance, colour = body.pose, mix(body.colour, INK, 0.12)
    feet = body.build.feet or colour
    wide = body.build.body[1] * 0.55
    if stance.sit:
        for sign in (-1, 1):
            reach = sign * (wide + 0.17) + 0.2 * body.side
            body.limb(sign * wide, 0.26, reach, 0.24, 0.085, colour)
            body.put(ELLIPSE, reach + 0.03 * sign, 0.27, 0.095, 0.12, body.build.feet or body.pale, "limb")
        return
    for sign in (-1, 1):
        swing = stance.stride * sign
        foot_x = sign * wide * 0.8 + 0.24 * np.sin(swing) * np.sign(body.side + 1e-6)
        foot_y = 0.05 + 0.24 * (1 - np.cos(swing))
        body.limb(sign * wide * 0.8, 0.22, foot_x, foot_y, 0.065, colour)
        body.put(ELLIPSE, foot_x + 0.04 * body.side, foot_y - 0.005, 0.095, 0.055, feet, "limb")


def _torso(body: Body) -> None:
    y, wide, high = body.build.body
    kind = BOX if body.build.box else ELLIPSE
    body.put(kind, 0, y, wide, high, body.colour, "body", corner=0.05)
    show = np.clip(np.cos(body.pose.yaw) * 3, 0, 1)
    body.put(kind, 0.35 * wide * body.side, y - 0.03, wide * 0.6, high * 0.66, body.pale, "body", rim=False, show=show)
    if body.character.accessory == "backpack":
        for sign in (-1, 1):
            x = sign * wide * 0.55 + 0.1 * body.side
            body.put(BOX, x, y + 0.04, 0.033, high * 0.72, (0.45, 0.26, 0.12), "accessory", rim=False, show=show)


def _arms(body: Body) -> None:
    y, wide, high = body.build.body
    shoulder = y + high * 0.55
    stance, colour = body.pose, mix(body.colour, INK, 0.08)
    for sign in (-1, 1):
        x0 = sign * wide * 0.85
        if stance.wave is not None and sign == 1:
            hand_x, hand_y = x0 + 0.27 + stance.wave, shoulder + 0.36 - np.abs(stance.wave) * 0.5
            body.limb(x0, shoulder, hand_x, hand_y, 0.07, colour)
            body.put(ELLIPSE, hand_x, hand_y, 0.11, 0.11, body.pale, "limb")
            continue
        swing = stance.arms * (-sign if np.any(stance.stride) else 1)
        out = np.abs(stance.arms) if not np.any(stance.stride) else 0.0
        hand_x = x0 + sign * (0.07 + 0.16 * np.sin(out)) + 0.2 * np.sin(swing) * body.side
        hand_y = shoulder - 0.23 * np.cos(swing)
        if body.build.arms:
            body.limb(x0, shoulder, hand_x, hand_y, 0.055, colour)
        else:
            middle_x, middle_y = (x0 + hand_x) / 2, (shoulder + hand_y) / 2
            turn = np.arctan2(hand_y - shoulder, hand_x - x0)
            body.put(ELLIPSE, middle_x, middle_y - 0.02, 0.17, 0.085, colour, "limb", turn=turn)


def _head(body: Body) -> None:
    y, wide, high = body.build.head
    EARS.get(body.character.species, lambda _: None)(body)
    kind = BOX if body.build.box else ELLIPSE
    body.put(kind, 0.03 * body.side, y, wide, high, body.colour, "head", corner=0.06)
    FACES.get(body.character.species, lambda _: None)(body)
    if body.build.muzzle:
        low, a, b = body.build.muzzle
        x, show = body.on_head(0.0, low)
        body.put(ELLIPSE, x * 0.85, low, a, b, body.pale, "face", rim=False, show=show)
    if body.build.nose:
        x, show = body.on_head(0.0, 0.66)
        body.put(ELLIPSE, x * 0.98, 0.665, 0.045, 0.032, INK, "face", rim=False, show=show)
    for angle in () if body.character.species == "frog" else (-0.5, 0.5):
        x, show = body.on_head(angle, body.build.eyes)
        body.put(ELLIPSE, x, body.build.eyes, 0.042, 0.056, INK, "face", rim=False, show=show)


def _pair(angle: float, body: Body) -> tuple[Number, Number]:
    """The x of a left and a right ear; they draw together as the head turns."""
    spread = np.sin(angle) * body.build.head[1]
    narrow = 0.55 + 0.45 * np.abs(np.cos(body.pose.yaw))
    shift = -0.06 * body.side
    return shift - spread * narrow, shift + spread * narrow


def _triangle_ears(body: Body, *, y: float, a: float, b: float) -> None:
    for sign, x in zip((-1, 1), _pair(0.75, body), strict=True):
        body.put(BOX, x, y, a, b, body.colour, "ear", taper=0.95, turn=-0.25 * sign)
        body.put(BOX, x, y - 0.03, a * 0.5, b * 0.55, body.pale, "ear", taper=0.9, turn=-0.25 * sign, rim=False)


def _round_ears(body: Body, *, y: float, r: float, angle: float) -> None:
    for x in _pair(angle, body):
        body.put(ELLIPSE, x, y, r, r, body.colour, "ear")
        body.put(ELLIPSE, x, y, r * 0.55, r * 0.55, body.pale, "ear", rim=False)


def _long_ears(body: Body) -> None:
    for sign, x in zip((-1, 1), _pair(0.5, body), strict=True):
        body.put(ELLIPSE, x + 0.02 * sign, 1.1, 0.075, 0.25, body.colour, "ear", turn=-0.12 * sign)
        body.put(ELLIPSE, x + 0.02 * sign, 1.08, 0.035, 0.17, BLUSH, "ear", turn=-0.12 * sign, rim=False)


def _elephant_ears(body: Body) -> None:
    for sign, x in zip((-1, 1), _pair(1.4, body), strict=True):
        body.put(ELLIPSE, x + 0.09 * sign, 0.74, 0.19, 0.23, body.colour, "ear")
        body.put(ELLIPSE, x + 0.10 * sign, 0.73, 0.12, 0.15, body.pale, "ear", rim=False)


def _frog_eyes(body: Body) -> None:
    for middle in _pair(0.62, body):
        x = middle + 0.12 * body.side
        body.put(ELLIPSE, x, 0.83, 0.125, 0.125, body.colour, "ear")
        body.put(ELLIPSE, x + 0.02 * body.side, 0.84, 0.088, 0.088, (1, 1, 1), "face", rim=False, show=body.front)
        body.put(ELLIPSE, x + 0.05 * body.side, 0.84, 0.045, 0.058, INK, "face", rim=False, show=body.front)


def _tuft(body: Body) -> None:
    for sign in (-1, 0, 1):
        body.put(ELLIPSE, 0.05 * sign, 0.99, 0.035, 0.085, body.colour, "ear", turn=-0.5 * sign)


def _antenna(body: Body) -> None:
    body.put(BOX, 0, 0.98, 0.02, 0.1, (0.4, 0.42, 0.46), "ear", rim=False)
    body.put(ELLIPSE, 0, 1.09, 0.055, 0.055, (0.95, 0.25, 0.25), "ear")


EARS: dict[str, Callable[[Body], None]] = {
    "cat": lambda body: _triangle_ears(body, y=0.95, a=0.105, b=0.12),
    "rabbit": _long_ears,
    "bear": lambda body: _round_ears(body, y=0.92, r=0.105, angle=0.85),
    "fox": lambda body: _triangle_ears(body, y=0.96, a=0.125, b=0.16),
    "elephant": _elephant_ears,
    "mouse": lambda body: _round_ears(body, y=0.90, r=0.17, angle=1.15),
    "duck": _tuft,
    "robot": _antenna,
}


def _fox_face(body: Body) -> None:
    for angle in (-0.75, 0.75):
        x, show = body.on_head(angle, 0.63)
        body.put(ELLIPSE, x * 0.8, 0.63, 0.12, 0.085, CREAM, "face", rim=False, show=show)
    x, show = body.on_head(0.0, 0.63)
    body.put(ELLIPSE, x * 1.05, 0.635, 0.10, 0.075, CREAM, "face", rim=False, show=show)
    body.put(ELLIPSE, x * 1.22, 0.66, 0.048, 0.038, INK, "face", rim=False, show=show)


def _trunk(body: Body) -> None:
    x, show = body.on_head(0.0, 0.6)
    colour = mix(body.colour, INK, 0.07)
    side = body.side
    for i, y in enumerate((0.62, 0.55, 0.48, 0.41, 0.36)):
        body.put(ELLIPSE, x + 0.045 * i * side, y, 0.078 - 0.006 * i, 0.07, colour, "face", show=show, rim=i == 4)
    body.put(ELLIPSE, x, 0.62, 0.075, 0.07, body.colour, "face", rim=False, show=show)


def _frog_face(body: Body) -> None:
    _frog_eyes(body)
    x, show = body.on_head(0.0, 0.58)
    body.put(BOX, x * 0.7, 0.575, 0.17, 0.016, mix(body.colour, INK, 0.75), "face", rim=False, show=show, bend=-0.25)


def _beak(body: Body) -> None:
    x, show = body.on_head(0.0, 0.68)
    body.put(ELLIPSE, x * 1.25, 0.665, 0.15, 0.062, BEAK, "face", show=show)
    body.put(BOX, x * 1.25, 0.665, 0.11, 0.01, (0.75, 0.42, 0.05), "face", rim=False, show=show)


def _robot_face(body: Body) -> None:
    x, show = body.on_head(0.0, 0.72)
    body.put(BOX, x * 0.5, 0.73, 0.19, 0.11, (0.80, 0.92, 0.96), "face", corner=0.03, show=show)


def _snout(body: Body) -> None:
    x, show = body.on_head(0.0, 0.66)
    body.put(ELLIPSE, x * 1.05, 0.66, 0.17, 0.10, body.colour, "face", show=show)
    for sign in (-1, 1):
        body.put(ELLIPSE, x * 1.2 + 0.05 * sign, 0.69, 0.018, 0.018, INK, "face", rim=False, show=show)


FACES: dict[str, Callable[[Body], None]] = {
    "fox": _fox_face,
    "elephant": _trunk,
    "frog": _frog_face,
    "duck": _beak,
    "robot": _robot_face,
    "dinosaur": _snout,
}


def _cat_tail(body: Body) -> None:
    x = -0.16 * body.side
    tip = x - 0.27 * np.sign(body.side + 1e-6)
    body.limb(x, 0.2, tip, 0.3, 0.042, body.colour, "tail")
    body.limb(tip, 0.3, tip - 0.02, 0.52, 0.042, body.colour, "tail")


def _fox_tail(body: Body) -> None:
    way = -np.sign(body.side + 1e-6)
    x = 0.30 * way * (0.6 + 0.4 * np.abs(body.side))
    body.put(ELLIPSE, x, 0.30, 0.22, 0.11, body.colour, "tail", turn=0.65 * way)
    body.put(ELLIPSE, x + 0.13 * way, 0.42, 0.085, 0.085, CREAM, "tail", rim=False)


def _thin_tail(body: Body) -> None:
    way = -np.sign(body.side + 1e-6)
    body.limb(0.1 * way, 0.18, 0.36 * way, 0.12, 0.026, BLUSH, "tail")
    body.limb(0.36 * way, 0.12, 0.44 * way, 0.26, 0.026, BLUSH, "tail")


def _ball_tail(body: Body) -> None:
    body.put(ELLIPSE, -0.22 * body.side, 0.22, 0.085, 0.085, (1, 1, 1), "tail")


def _duck_tail(body: Body) -> None:
    way = -np.sign(body.side + 1e-6)
    body.put(ELLIPSE, 0.25 * way, 0.38, 0.13, 0.07, body.colour, "tail", turn=0.7 * way)


def _dinosaur_tail(body: Body) -> None:
    way = -np.sign(body.side + 1e-6)
    body.put(ELLIPSE, 0.27 * way, 0.20, 0.26, 0.11, body.colour, "tail", turn=-0.2 * way)
    spike = mix(body.colour, (1.0, 0.85, 0.2), 0.65)
    for x, y in ((0.30, 0.36), (0.22, 0.52), (0.22, 0.72), (0.13, 0.92), (0.0, 0.98)):
        body.put(BOX, x * way, y, 0.075, 0.08, spike, "ear", taper=0.9, turn=-1.0 * way * (x > 0.05))


TAILS: dict[str, Callable[[Body], None]] = {
    "cat": _cat_tail,
    "fox": _fox_tail,
    "mouse": _thin_tail,
    "rabbit": _ball_tail,
    "duck": _duck_tail,
    "dinosaur": _dinosaur_tail,
}


def _behind(body: Body) -> None:
    side, accessory = body.side, body.character.accessory
    if accessory == "cape":
        body.put(BOX, -0.1 * side, 0.33, 0.29, 0.25, (0.15, 0.18, 0.42), "accessory", taper=0.35, corner=0.03)
    if accessory == "backpack":
        body.put(BOX, -0.27 * side, 0.38, 0.19, 0.22, (0.52, 0.31, 0.15), "accessory", corner=0.07)


def _on_top(body: Body) -> None:
    wear = WORN.get(body.character.accessory)
    if wear:
        wear(body)


def _hat(body: Body) -> None:
    top = body.build.crown
    body.put(BOX, 0, top + 0.15, 0.155, 0.13, (0.17, 0.17, 0.24), "accessory", corner=0.02)
    body.put(BOX, 0, top + 0.07, 0.155, 0.035, (0.85, 0.2, 0.2), "accessory", rim=False)
    body.put(BOX, 0, top + 0.02, 0.27, 0.035, (0.17, 0.17, 0.24), "accessory", corner=0.03)


def _crown(body: Body) -> None:
    top, gold = body.build.crown, (1.0, 0.80, 0.12)
    for x in (-0.14, 0.0, 0.14):
        body.put(BOX, x, top + 0.14, 0.075, 0.1, gold, "accessory", taper=0.95)
    body.put(BOX, 0, top + 0.04, 0.21, 0.06, gold, "accessory", corner=0.01)
    body.put(ELLIPSE, 0, top + 0.045, 0.035, 0.035, (0.85, 0.1, 0.2), "accessory", rim=False)


def _scarf(body: Body) -> None:
    y = body.build.head[0] - body.build.head[2] - 0.0
    red, stripe = (0.80, 0.10, 0.22), (0.99, 0.95, 0.86)
    x = 0.13 + 0.04 * body.side
    body.put(BOX, x, y - 0.13, 0.06, 0.13, red, "accessory", corner=0.02)
    body.put(BOX, x, y - 0.16, 0.055, 0.03, stripe, "accessory", rim=False)
    body.put(BOX, 0, y, 0.22, 0.065, red, "accessory", corner=0.06)
    for sign in (-1, 1):
        body.put(BOX, 0.1 * sign, y, 0.028, 0.055, stripe, "accessory", rim=False)


def _glasses(body: Body) -> None:
    y = min(body.build.eyes, body.build.head[0] + 0.1)
    for angle in (-0.5, 0.5):
        x, show = body.on_head(angle, y)
        body.put(ELLIPSE, x, y, 0.115, 0.115, INK, "accessory", rim=False, show=show)
        body.put(ELLIPSE, x, y, 0.078, 0.078, (0.80, 0.94, 0.98), "accessory", rim=False, show=show)
        body.put(ELLIPSE, x, y, 0.036, 0.05, INK, "accessory", rim=False, show=show)
    x, show = body.on_head(0.0, y)
    body.put(BOX, x, y, 0.06, 0.018, INK, "accessory", rim=False, show=show)


def _clasp(body: Body) -> None:
    y = body.build.head[0] - body.build.head[2] - 0.01
    for sign in (-1, 1):
        body.put(ELLIPSE, 0.13 * sign, y, 0.13, 0.06, (0.15, 0.18, 0.42), "accessory", turn=0.35 * sign)
    body.put(ELLIPSE, 0.02 * body.side, y - 0.03, 0.05, 0.05, (1.0, 0.80, 0.12), "accessory", show=body.front)


def _headphones(body: Body) -> None:
    y, wide, high = body.build.head
    for sign in (-1, 1):
        body.put(BOX, sign * (wide - 0.01), y + high * 0.55, 0.035, high * 0.55, INK, "accessory", turn=0.45 * sign)
        body.put(ELLIPSE, sign * (wide + 0.01), y, 0.075, 0.12, (0.15, 0.85, 0.85), "accessory")
    body.put(BOX, 0, y + high + 0.03, wide * 0.75, 0.035, INK, "accessory", corner=0.03)


WORN: dict[str, Callable[[Body], None]] = {
    "hat": _hat,
    "crown": _crown,
    "scarf": _scarf,
    "glasses": _glasses,
    "cape": _clasp,
    "headphones": _headphones,
}
