"""The studio for programs: named endpoints on the same services that the page uses (see README)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from studio.drafts import Asked
from studio.inputs import checked_inputs
from studio.models import Job, Project
from studio.services import Studio
from studio.ui.files import uploaded
from studio.ui.pieces import address
from studio.ui.refusals import said


@checked_inputs
class Api:
    """Every method is one endpoint; ids are those that the studio gave out."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def create_project(self) -> dict[str, Any]:
        """A new, empty project."""
        return _board(self.studio.new())

    def project(self, project_id: str) -> dict[str, Any]:
        """The project as it is now, with the takes of its shots and why any of them is stale."""
        return _board(self.studio.project(project_id))

    def split(self, project_id: str, story: str, shots: int, scene: int = 1, aspect: str = "") -> dict[str, Any]:
        """A story into exactly so many shots of scene number ``scene`` (from 1; the next number adds a scene).

        aspect: what its framing is composed for, "1:1" or "9:16" for a film that will be cropped; its size stays.
        """
        project = self.studio.project(project_id)
        if not 1 <= scene <= len(project.scenes) + 1:
            raise ValueError(f"scene is {scene}; the project has {len(project.scenes)}")
        if scene > len(project.scenes):
            Asked(story=story, shots=shots, aspect=aspect)  # refuses what can't be split before a scene is added
            project = self.studio.edit(project_id, "add_scene")
        board, _ = self.studio.split(project_id, story, shots, scene=project.scenes[scene - 1].id, aspect=aspect)
        return _board(board)

    def edit_shot(self, project_id: str, shot: int, prompt: str, frames: int = 17, cut: bool = True) -> dict[str, Any]:
        """Change shot number ``shot`` (from 1, through all scenes)."""
        values = {"shot": self._shot(project_id, shot), "prompt": prompt, "frames": frames, "cut": cut}
        return _board(self.studio.edit(project_id, "set_shot", **values))

    def edit(self, project_id: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Any edit of the board by its name: add_scene, move_shots, set_entry...; ids are those of ``project``."""
        return _board(self.studio.edit(project_id, name, **values))

    def set_options(
        self,
        project_id: str,
        method: str = "lct",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        backbone: str = "",
    ) -> dict[str, Any]:
        """How the shots are made; method: "lct", "lct-ar", "lct-causal", "independent". None: the model's own.

        backbone: a title that ``backbones`` lists; "" is the studio's own.
        """
        options = {"method": method, "seed": seed, "steps": steps, "guidance": guidance, "backbone": backbone}
        return _board(self.studio.edit(project_id, "set_options", **options))

    def backbones(self) -> list[dict[str, Any]]:
        """The models that a project may choose, with what each can do of every method, or why it can't be used."""
        return [asdict(entry) | {"name": entry.title} for entry in self.studio.shelf.entries()]

    def plan(self, project_id: str, shot: int) -> dict[str, Any]:
        """What a new take would look at: shots, tokens in all, tokens of the window, seconds more than alone."""
        return self.studio.pool.cost(self.studio.project(project_id), self._shot(project_id, shot))

    def plan_scene(self, project_id: str, scene: int) -> dict[str, Any]:
        """What making a scene (from 1) takes: tokens of every round, seconds, bytes, and what would help."""
        project = self.studio.project(project_id)
        if not 1 <= scene <= len(project.scenes):
            raise ValueError(f"scene is {scene}; the project has {len(project.scenes)}")
        key = project.scenes[scene - 1].id
        plans = self.studio.plan(project, key)
        tasks = [
            {"tokens": [one.tokens for one in found.rounds], "window": found.window}
            | {"seconds": found.seconds, "bytes": found.peak}
            for found in plans
        ]
        return {"tasks": tasks, "advice": [vars(one) for one in self.studio.advice(project, key)]}

    def generate(self, project_id: str, draft: bool = False) -> list[dict[str, Any]]:
        """Queue the whole film, a job for each scene; ``watch`` tells how far it is. draft: in fewer steps."""
        return [_state(job) for job in self.studio.generate(project_id, draft=draft)]

    def sound(self, project_id: str, file: dict[str, Any], name: str = "") -> dict[str, Any]:
        """Lay a sound (``handle_file`` of gradio_client) under the film."""
        with uploaded(file) as path:
            return _board(self.studio.set_sound(project_id, path.read_bytes(), name or path.name))

    def upload(self, project_id: str, file: dict[str, Any], prompt: str = "", entry: str = "") -> dict[str, Any]:
        """A picture or film (``handle_file`` of gradio_client) into the pool, with the id by which it is picked.

        prompt: what it shows, in words. entry: id in the bible of whom or what it shows.
        """
        with uploaded(file) as path:
            added = self.studio.pool.add_file(project_id, path, prompt=prompt, entry=entry)
        return added.model_dump(mode="json")

    def still(self, project_id: str, shot: int, at: float, entry: str = "") -> dict[str, Any]:
        """The frame at ``at`` seconds of a shot's chosen take into the pool."""
        key = self._shot(project_id, shot)
        take = self.studio.project(project_id).shot(key).take
        if take is None:
            raise ValueError(f"shot {shot} has no take yet; make it first")
        added = self.studio.pool.add_still(project_id, key, take.id, at=at, entry=entry)
        return added.model_dump(mode="json")

    def replace(self, project_id: str, shot: int, file: dict[str, Any]) -> dict[str, Any]:
        """A picture or film as the take of shot number ``shot``."""
        with uploaded(file) as path:
            self.studio.pool.replace(project_id, self._shot(project_id, shot), path)
        return _board(self.studio.project(project_id))

    def pick(
        self, project_id: str, shot: int, see: list[int | str] | None = None, noises: list[int | None] | None = None
    ) -> dict[str, Any]:
        """What shot number ``shot`` looks at whenever it is made: shots by number, references by id, in this order.

        "scene" among them stands for the rest of its scene; None: that alone. noises: t_c of each, 0 to 999.
        """
        picks = self._picks(project_id, see)
        told = dict(zip(picks or (), noises or (), strict=False))
        values = {"shot": self._shot(project_id, shot), "see": picks}
        noised = {"noises": {key: noise for key, noise in told.items() if noise is not None}}
        return _board(self.studio.edit(project_id, "set_shot", **values, **noised))

    def redo(
        self,
        project_id: str,
        shot: int,
        see: list[int | str] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> dict[str, Any]:
        """Queue a new take of shot number ``shot``; see: as in ``pick``, for this once (default: what was picked).

        steps, guidance: of this take (default: those of the film).
        """
        own = {"see": self._picks(project_id, see), "steps": steps, "guidance": guidance}
        return _state(self.studio.redo(project_id, self._shot(project_id, shot), **own))

    def choose(self, project_id: str, shot: int, take: int) -> dict[str, Any]:
        """Make take number ``take`` (from 1) of a shot the one that counts."""
        key = self._shot(project_id, shot)
        takes = self.studio.takes(key)
        if not 1 <= take <= len(takes):
            raise ValueError(f"take is {take}; the shot has {len(takes)}")
        return _board(self.studio.choose(project_id, key, takes[take - 1].id))

    def trash(self, project_id: str) -> list[dict[str, Any]]:
        """What was removed from the board, edit by edit, the last one first; gone: whether its scene was, too."""
        return [
            {"scene": one.scene.id, "title": one.scene.title, "gone": one.gone}
            | {"shots": [shot.model_dump(mode="json") for shot in one.shots]}
            for one in self.studio.removed(project_id)
        ]

    def take_back(self, project_id: str, keys: list[str]) -> dict[str, Any]:
        """Removed shots and scenes, by the ids that ``trash`` tells, to where they were, with all their takes."""
        return _board(self.studio.take_back(project_id, keys))

    def empty_trash(self, project_id: str) -> int:
        """Remove for good what was removed from the board, but for starred takes; how many shots that were."""
        return self.studio.empty_trash(project_id)

    def watch(self, project_id: str) -> dict[str, Any]:
        """The project's open job, or the one that ended last."""
        job = self.studio.job(project_id)
        if job is None:
            raise ValueError("this project has no job yet; call generate first")
        return _state(job)

    def stop(self, project_id: str, how: str = "now") -> None:
        """Stop "now", or "after" the shot that is being made."""
        self.studio.stop(project_id, how)

    def pause(self, paused: bool = True) -> None:
        """Let no job of the queue begin, whoever asked for it; False lets them go."""
        self.studio.pause(paused=paused)

    def film(self, project_id: str) -> str:
        """The address of the finished film on this server."""
        return address(self.studio.film(project_id))

    def export(self, project_id: str, form: str) -> str:
        """The address of the film or its board in one of the forms that the page lists."""
        return address(self.studio.export(project_id, form))

    def _picks(self, project_id: str, see: list[int | str] | None) -> list[str] | None:
        return None if see is None else [s if isinstance(s, str) else self._shot(project_id, s) for s in see]

    def _shot(self, project_id: str, number: int) -> str:
        shots = self.studio.project(project_id).shots
        if not 1 <= number <= len(shots):
            raise ValueError(f"shot is {number}; the project has {len(shots)}")
        return shots[number - 1].id


ENDPOINTS = (
    *("create_project", "project", "split", "edit_shot", "edit", "set_options", "backbones"),
    *("upload", "still", "replace", "pick", "plan", "plan_scene", "generate", "redo", "choose"),
    *("trash", "take_back", "empty_trash"),
    *("watch", "stop", "pause", "sound", "film", "export"),
)


def add_api(studio: Studio) -> None:
    """Register the endpoints; call inside the page's Blocks."""
    api = Api(studio)
    for name in ENDPOINTS:
        gr.api(said(getattr(api, name)), api_name=name)


def _board(project: Project) -> dict[str, Any]:
    """The project, with all its shots in one list as well."""
    board = project.model_dump(mode="json")
    return board | {"shots": [shot for scene in board["scenes"] for shot in scene["shots"]]}


def _state(job: Job) -> dict[str, Any]:
    return job.model_dump(mode="json", include={"id", "state", "done", "total", "message", "shots"})
