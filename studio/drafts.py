"""What is asked of a splitter, and the draft of a scene that grows shot by shot until every place is filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from engine.equal_style import words_in
from engine.splitter import Variety, check
from studio.models import FPS, LONGEST, Options

STRIDE = 4  # legal lengths are 4k+1 frames
UNTIMED = 17  # frames of a shot when no length of the scene was asked for
MAX_WISH = 1_000  # characters
Aspect = Literal["", "1:1", "9:16"]
MAX_WORD = 60  # characters of a tone or the name of a language


@dataclass(frozen=True, kw_only=True)
class DraftShot:
    """One shot as it is proposed; ``cut`` False goes on from the last picture of the shot before."""

    prompt: str
    frames: int = UNTIMED
    cut: bool = True
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A scene as far as it is written.

    shots: exactly the asked number of places, from the first draft on; None: not written yet.
    note: a sentence for the creator, "" when there is nothing to say. done: nothing more will come.
    options: how to make it, when an import said so. title: of an imported scene. rest: the scenes that come after it.
    said: the subtitles of its shots, of a screenplay.
    """

    story: str
    prompt: str
    shots: tuple[DraftShot | None, ...]
    note: str = ""
    done: bool = False
    title: str = ""
    said: tuple[str, ...] = ()
    options: Options | None = None
    rest: tuple[Draft, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of what is written."""
        return sum(shot.frames for shot in self.shots if shot) / FPS


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A wish for exactly ``shots`` shots, checked at birth: ValueError names the field and the nearest right value.

    seconds: length of all shots together; None leaves each at 17 frames.
    tone, language: in the creator's words, for a language model; rules keep the story's own.
    aspect: what the film is composed for when it will be cropped, for its own size is the model's; "": as it is.
    variety: of framing and camera. long: one take without cuts in parts of equal style, up to 45 of them.
    prompt: the scene's own, kept as it is when there is one.
    present: the shots there are; those in ``locked`` (from 0) stay to the byte and in place, the others are written
    anew, as ``wish`` says.
    """

    story: str
    shots: int
    seconds: float | None = None
    tone: str = ""
    language: str = ""
    aspect: Aspect = ""
    variety: Variety = "medium"
    long: bool = False
    prompt: str = ""
    present: tuple[DraftShot, ...] = ()
    locked: frozenset[int] = frozenset()
    wish: str = ""

    def __post_init__(self) -> None:
        check(self.story, self.shots, long=self.long)
        for name, text, most in (
            ("tone", self.tone, MAX_WORD),
            ("language", self.language, MAX_WORD),
            ("wish", self.wish, MAX_WISH),
        ):
            if len(text) > most:
                raise ValueError(f"{name} has {len(text)} characters; the most is {most}")
        if self.aspect not in get_args(Aspect):
            raise ValueError(f"aspect is {self.aspect!r}; it is 1:1, 9:16, or empty for the film as it is")
        for index in self.locked:
            if not 0 <= index < len(self.present):
                raise ValueError(f"locked names shot {index + 1}; there are {len(self.present)}")
            if index >= self.shots:
                raise ValueError(
                    f"shots is {self.shots}, but shot {index + 1} is locked; ask for {index + 1} or unlock it"
                )
        if len(self.locked) == self.shots:
            raise ValueError(f"locked holds all {self.shots} shots; unlock one to have it written anew")
        low, high = (edge / FPS for edge in self._reach())
        if self.seconds is not None and not low <= self.seconds <= high:
            near = low if not self.seconds >= low else high
            raise ValueError(
                f"seconds is {self.seconds:g}; {self.shots} shots last {low:g} to {high:g} s, the nearest is {near:g}"
            )

    @property
    def kept(self) -> dict[int, DraftShot]:
        """The locked shots by place."""
        return {index: self.present[index] for index in sorted(self.locked)}

    @property
    def missing(self) -> tuple[int, ...]:
        """Places to write."""
        return tuple(index for index in range(self.shots) if index not in self.locked)

    def draft(self, prompt: str = "", shots: Mapping[int, DraftShot] | None = None, **told: object) -> Draft:
        """A draft with the locked shots and those written so far."""
        filled = dict(shots or {}) | self.kept
        places = tuple(filled.get(index) for index in range(self.shots))
        return Draft(story=self.story, prompt=self.prompt or prompt, shots=places, **told)

    def timed(self, draft: Draft) -> Draft:
        """A whole draft with lengths that add up to ``seconds``: more for the shots that tell more."""
        shots = list(draft.shots)
        if self.seconds is None:
            for index in set(self.missing) & set(range(len(self.present))):
                shots[index] = replace(shots[index], frames=self.present[index].frames)
            return replace(draft, shots=tuple(shots))
        frames = round(self.seconds * FPS) - sum(shot.frames for shot in self.kept.values())
        weights = [1 if self.long else words_in(shots[index].prompt) for index in self.missing]
        for index, length in zip(self.missing, lengths(weights, frames), strict=True):
            shots[index] = replace(shots[index], frames=length)
        return replace(draft, shots=tuple(shots))

    def _reach(self) -> tuple[int, int]:
        """The fewest and the most frames that the scene can have."""
        fixed, free = sum(shot.frames for shot in self.kept.values()), len(self.missing)
        return fixed + free * (STRIDE + 1), fixed + free * LONGEST


def lengths(weights: Sequence[float], frames: int) -> tuple[int, ...]:
    """Legal lengths (4k+1, from 5 to the longest a model makes) in proportion to ``weights``, adding up to ``frames``.

    A sum of n such lengths is n more than a multiple of 4, so it is off by at most 2 frames within reach. Steps of 4
    frames are given one by one to the shot that has the least of what it is due (highest averages, D'Hondt's rule).
    """
    most = (LONGEST - 1) // STRIDE
    steps = [1] * len(weights)
    wanted = min((frames - len(weights) + STRIDE // 2) // STRIDE, most * len(weights))
    for _ in range(wanted - len(weights)):
        able = [k for k in range(len(weights)) if steps[k] < most]
        steps[max(able, key=lambda k: (max(weights[k], 1) / (steps[k] + 1), -k))] += 1
    return tuple(STRIDE * step + 1 for step in steps)


def finished(drafts: Iterator[Draft]) -> Draft:
    """The last draft of a splitter: all of it, waited for."""
    *_, last = drafts
    return last
