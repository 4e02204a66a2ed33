"""The settings: what the studio runs on, its models, who splits stories, what it keeps, who may come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.about import Model
from studio.models import Project
from studio.services import Studio
from studio.ui.pieces import address
from studio.ui.view import view

MCP = "/gradio_api/mcp/"


def layout() -> gr.HTML:
    return view("settings", elem_id="settings")


def settings(studio: Studio, project: Project, tried: str = "", *, models: bool = True) -> dict[str, Any]:
    """The screen's value. tried: how the splitter did just now. models: to look at them takes a while."""
    found, public = studio.about(), studio.settings.public
    chosen = project.options.backbone or Path(studio.settings.backbone).name
    return {
        "device": found.device,
        "reason": found.reason,
        "memory": found.memory,
        "makers": found.makers,
        "models": [_model(one, chosen) for one in studio.models()] if models else None,
        "splitter": found.splitter,
        "tries": found.tried,
        "tried": tried,
        "leaves": found.leaves,
        "home": found.home,
        "kept": found.kept,
        "exports": found.exports,
        "prompts": found.prompts,
        "disk": found.disk,
        "public": public,
        "guarded": found.guarded,
        "mcp": MCP if found.mcp else "",
        "choices": studio.preferences and studio.preferences.model_dump(),
        "variables": studio.variables,
        "trash": _trash(studio, project),
    }


def _trash(studio: Studio, project: Project) -> list[dict[str, Any]]:
    """What was removed, edit by edit, the last one first."""
    found, numbers = studio.removed(project.id), studio.take_numbers(project)
    boards = {scene.id: number for number, scene in enumerate(project.scenes, start=1)}
    return [
        {
            "scene": one.scene.id,
            "number": boards.get(one.scene.id, 0),
            "title": one.scene.title,
            "shots": [
                {"id": shot.id, "prompt": shot.prompt, "takes": numbers.get(shot.id, (0, 0))[1]}
                | {"poster": address(studio.media(shot.take.poster)) if shot.take else ""}
                for shot in one.shots
            ],
        }
        for one in found
    ]


def _model(one: Model, chosen: str) -> dict[str, Any]:
    return vars(one) | {"chosen": one.title == chosen}
