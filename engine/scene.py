"""What is asked of the engine (Scene, Shot) and what comes back (Take)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.shapes import VideoShape

if TYPE_CHECKING:
    from torch import Tensor

MAX_SHOTS = 9  # in one context: the paper's window (LCT section 4.1) and that of the pocket model's training
LONGEST_SCENE = 45  # shots; beyond the window a scene is made in groups
MAX_SHOT_SEED = 2**53 - 1  # of a shot: whole numbers up to here are the same ones in JSON and on a page
MAX_PROMPT = 2_000  # characters; a prompt longer than the text encoder reads is a mistake, not a wish


@dataclass(frozen=True, kw_only=True)
class Take:
    """One finished version of a shot.

    frames: uint8 (frames, height, width, 3). latents: float (channels, t, h, w), the model's own space.
    made_by: everything needed to make the same bytes again (seed, prompt, settings, weights).
    """

    frames: Tensor
    latents: Tensor
    seed: int
    made_by: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One shot to make, or (with a take) one that is given as context.

    cut: True starts a new picture ("[SHOT CUT]"); False goes on from the last picture of the shot before.
    take: a finished version, from this film or from a pool of takes, stills and uploads: the shot is context.
    noise: t_c in [0, 1000), how far the take is re-noised before it is context; None: the call's ``history_noise``.
    picked: stays in the context when it outgrows the window. skipped: neither made nor context.
    """

    prompt: str
    frames: int = 17
    seed: int | None = None
    cut: bool = True
    take: Take | None = None
    noise: int | None = None
    picked: bool = False
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Shots that belong together under one global prompt (LCT: [Character] [Environment] [Story])."""

    prompt: str
    shots: tuple[Shot, ...]
    height: int = 80
    width: int = 128

    def __post_init__(self) -> None:
        if not 1 <= len(self.shots) <= LONGEST_SCENE:
            near = 1 if not self.shots else LONGEST_SCENE
            raise ValueError(
                f"shots has {len(self.shots)} entries; a scene holds 1 to {LONGEST_SCENE}, so give {near}"
            )
        for index, shot in enumerate(self.shots, start=1):
            if not shot.prompt.strip():
                raise ValueError(f"shots[{index}].prompt is empty; describe what happens in the shot")
            for name, text in ((f"shots[{index}].prompt", shot.prompt), ("prompt", self.prompt)):
                if len(text) > MAX_PROMPT:
                    raise ValueError(f"{name} has {len(text)} characters; the most is {MAX_PROMPT}")
            if shot.noise is not None and not 0 <= shot.noise < 1000:
                near = min(max(shot.noise, 0), 999)
                raise ValueError(f"shots[{index}].noise is {shot.noise}; it lies from 0 to 999, the nearest is {near}")
        VideoShape(frames=1, height=self.height, width=self.width)  # each error names its own field
        for index, shot in enumerate(self.shots, start=1):
            try:
                VideoShape(frames=shot.frames, height=self.height, width=self.width)
            except ValueError as error:
                raise ValueError(f"shots[{index}].{error}") from None

    def goes_on(self, index: int) -> bool:
        """Whether a shot begins with the last picture of the one before it."""
        return index > 0 and not self.shots[index].cut

    @property
    def to_make(self) -> tuple[int, ...]:
        return tuple(i for i, shot in enumerate(self.shots) if shot.take is None and not shot.skipped)

    @property
    def given(self) -> tuple[int, ...]:
        return tuple(i for i, shot in enumerate(self.shots) if shot.take is not None and not shot.skipped)
