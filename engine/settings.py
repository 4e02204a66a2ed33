"""How a scene is asked to be made, and what of it is refused before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from engine.backbones.base import Sizes
from engine.methods import METHODS
from engine.scene import MAX_SHOT_SEED, MAX_SHOTS, Scene, Take

MAX_STEPS, MAX_GUIDANCE, MAX_SEED = 200, 20.0, 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a scene is made; what is None comes from the backbone.

    method: a name in METHODS. group: shots made at once (None: the method's own number). seed: of the film.
    guidance: scale of the text; history_guidance: scale of the given and earlier shots; 1 is off.
    history_noise: t_c in [0, 1000), how far earlier shots are re-noised before they are context (LCT section 4.2).
    """

    method: str = "lct"
    group: int | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    history_guidance: float | None = None
    history_noise: int | None = None

    def filled(self, backbone: Sizes) -> Settings:
        """With the backbone's own values for what was left open."""
        names = ("steps", "guidance", "history_guidance", "history_noise")
        return replace(self, **{n: getattr(backbone, n) for n in names if getattr(self, n) is None})


def check(scene: Scene, known: Sizes, asked: Settings) -> None:
    """Raise ValueError, in one sentence, for what can't be made; it takes no weights to know."""
    if asked.method not in METHODS:
        raise ValueError(f"method is {asked.method!r}; it must be one of {', '.join(METHODS)}")
    limits = {"steps": (1, MAX_STEPS), "guidance": (1, MAX_GUIDANCE), "history_guidance": (0, MAX_GUIDANCE)}
    limits |= {"history_noise": (0, 999), "seed": (0, MAX_SEED)}
    limits |= {} if asked.group is None else {"group": (1, MAX_SHOTS)}
    for name, (low, high) in limits.items():
        value = getattr(asked, name)
        if not low <= value <= high:
            near = min(max(value, low), high) if value == value else low  # noqa: PLR0124 - nan
            raise ValueError(f"{name} is {value}; it lies from {low:.16g} to {high:.16g}, the nearest is {near:.16g}")
        if "guidance" not in name:
            _check_whole(name, value)
    check_words(scene, known, asked.method)
    known.shape(1, scene.height, scene.width)  # names the side that is wrong
    for number, shot in enumerate(scene.shots, start=1):
        if not 0 <= (shot.seed or 0) <= MAX_SHOT_SEED:
            near = min(max(shot.seed, 0), MAX_SHOT_SEED)
            where = f"shots[{number}].seed is {shot.seed}"
            raise ValueError(f"{where}; it lies from 0 to {MAX_SHOT_SEED}, the nearest is {near}")
        _check_whole(f"shots[{number}].seed", shot.seed or 0)
        try:
            expected = known.shape(shot.frames, scene.height, scene.width).latent
        except ValueError as error:
            raise ValueError(f"shots[{number}] can't be made: {error}") from None
        if shot.take is not None:
            _check_take(f"shots[{number}].take", shot.take, expected, (shot.frames, scene.height, scene.width, 3))


def check_words(scene: Scene, known: Sizes, method: str) -> None:
    """Raise ValueError for a prompt whose end would not be read, as the method has it read."""
    for k, prompt in enumerate(METHODS[method].parts(scene)):
        if left := known.unread(prompt):
            name = f"shots[{k}].prompt" if k else "prompt"
            raise ValueError(
                f"{name} is {left} tokens longer than what this model reads; leave out about {left} words"
            )


def _check_whole(name: str, value: float) -> None:
    if not isinstance(value, int):
        raise ValueError(f"{name} is {value}; it is a whole number, the nearest is {round(value)}")


def _check_take(where: str, take: Take, expected: tuple[int, ...], clip: tuple[int, ...]) -> None:
    seen, made = take.frames.numel(), tuple(take.latents.shape)
    if not seen and not take.latents.numel():
        raise ValueError(f"{where} has neither frames nor latents; give a picture or film, or leave the take out")
    if not seen:
        raise ValueError(f"{where} has no frames; engine.decode_take makes them from its latents")
    if not take.latents.numel():
        raise ValueError(f"{where} has no latents; engine.encode_take makes them from its frames")
    if made == (expected[0], 1, *expected[2:]) != expected:
        raise ValueError(f"{where} is a still and its shot has {clip[0]} frames; a given still is a shot of 1 frame")
    if made != expected:
        raise ValueError(f"{where} has latents {made}; this shot's length and size need {expected}")
    if tuple(take.frames.shape) != clip or take.frames.dtype != torch.uint8:
        has = f"{tuple(take.frames.shape)} in {str(take.frames.dtype).removeprefix('torch.')}"
        raise ValueError(f"{where} has frames {has}; this shot's length and size need {clip} in uint8")
