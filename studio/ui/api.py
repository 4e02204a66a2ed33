"""The studio for programs: named endpoints on the same services that the page uses (see README)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from studio.models import Job, Project
from studio.services import Edit, Studio


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

    def split(self, project_id: str, story: str, shots: int) -> dict[str, Any]:
        """A story into exactly so many shots."""
        board, _ = self.studio.split(project_id, story, shots)
        return _board(board)

    def edit_shot(self, project_id: str, shot: int, prompt: str, frames: int = 17, cut: bool = True) -> dict[str, Any]:
        """Change shot number ``shot`` (from 1)."""
        project = self.studio.project(project_id)
        edits = [Edit(prompt=s.prompt, frames=s.frames, cut=s.cut) for s in project.shots]
        if not 1 <= shot <= len(edits):
            raise ValueError(f"shot is {shot}; the project has {len(edits)}")
        edits[shot - 1] = Edit(prompt=prompt, frames=frames, cut=cut)
        options = project.options.model_dump()
        return _board(self.studio.edit(project_id, project.prompt, edits, options, revision=project.revision))

    def set_options(
        self,
        project_id: str,
        method: str = "lct",
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> dict[str, Any]:
        """How the shots are made: method "lct", "lct-ar" or "independent"; None leaves it to the model."""
        project = self.studio.project(project_id)
        options = {"method": method, "seed": seed, "steps": steps, "guidance": guidance}
        return _board(self.studio.edit(project_id, project.prompt, [], options, revision=project.revision))

    def generate(self, project_id: str) -> dict[str, Any]:
        """Queue the whole film; ``watch`` tells how far it is."""
        return _state(self.studio.generate(project_id))

    def redo(self, project_id: str, shot: int, see: list[int] | None = None) -> dict[str, Any]:
        """Queue a new take of shot number ``shot``; see: numbers of the shots that it looks at (default: all)."""
        picked = None if see is None else [number - 1 for number in see]
        return _state(self.studio.redo(project_id, shot - 1, see=picked))

    def watch(self, project_id: str) -> dict[str, Any]:
        """The project's open job, or the one that ended last."""
        job = self.studio.job(project_id)
        if job is None:
            raise ValueError("this project has no job yet; call generate first")
        return _state(job)

    def stop(self, project_id: str, how: str = "now") -> None:
        """Stop "now", or "after" the shot that is being made."""
        self.studio.stop(project_id, how)

    def film(self, project_id: str) -> str:
        """The address of the finished film on this server."""
        project = self.studio.project(project_id)
        if not project.film:
            raise ValueError("this project has no film yet; call generate first")
        return f"/gradio_api/file={self.studio.media(project.film)}"


ENDPOINTS = (
    *("create_project", "project", "split", "edit_shot", "set_options"),
    *("generate", "redo", "watch", "stop", "film"),
)


def add_api(studio: Studio) -> None:
    """Register the endpoints; call inside the page's Blocks."""
    api = Api(studio)
    for name in ENDPOINTS:
        gr.api(_said(getattr(api, name)), api_name=name)


def _said(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """A refusal reaches the caller as its one sentence."""

    @wraps(endpoint)
    def run(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401 - the endpoint's own
        try:
            return endpoint(*inputs, **named)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return run


def _board(project: Project) -> dict[str, Any]:
    return project.model_dump(mode="json")


def _state(job: Job) -> dict[str, Any]:
    return job.model_dump(mode="json", include={"id", "state", "done", "total", "message", "shots"})
