"""Where the camera and the actors are at any moment: pure functions of a shot, so that seams can be exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.world.spec import HEIGHT, WIDTH, Actor, ShotSpec

VIEW_HEIGHT = {"wide": 2.3, "medium": 1.55, "close": 1.0}  # world units; a body is 1 high
VIEW_MIDDLE = {"wide": 0.85, "medium": 0.62, "close": 0.75}
ASPECT = WIDTH / HEIGHT
BEAT = 16  # frames in which a pan, a walk or a run covers the distances below
PAN, WALK, RUN = 0.3, 0.34, 0.62  # view widths a beat
ZOOM = (1.22, 0.8)  # view height at the ends of a zoom in, relative to the framing's own


def view_width(framing: str) -> float:
    return VIEW_HEIGHT[framing] * ASPECT


def speed(action: str) -> float:
    """View widths an actor moves in a beat, positive to the right."""
    pace = {"walk": WALK, "run": RUN}.get(action.partition("_")[0], 0.0)
    return -pace if action.endswith("left") else pace


def actor_x(shot: ShotSpec, actor: Actor, t: float | np.ndarray) -> float | np.ndarray:
    """World x of an actor t frames into the shot."""
    return actor.x + speed(actor.action) * view_width(shot.framing) * t / BEAT


def camera_x(shot: ShotSpec, t: float | np.ndarray) -> float | np.ndarray:
    """World x at the middle of the picture t frames into the shot."""
    direction = {"pan_left": -1, "pan_right": 1}.get(shot.camera, 0)
    return shot.focus + direction * PAN * view_width(shot.framing) * t / BEAT


@dataclass(frozen=True)
class View:
    """The camera over time: middle (x, y) and view height, numbers or arrays [T]."""

    x: float | np.ndarray
    y: float | np.ndarray
    height: float | np.ndarray

    def layer(self, depth: float) -> Layer:
        """Projection of a layer of scenery: depth 1 is where the actors are, 0 is the sky."""
        wide = VIEW_HEIGHT["wide"]
        scale = HEIGHT / wide * (wide / self.height) ** depth
        middle = VIEW_MIDDLE["wide"] + (self.y - VIEW_MIDDLE["wide"]) * depth
        return Layer(x=self.x * depth, y=middle, scale=scale)


@dataclass(frozen=True)
class Layer:
    """World to pixels for one layer."""

    x: float | np.ndarray
    y: float | np.ndarray
    scale: float | np.ndarray

    def at(self, x: float | np.ndarray, y: float | np.ndarray) -> tuple[float | np.ndarray, float | np.ndarray]:
        return WIDTH / 2 + (x - self.x) * self.scale, HEIGHT / 2 - (y - self.y) * self.scale

    def span(self) -> tuple[float, float]:
        """The world x that come into the picture at some time."""
        reach = WIDTH / 2 / self.scale
        return float(np.min(self.x - reach)), float(np.max(self.x + reach))


def camera(shot: ShotSpec, t: np.ndarray) -> View:
    """The camera at frames t [T]; plain numbers when it holds still."""
    height, middle = VIEW_HEIGHT[shot.framing], VIEW_MIDDLE[shot.framing]
    if shot.camera in ("zoom_in", "zoom_out"):
        start, end = ZOOM if shot.camera == "zoom_in" else ZOOM[::-1]
        way = t / max(shot.frames - 1, 1)
        return View(x=shot.focus, y=middle, height=height * (start + (end - start) * way))
    x = camera_x(shot, t) if shot.camera.startswith("pan") else shot.focus
    return View(x=x, y=middle, height=height)
