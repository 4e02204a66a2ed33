"""The words of the cartoon world and the exact description of a scene in it.

A ``SceneSpec`` is everything: drawing it (``draw``), saying it (``caption``) and judging it all read
this one value, so pictures, language and ground truth cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

SPECIES = ("cat", "rabbit", "bear", "fox", "elephant", "mouse", "frog", "duck", "robot", "dinosaur")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
ACCESSORIES = ("none", "hat", "crown", "scarf", "glasses", "cape", "backpack", "headphones")
PLACES = ("meadow", "beach", "forest", "city", "mountain", "desert", "room", "castle", "moon")
TIMES = ("day", "sunset", "night")
WEATHERS = ("clear", "rain", "snow")
ACTIONS = ("stand", "walk_left", "walk_right", "run_left", "run_right", "jump", "wave", "spin", "sit")
FRAMINGS = ("wide", "medium", "close")
CAMERAS = ("static", "pan_left", "pan_right", "zoom_in", "zoom_out")
PROPS = ("none", "ball", "box", "mushroom", "lantern")

# Kept out of all training; finetuning teaches them later.
UNSEEN = {"species": ("robot", "dinosaur"), "accessory": ("headphones",), "place": ("moon",)}
INDOOR = ("room", "moon")  # places without weather

FPS = 8
HEIGHT, WIDTH = 80, 128


@dataclass(frozen=True, kw_only=True)
class Character:
    species: str
    colour: str
    accessory: str = "none"
    name: str = ""  # a proper name, or "" for an unnamed character


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One character's part in one shot. ``x`` is world units from the place's middle; a body is 1 high.

    ``x`` is the position at the shot's first frame; a walk or run moves on from there.
    ``phase`` (0..1) offsets the action's cycle, ``facing`` is -1 (left) or +1 for still actions.
    """

    character: int  # index into SceneSpec.characters
    action: str
    x: float = 0.0
    facing: int = 1
    phase: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ShotSpec:
    """One shot. ``focus`` is the world x at the middle of the picture in the first frame."""

    actors: tuple[Actor, ...]  # one or two
    place: str
    time: str
    weather: str
    framing: str
    camera: str = "static"
    prop: str = "none"
    prop_x: float = 0.9
    frames: int = 17
    focus: float = 0.0
    cut: bool = True  # False: continues the shot before, same camera, same light, no seam
    start: int = 0  # frame number on the scene's clock, so rain, clouds and legs go on across a seam


@dataclass(frozen=True, kw_only=True)
class SceneSpec:
    """Shots that belong together. ``layout`` seeds the fixed scenery (which hills, which houses)."""

    characters: tuple[Character, ...]
    shots: tuple[ShotSpec, ...]
    layout: int = 0
