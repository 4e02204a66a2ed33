"""The queue: what is being made, what waits, and what is over."""

from __future__ import annotations

import gradio as gr

from studio.ui.view import view


def layout() -> gr.HTML:
    return view("queue", elem_id="queue")
