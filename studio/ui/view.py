"""A view: a script that draws a plain value, and one event by which it says what a person did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

SCRIPTS = Path(__file__).parents[2] / "assets" / "views"


def view(*scripts: str, value: Any = None, asks: tuple[Callable[..., Any], ...] = (), **options: Any) -> gr.HTML:  # noqa: ANN401 - whatever the script draws
    """Draws its value with assets/views/NAME.js; its event ``act`` brings a name and details.

    scripts: the last one draws, those before are its parts. asks: functions that the scripts may call.
    """
    code = "\n".join((SCRIPTS / f"{name}.js").read_text("utf-8") for name in ("kit", *scripts))
    frame = {"html_template": '<div class="view"></div>', "js_on_load": code, "apply_default_css": False}
    return gr.HTML(value=as_text(value or {}), server_functions=list(asks) or None, **frame, **options)


def as_text(value: Any) -> str:  # noqa: ANN401
    """A value as its script takes it: one text, for gradio walks through any other value, here and in the page."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
