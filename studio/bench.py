"""``python -m studio.bench``: a board of 1,000 shots with 5,000 takes, opened and edited; the last line is JSON."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.board import add_shot, move_shots, set_entry, set_shot
from studio.models import Entry, Project, SceneInfo, ShotInfo, TakeInfo
from studio.store import Store

SCENES, SHOTS, TAKES, RUNS = 125, 8, 5, 15


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        project = _large(Store(home))
        seconds = {"open": _median(lambda: Store(home).projects.get(project.id))}
        store = Store(home)
        shot, scene = project.shots[300].id, project.scenes[50]
        edits: dict[str, Callable[[Project, int], Project]] = {
            "words": lambda now, n: set_shot(now, shot=shot, prompt=f"Character 1 jumps {n} times."),
            "lock": lambda now, n: set_shot(now, shot=shot, locked=bool(n % 2)),
            "move": lambda now, n: move_shots(now, shots=[scene.shots[0].id], scene=scene.id, place=1 + n % 6),
            "add": lambda now, n: add_shot(now, scene=project.scenes[100 + n].id),
            "bible": lambda now, n: set_entry(now, entry="hero", text=f"A red fox, {n} years old."),
        }
        for name, edit in edits.items():
            numbers = iter(range(RUNS))
            seconds[name] = _median(lambda edit=edit, numbers=numbers: _edit(store, project.id, edit, next(numbers)))
    for name, value in seconds.items():
        sys.stdout.write(f"{name:6} {1000 * value:7.1f} ms\n")
    sys.stdout.write(json.dumps({"shots": SCENES * SHOTS, "takes": SCENES * SHOTS * TAKES} | seconds) + "\n")


def _edit(store: Store, project: str, edit: Callable[[Project, int], Project], number: int) -> None:
    store.projects.edit(project, lambda now: edit(now, number))


def _large(store: Store) -> Project:
    """A film of 125 scenes; every shot has five takes."""
    hero = Entry(id="hero", kind="character", name="Ruby", text="Ruby, a red fox with a crown.")
    project = store.projects.create("Large")

    def fill(now: Project) -> Project:
        scenes = (
            SceneInfo(
                id=uuid.uuid4().hex,
                cast=("hero",),
                shots=tuple(ShotInfo(id=uuid.uuid4().hex, prompt=f"Shot {n} {k}.") for k in range(SHOTS)),
            )
            for n in range(SCENES)
        )
        return now.model_copy(update={"bible": (hero,), "scenes": tuple(scenes)})

    board = store.projects.edit(project.id, fill)
    for shot in board.shots:
        for seed in range(TAKES):
            files = {"video": "v.mp4", "poster": "p.jpg", "latents": "l.safetensors"}
            record: dict[str, Any] = {"prompt": shot.prompt, "frames": 17, "cut": True, "note": "x" * 500}
            store.projects.add_take(shot.id, TakeInfo(id=uuid.uuid4().hex, seed=seed, **files), record)
    return store.projects.get(project.id)


def _median(run: Callable[[], object]) -> float:
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


if __name__ == "__main__":
    main()
