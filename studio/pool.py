"""The history pool of a project: what shots may look at, where it comes from, and what it costs to look at it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import Scene, VideoShape, film_size, related
from studio import board, film
from studio.bible import compose
from studio.inputs import checked_inputs
from studio.models import FPS, LONGEST, Project, Reference, TakeInfo
from studio.planning import plan
from studio.tasks import STEPS, redo_task, there

if TYPE_CHECKING:
    from torch import Tensor

    from studio.limits import Limits
    from studio.shelf import Shelf
    from studio.store import Store

MAX_NAME = 120


@checked_inputs
class Pool:
    """References are kept with the project: undo, its trash and its file know them."""

    def __init__(self, store: Store, limits: Limits, shelf: Shelf) -> None:
        self.store, self.limits, self.shelf = store, limits, shelf

    def add_file(
        self, project_id: str, path: Path, *, entry: str = "", prompt: str = "", author: str = ""
    ) -> Reference:
        """A picture or film of the creator's, fitted to the model's size; the file itself is not kept.

        entry: of the bible, that it shows. prompt: what it shows (default: its name).
        """
        self.limits.spend("uploads")
        frames = self._read(path, self.store.projects.open(project_id), LONGEST)
        facts = {
            "name": path.name[:MAX_NAME],
            "prompt": prompt or _spoken(path),
            "entry": entry,
            "origin": _origin(path),
        }
        return self._add(project_id, "upload", facts, {"frames": frames}, author)

    def add_take(
        self, project_id: str, shot: str, take: str, *, entry: str = "", shots: Sequence[str] = (), author: str = ""
    ) -> Reference:
        """A take as it is, which stays in the pool whatever is chosen later. shots: those that look at it at once."""
        project, info = self._take(project_id, shot, take)
        if any(one.kind == "take" and one.origin.get("take") == take for one in project.references):
            raise ValueError(f"{self._slate(project, shot, take)} is in the pool already")
        made_by, kept = self.store.projects.made_by(take), film.load_take(self.store.media, info)
        reference = Reference(
            id=uuid.uuid4().hex,
            kind="take",
            name=self._slate(project, shot, take),
            prompt=made_by.get("prompt") or project.shot(shot).prompt,
            entry=entry,
            frames=len(kept.frames),
            origin={"take": take},
            **info.model_dump(include={"video", "poster", "latents"}),
        )
        self._keep(project_id, reference, author, shots)
        return reference

    def add_still(
        self, project_id: str, shot: str, take: str, *, at: float, entry: str = "", author: str = ""
    ) -> Reference:
        """One frame of a take, ``at`` seconds into it: a shot of one frame (LCT section 4.1)."""
        project, info = self._take(project_id, shot, take)
        frames = film.load_take(self.store.media, info).frames
        number = round(at * FPS)
        if not 0 <= number < len(frames):
            last = (len(frames) - 1) / FPS
            near = min(max(at, 0.0), last)
            raise ValueError(f"at is {at:g} s; the take goes from 0 to {last:g} s, the nearest is {near:g}")
        facts = {
            "name": f"{self._slate(project, shot, take)} at {number / FPS:.1f} s",
            "prompt": self.store.projects.made_by(take).get("prompt") or project.shot(shot).prompt,
            "entry": entry,
            "origin": {"take": take, "frame": number},
        }
        return self._add(project_id, "still", facts, {"frames": frames[number : number + 1]}, author)

    def replace(self, project_id: str, shot: str, path: Path, *, author: str = "") -> TakeInfo:
        """A file as a take of a shot, marked as not made here; a picture is held for the shot's length."""
        project = self.store.projects.open(project_id)
        found = project.shot(shot)
        if found.locked:
            raise ValueError(f"shot {project.slates[shot]} is locked; unlock it first")
        self.limits.spend("uploads")
        frames = self._read(path, project, found.frames)
        if len(frames) == 1:
            frames = frames.repeat(found.frames, 1, 1, 1)
        made_by = {"frames": len(frames), **_origin(path)}
        kept = film.keep_pictures(self.store.media, {"frames": frames}, made_by)
        if len(frames) != found.frames:
            values = {"shot": shot, "frames": len(frames)}
            self.store.projects.edit(project_id, lambda now: board.apply(now, "set_shot", values), author=author)
        take = TakeInfo(id=uuid.uuid4().hex, seed=0, file=path.name[:MAX_NAME], **kept)
        self.store.projects.add_take(shot, take, made_by)
        return take

    def _read(self, path: Path, project: Project, frames: int) -> Tensor:
        """The file's pictures in the size of the project's films, at most so many; ValueError says what is wrong."""
        from engine.uploads import read_upload

        try:
            height, width = film_size(self.shelf.path(project.options.backbone))
        except ValueError:  # there is no model to ask
            height, width = Scene.height, Scene.width
        return read_upload(path, VideoShape(frames=frames, height=height, width=width), fps=FPS)

    def suggestions(self, project: Project, shot: str) -> dict[str, tuple[str, ...]]:
        """Why shots and references would help a shot, by id, the best first; nothing is used until it is picked."""
        names = {entry.id: f"shows {entry.name or 'the ' + entry.kind}" for entry in project.bible}
        about, words = shown(project), _words(project)
        mine = about[shot] | {entry.id for entry in project.bible if entry.kind == "look"}  # every shot has them
        whole = words.pop(shot)
        others = {one.id: words[one.id] for one in project.shots if one.take and one.id != shot}
        others |= {one.id: one.prompt for one in project.references}
        alike = {key: why for key, _, why in related(whole, others)}
        shared = {key: tuple(names[one] for one in names if one in mine & about[key]) for key in others}
        found = {key: shared[key] or alike[key] for key in others if shared[key] or key in alike}
        still = {one.id for one in project.references}
        return dict(sorted(found.items(), key=lambda one: (-len(shared[one[0]]), one[0] not in still)))

    def cost(self, project: Project, shot: str) -> dict[str, Any]:
        """What a new take of a shot looks at: "shots", "tokens" in all, "window", and "seconds" more than alone.

        seconds: None before any job has shown how quick this machine is.
        """
        task = there(redo_task(project, shot, seed=0), project)
        made = plan(task, self.shelf.path(project.options.backbone), None)
        (one,) = made.rounds
        seen = [size for k, size in one.shares.items() if k >= 0 and k not in one.shots]
        pace = self.store.ledger.pace(project.options.backbone)
        passes = project.options.steps or STEPS
        seconds = None if pace is None else pace * passes * sum(seen)
        return {"shots": len(seen), "tokens": one.tokens, "window": made.window, "seconds": seconds}

    def _add(
        self, project_id: str, kind: str, facts: dict[str, Any], state: dict[str, Tensor], author: str
    ) -> Reference:
        values = {"id": uuid.uuid4().hex, "kind": kind, "frames": len(state["frames"])}
        wanted = board.checked(Reference, None, **values, **facts, video="", poster="", latents="")
        board.add_reference(self.store.projects.open(project_id), wanted)  # refused before anything is written
        kept = film.keep_pictures(self.store.media, state, {"origin": facts["origin"]})
        reference = wanted.model_copy(update=kept)
        self._keep(project_id, reference, author)
        return reference

    def _keep(self, project_id: str, reference: Reference, author: str, shots: Sequence[str] = ()) -> None:
        change = partial(board.add_reference, reference=reference, shots=shots)
        self.store.projects.edit(project_id, change, author=author)

    def _take(self, project_id: str, shot: str, take: str) -> tuple[Project, TakeInfo]:
        project = self.store.projects.open(project_id)
        project.shot(shot)
        found = {one.id: one for one in self.store.projects.takes(shot)}
        if take not in found:
            raise ValueError(f"take is {take[:40]!r}; this shot has no such take")
        return project, found[take]

    def _slate(self, project: Project, shot: str, take: str) -> str:
        order = [one.id for one in self.store.projects.takes(shot)]
        return f"{project.slates[shot]} T{order.index(take) + 1}"


def shown(project: Project) -> dict[str, set[str]]:
    """Entries of the bible that every shot and reference is about: its place, and the characters that its words name.

    Words that name nobody ("She waves.") are about everybody in the scene.
    """
    found, entries = {one.id: {one.entry} - {""} for one in project.references}, {e.id: e for e in project.bible}
    for scene in project.scenes:
        cast = [entries[key] for key in scene.cast if key in entries]
        names = {entry.id: [f"Character {n}", *filter(None, [entry.name])] for n, entry in enumerate(cast, start=1)}
        called = {key: rf"\b({'|'.join(map(re.escape, words))})\b" for key, words in names.items()}
        for shot in scene.shots:
            named = {key for key, name in called.items() if re.search(name, shot.prompt, re.IGNORECASE)}
            found[shot.id] = (named or called.keys()) | ({scene.setting} & entries.keys())
    return found


def shots_about(project: Project) -> dict[str, list[str]]:
    """The shots that are about every entry of the bible, in the order of the film; all shots have its looks."""
    about = shown(project)
    return {e.id: [s.id for s in project.shots if e.kind == "look" or e.id in about[s.id]] for e in project.bible}


def _words(project: Project) -> dict[str, str]:
    """All words that every shot reads; without numbers of characters, which mean others in other scenes."""
    told = ((scene, compose(project.bible, scene)) for scene in project.scenes)
    whole = {shot.id: f"{words} {shot.prompt}" for scene, words in told for shot in scene.shots}
    return {key: re.sub(r"Character \d+", "", text) for key, text in whole.items()}


def _origin(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name[:MAX_NAME], "sha256": digest, "bytes": path.stat().st_size}


def _spoken(path: Path) -> str:
    """A file's name as words: "red-fox_01.png" shows a red fox."""
    words = re.sub(r"[\W_\d]+", " ", path.stem).strip()
    return f"{words[:1].upper()}{words[1:]}." if words else ""
