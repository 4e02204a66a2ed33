"""The film: looked at as it will be exported, and exported."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.services import EXPORTS
from studio.ui.view import view

CARRIED = """<p class="note">Films, pictures and timelines carry what made every shot: words, seed, model, memory.
A timeline alone names files of this machine; with its files, or with everything, it goes anywhere.</p>"""


def layout() -> dict[str, Any]:
    """Everything on it that has a value or a click."""
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=7, min_width=320, elem_classes="sheet"):
            film = view("files", "film", elem_id="film")
        with gr.Column(scale=3, min_width=280, elem_classes=["sheet", "side"]):
            forms = [{"name": name, "title": f.title, "format": f.format, "use": f.use} for name, f in EXPORTS.items()]
            exports = view("exports", value=forms, elem_id="export")
            file = gr.File(label="File", interactive=False, visible=False, elem_id="exported")
            gr.HTML(CARRIED)
    return {"film": film, "exports": exports, "file": file}
