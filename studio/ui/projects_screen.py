"""All projects: open one, put one away, take it back."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.models import Project
from studio.services import Studio
from studio.store import Listed
from studio.ui.pieces import address
from studio.ui.view import view


def layout() -> gr.HTML:
    return view("projects", elem_id="shelf")


def projects(studio: Studio, current: Project) -> dict[str, Any]:
    """The screen's value; on a public page nobody sees the projects of others."""
    waiting = studio.waiting()
    return {
        "projects": [_card(studio, one, current) | {"waiting": waiting.get(one.id, 0)} for one in studio.projects()],
        "trash": [_card(studio, one, current) for one in studio.projects(trashed=True)],
    }


def _card(studio: Studio, one: Listed, current: Project) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "poster": address(studio.media(one.poster)) if one.poster else "",
        "scenes": one.scenes,
        "shots": one.shots,
        "touched": f"{one.touched[:19].replace(' ', 'T')}Z",
        "current": one.id == current.id,
    }
