"""A view: a script that draws a plain value, and one event by which it says what a person did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

SCRIPTS = Path(__file__).parents[2] / "assets" / "views"


def view(*scripts: str, **options: Any) -> gr.HTML:
    """Draws its value with assets/views/NAME.js; its event ``act`` brings a name and details.

    scripts: the last one draws, those before are its parts.
    """
    code = "\n".join((SCRIPTS / f"{name}.js").read_text("utf-8") for name in ("kit", *scripts))
    return gr.HTML(
        value={}, html_template='<div class="view"></div>', js_on_load=code, apply_default_css=False, **options
    )
