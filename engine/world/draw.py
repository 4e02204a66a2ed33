"""A shot of the cartoon world, drawn, with the ground truth of every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.world.characters import PARTS, Pose, draw, pose
from engine.world.painter import Canvas
from engine.world.places import ACTOR_SHARE, Set, light, paint_prop, paint_set, paint_weather
from engine.world.spec import HEIGHT, WIDTH, SceneSpec
from engine.world.view import View, camera

PROP = 3  # its entity number; 1 and 2 are the actors


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A drawn shot.

    frames: uint8 [T, H, W, 3]. parts: uint8 [T, H, W], indices into PARTS. entity: uint8 [T, H, W], 0 scenery, 1 and 2
    the actors in order, 3 the prop. boxes: float [T, actors, 4], xyxy in pixels, all 0 when out of sight.
    view, poses: the camera and every actor's body over time.
    """

    frames: Tensor
    parts: Tensor
    entity: Tensor
    boxes: Tensor
    view: View
    poses: tuple[Pose, ...]


def render(
    scene: SceneSpec, index: int, *, device: torch.device | str = "cpu", first: int = 0, count: int | None = None
) -> Clip:
    """Draw ``count`` frames (default: all) of shot ``index``, beginning with frame ``first``."""
    shot = scene.shots[index]
    t = np.arange(first, first + (shot.frames - first if count is None else count), dtype=np.float64)
    view = camera(shot, t)
    canvas = Canvas(len(t), HEIGHT, WIDTH, device=device)
    setting = {"layout": scene.layout, "time": shot.time, "weather": shot.weather}
    paint_set(canvas, view, place=shot.place, **setting)
    if shot.prop != "none":
        stage = Set(canvas, view, **setting)
        paint_prop(stage, shot.prop, shot.prop_x, entity=PROP, part=PARTS.index("prop"))
    grade = light(shot.time, shot.weather, share=ACTOR_SHARE)
    poses = tuple(pose(shot, actor, t) for actor in shot.actors)
    for number, (actor, stance) in enumerate(zip(shot.actors, poses, strict=True), start=1):
        for shape in draw(scene.characters[actor.character], stance, view.layer(1.0), entity=number, grade=grade):
            canvas.paint(shape)
    paint_weather(canvas, shot.weather, shot.start + t)
    canvas.finish()
    frames = (canvas.pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    boxes = torch.stack([_boxes(canvas.entity == k + 1) for k in range(len(shot.actors))], dim=1)
    return Clip(frames=frames, parts=canvas.part, entity=canvas.entity, boxes=boxes, view=view, poses=poses)


def _boxes(mask: Tensor) -> Tensor:
    """Boxes [T, 4] around masks [T, H, W]."""
    edges = []
    for axis, size in ((1, WIDTH), (2, HEIGHT)):
        hit = mask.any(dim=axis)
        place = torch.arange(size, device=mask.device)
        low = torch.where(hit, place, size).amin(1)
        high = torch.where(hit, place + 1, 0).amax(1)
        edges.append((torch.where(high > 0, low, 0), high))
    (x0, x1), (y0, y1) = edges
    return torch.stack([x0, y0, x1, y1], dim=1).float()


__all__ = ["PARTS", "Clip", "render"]
