"""Ground truth as numbers: class indices of a shot, and maps of parts and entities at 4 x 4 pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.world import spec
from engine.world.characters import PARTS
from engine.world.draw import Clip
from engine.world.spec import SceneSpec

PART_COUNT = len(PARTS)
CELL = 4  # pixels of a side
EVERYWHERE = {
    "place": spec.PLACES,
    "time": spec.TIMES,
    "weather": spec.WEATHERS,
    "framing": spec.FRAMINGS,
    "camera": spec.CAMERAS,
}
ON_ACTOR = {
    "species": spec.SPECIES,
    "colour": spec.COLOURS,
    "accessory": spec.ACCESSORIES,
    "action": spec.ACTIONS,
}


def shot_labels(scene: SceneSpec, index: int) -> dict[str, list[int]]:
    """Class indices of a shot: one for each attribute of the picture, two (for two actors) for each of an actor."""
    shot = scene.shots[index]
    labels = {name: [words.index(getattr(shot, name))] for name, words in EVERYWHERE.items()}
    for name, words in ON_ACTOR.items():
        sources = [actor if name == "action" else scene.characters[actor.character] for actor in shot.actors]
        found = [words.index(getattr(source, name)) for source in sources]
        labels[name] = (found + found)[:2]
    return labels


def cell_maps(clip: Clip) -> Tensor:
    """Parts and entities [T, 2, H/4, W/4] uint8 of every frame."""
    offset = CELL // 2
    both = torch.stack([clip.parts, clip.entity], dim=1)
    return both[:, :, offset::CELL, offset::CELL].contiguous()


def latent_maps(clip: Clip) -> Tensor:
    """Parts and entities [t, 2, H/4, W/4] uint8 of the last frame of every latent frame."""
    return cell_maps(clip)[::4]
