"""Colours and shapes: a calm dark editing room in which the pictures are the only colour."""

from __future__ import annotations

import gradio as gr


def theme() -> gr.themes.Base:
    """Neutral greys, one warm accent, the system's own fonts (nothing is fetched)."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.zinc,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "Segoe UI", "Helvetica", "Arial", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
