"""What a scene will take before it is made: tokens against the window, minutes, memory; and what would help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine import MAX_SHOTS, Scene, film_size, lengths, window
from studio.models import FPS, LONGEST, SCENE, WORDLESS, Project, ShotInfo, Task, TaskShot

if TYPE_CHECKING:
    from engine.outline import Round
    from engine.plan import Pace

STRIDE = 4  # frames between two legal lengths


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A warning, and the edit that would end it: its label, name and values."""

    text: str
    fix: str = ""
    edit: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Of one task. rounds: of ``engine.outline``. seconds, peak (bytes): None before this machine was measured."""

    task: Task
    rounds: tuple[Round, ...]
    window: int
    seconds: float | None
    peak: int | None

    @property
    def tokens(self) -> int:
        """Of the longest context."""
        return max(one.tokens for one in self.rounds)


def plan(task: Task, backbone: str, pace: Pace | None) -> Plan:
    """What a task will take, of shots that are all made or there; ValueError when there is no model to ask."""
    shots = tuple((s.prompt, s.frames, s.cut, s.id not in task.make, s.picked) for s in task.shots)
    settings = task.options.model_dump(include={"method", "group", "steps", "guidance"})
    scene, found = _outline(task.prompt, shots, backbone, tuple(settings.items()))
    seconds, peak = None, None
    if pace is not None:
        from engine.plan import estimate

        seconds, peak = estimate(scene, found, backbone, pace, **settings)
    return Plan(task=task, rounds=found, window=window(backbone), seconds=seconds, peak=peak)


@lru_cache(maxsize=2048)
def _outline(
    prompt: str,
    shots: tuple[tuple[str, int, bool, bool, bool], ...],
    backbone: str,
    settings: tuple[tuple[str, Any], ...],
) -> tuple[Scene, tuple[Round, ...]]:
    import torch

    import engine
    from engine.outline import outline

    there = engine.Take(frames=torch.empty(0), latents=torch.empty(0), seed=0)
    asked = tuple(
        engine.Shot(prompt=words or WORDLESS, frames=frames, cut=cut, take=there if given else None, picked=picked)
        for words, frames, cut, given, picked in shots
    )
    height, width = film_size(backbone)
    scene = Scene(prompt=prompt, shots=asked, height=height, width=width)
    return scene, outline(scene, backbone, **dict(settings))


def advise(
    project: Project,
    made: Plan,
    again: Callable[[Task], Plan],
    *,
    unknown: Callable[[str], Sequence[str]],
    room: int | None,
) -> list[Advice]:
    """What a creator should know before pressing Make.

    again: the plan of another task. room: bytes of free memory, None where nobody knows.
    """
    task, found = made.task, []
    if text := _excess(made, room, "are free"):
        found.append(_shorter(f"{text[0].upper()}{text[1:]}.", task, again, lambda one: not _excess(one, room)))
    if unseen := max(one.unseen for one in made.rounds):
        text = f"{unseen} of the shots that it should remember find no room: {MAX_SHOTS} fit into one context."
        found.append(_scene_only(text, task, project))
    return [*found, *_strange(project, task, unknown)]


def _strange(project: Project, task: Task, unknown: Callable[[str], Sequence[str]]) -> Iterator[Advice]:
    """Words that the model skips over; those of the bible stay its creator's to change: other scenes read them."""
    scene = project.scene(task.scene)
    found = {project.slates[shot.id]: unknown(shot.prompt) for shot in scene.shots if not shot.locked}
    if own := tuple(dict.fromkeys(word for words in found.values() for word in words)):
        where = ", ".join(slate for slate, words in found.items() if words)
        text = f"The model does not know {_listed(own)}, in {where}."
        values = {"scene": scene.id, "words": list(own)}
        yield Advice(text=text, fix="Take these words out", edit="drop_words", values=values)
    if shared := [word for word in unknown(task.prompt) if word not in own]:
        yield Advice(text=f"The model does not know {_listed(shared)}, in the scene's own words (Bible).")


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(f'“{word}”' for word in words[:6])}{' …' if len(words) > 6 else ''}"


def refuse(made: Plan, again: Callable[[Task], Plan], *, memory: int | None) -> None:
    """ValueError, with what would help, for what a model never learned or no ``memory`` (bytes, in all) can hold."""
    if text := _excess(made, memory, "are all that there is"):
        help_ = _shorter("", made.task, again, lambda one: not _excess(one, memory))
        raise ValueError(f"{text}; {help_.fix.lower() or 'make or remember fewer shots at once'}")


def _excess(made: Plan, room: int | None, having: str = "") -> str:
    """What is too much for the model or for so many bytes, in words; "" when all is well."""
    if made.tokens > made.window:
        return f"{made.tokens:,} tokens at once are more than the {made.window:,} that the model learned with"
    if room is not None and made.peak is not None and made.peak > room:
        return f"this needs {_size(made.peak)} of memory and {_size(room)} {having}"
    return ""


def misfits(project: Project, shots: Iterable[ShotInfo | TaskShot], backbone: str) -> list[Advice]:
    """Those of the project's shots whose length the model cannot make, with the nearest that it can."""
    legal, slates = lengths(LONGEST, backbone), project.slates
    return [_fitted(slates[shot.id], shot, legal) for shot in shots if shot.id in slates and shot.frames not in legal]


def _fitted(slate: str, shot: ShotInfo | TaskShot, legal: tuple[int, ...]) -> Advice:
    """The nearest length, at one press; the sentence names that on the other side, too."""
    near = [max(n for n in legal if n <= shot.frames), *[n for n in legal if n > shot.frames][:1]]
    best = min(near, key=lambda n: abs(n - shot.frames))
    told = " and ".join(f"{n / FPS:.1f} s" for n in near)
    text = f"Shot {slate} lasts {shot.frames / FPS:.1f} s, which the model can't make; the nearest it can: {told}."
    values = {"shots": [shot.id], "frames": best}
    return Advice(text=text, fix=f"Make it {best / FPS:.1f} s", edit="set_shots", values=values)


def _shorter(text: str, task: Task, again: Callable[[Task], Plan], fits: Callable[[Plan], bool]) -> Advice:
    """Shots as long as they may be to fit."""
    longest = max(shot.frames for shot in task.shots if shot.id in task.make)
    for frames in range(longest - STRIDE, 0, -STRIDE):
        long = {shot.id for shot in task.shots if shot.id in task.make and shot.frames > frames}
        shots = (one.model_copy(update={"frames": frames}) if one.id in long else one for one in task.shots)
        smaller = task.model_copy(update={"shots": tuple(shots)})
        with suppress(ValueError):  # some models make every other length only
            if not fits(again(smaller)):
                continue
            label = f"Shorten to {frames / FPS:.1f} s"
            return Advice(text=text, fix=label, edit="set_shots", values={"shots": sorted(long), "frames": frames})
    return Advice(text=f"{text} Remember fewer shots.")


def _scene_only(text: str, task: Task, project: Project) -> Advice:
    """Without what was picked beside the scene's own shots."""
    picky = [key for key in task.make if project.shot(key).see not in (None, (SCENE,))]
    if not picky:
        return Advice(text=f"{text} The first and the most recent are kept.")
    values = {"shots": picky, "see": [SCENE]}
    return Advice(text=text, fix="Remember only the scene", edit="set_shots", values=values)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count / 1e6, 1):.0f} MB"
