"""A view: a script that draws a plain value, and one event by which it says what a person did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

SCRIPTS = Path(__file__).parents[2] / "assets" / "views"


def view(script: str, **options: Any) -> gr.HTML:
    """Draws its value with assets/views/NAME.js; its event ``act`` brings a name and details."""
    code = "\n".join((SCRIPTS / name).read_text("utf-8") for name in ("kit.js", f"{script}.js"))
    return gr.HTML(
        value={}, html_template='<div class="view"></div>', js_on_load=code, apply_default_css=False, **options
    )
