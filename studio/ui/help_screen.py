"""The help: three steps, the keys, the words that the model knows, and the tour once more."""

from __future__ import annotations

import gradio as gr

from studio.services import Studio
from studio.ui import pieces


def layout(studio: Studio) -> gr.Button:
    gr.HTML(pieces.help_page(studio.vocabulary(), studio.settings.backbone))
    return gr.Button("Show me around again", elem_id="tour-again", size="sm", scale=0)
