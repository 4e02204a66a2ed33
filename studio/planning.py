"""What a scene will take before it is made: tokens against the window, minutes, memory; and what would help."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import MAX_SHOTS, window
from studio.models import FPS, SCENE, Options, Project, Task
from studio.tasks import STEPS

if TYPE_CHECKING:
    from engine.outline import Round
    from engine.plan import Pace

GUIDED = 2  # forward passes of a step with guidance
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
    """What a task will take; ValueError when there is no model to ask."""
    found, options = rounds(task, task.options, backbone), task.options
    made, seconds, peak = [shot for shot in task.shots if shot.id in task.make], None, None
    if pace is not None:
        passes = (options.steps or STEPS) * (1 if options.guidance == 1 else GUIDED)
        decoded = sum((shot.frames - 1) // STRIDE + 1 for shot in made)
        seconds = sum(passes * pace.forward(one.running, one.tokens) for one in found) + pace.decode * decoded
        peak = int(max(pace.peak(one.tokens) for one in found))
    return Plan(task=task, rounds=found, window=window(backbone), seconds=seconds, peak=peak)


def rounds(task: Task, options: Options, backbone: str) -> tuple[Round, ...]:
    """In which a task's shots would be made with these options."""
    shots = tuple((s.prompt, s.frames, s.id not in task.make, s.picked) for s in task.shots)
    return _outline(task.prompt, shots, options.method, options.group, backbone)


@lru_cache(maxsize=2048)
def _outline(
    prompt: str, shots: tuple[tuple[str, int, bool, bool], ...], method: str, group: int | None, backbone: str
) -> tuple[Round, ...]:
    import torch

    import engine
    from engine.outline import outline

    there = engine.Take(frames=torch.empty(0), latents=torch.empty(0), seed=0)
    asked = tuple(
        engine.Shot(prompt=words or "?", frames=frames, take=there if given else None, picked=picked)
        for words, frames, given, picked in shots
    )
    return outline(engine.Scene(prompt=prompt, shots=asked), backbone, method=method, group=group)


def advise(
    project: Project, made: Plan, backbone: str, *, unknown: Callable[[str], Sequence[str]], room: int | None
) -> list[Advice]:
    """What a creator should know before pressing Make. room: bytes of free memory, None where nobody knows."""
    task, found = made.task, []
    if made.tokens > made.window:
        text = f"{made.tokens:,} tokens at once are more than the {made.window:,} that the model learned with."
        found.append(_shorter(text, task, backbone, made.window))
    elif room is not None and made.peak is not None and made.peak > room:
        text = f"This needs {_size(made.peak)} of memory and {_size(room)} are free."
        found.append(_shorter(text, task, backbone, made.tokens * room // made.peak))
    if unseen := max(one.unseen for one in made.rounds):
        text = f"{unseen} of the shots that it should remember find no room: {MAX_SHOTS} fit into one context."
        found.append(_scene_only(text, task, project))
    words = " ".join(shot.prompt for shot in project.scene(task.scene).shots)
    if strange := tuple(unknown(words)):
        text = f"The model does not know {', '.join(strange[:6])}{' …' if len(strange) > 6 else ''}."
        values = {"scene": task.scene, "words": list(strange)}
        found.append(Advice(text=text, fix="Take these words out", edit="drop_words", values=values))
    return found


def _shorter(text: str, task: Task, backbone: str, most: int) -> Advice:
    """Shots as long as a context of so many tokens allows."""
    longest = max(shot.frames for shot in task.shots if shot.id in task.make)
    for frames in range(longest - STRIDE, 0, -STRIDE):
        long = {shot.id for shot in task.shots if shot.id in task.make and shot.frames > frames}
        shots = (one.model_copy(update={"frames": frames}) if one.id in long else one for one in task.shots)
        smaller = task.model_copy(update={"shots": tuple(shots)})
        if max(one.tokens for one in rounds(smaller, task.options, backbone)) <= most:
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


def free_memory() -> int | None:
    """Bytes that this machine could give; None where it does not say."""
    told = Path("/proc/meminfo")
    found = re.search(r"MemAvailable:\s+(\d+) kB", told.read_text()) if told.exists() else None
    return int(found[1]) * 1024 if found else None


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count / 1e6, 1):.0f} MB"
