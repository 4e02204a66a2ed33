"""The bible: characters, places and looks, which every shot of their scenes reads."""

from __future__ import annotations

import gradio as gr

from studio.ui.view import view


def layout() -> gr.HTML:
    return view("files", "bible", elem_id="bible")
