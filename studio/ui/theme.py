"""Colours and shapes: a calm dark editing room in which the pictures are the only colour."""

from __future__ import annotations

import gradio as gr

ROOM, PANEL, LINE, INK, SOFT, WARM, BAD = "#131316", "#1b1b1f", "#34343c", "#ececee", "#a8a8b3", "#f5b041", "#f4937a"


def theme() -> gr.themes.Base:
    """Greys that recede, one warm accent, the system's own fonts (nothing is fetched)."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.zinc,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "Segoe UI", "Helvetica", "Arial", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
    dark = {
        "body_background_fill": ROOM,
        "body_text_color": INK,
        "body_text_color_subdued": SOFT,
        "background_fill_primary": PANEL,
        "background_fill_secondary": ROOM,
        "block_background_fill": PANEL,
        "block_border_color": LINE,
        "block_label_background_fill": PANEL,
        "block_label_text_color": SOFT,
        "block_title_text_color": SOFT,
        "block_info_text_color": SOFT,
        "border_color_primary": LINE,
        "input_background_fill": ROOM,
        "input_border_color": LINE,
        "input_border_color_focus": WARM,
        "input_placeholder_color": "#7c7c88",
        "button_primary_background_fill": WARM,
        "button_primary_background_fill_hover": "#ffc35e",
        "button_primary_text_color": "#17130a",
        "button_secondary_background_fill": "transparent",
        "button_secondary_background_fill_hover": "#26262c",
        "button_secondary_border_color": LINE,
        "button_secondary_text_color": INK,
        "button_cancel_background_fill": "transparent",
        "button_cancel_border_color": BAD,
        "button_cancel_text_color": BAD,
        "slider_color": WARM,
        "checkbox_background_color_selected": WARM,
        "checkbox_border_color_selected": WARM,
    }
    light = {
        "block_info_text_color": "#5c5c66",
        "block_title_text_color": "#5c5c66",
        "input_placeholder_color": "#6b6b76",
        "button_primary_background_fill": WARM,
        "button_primary_background_fill_hover": "#ffc35e",
        "button_primary_text_color": "#17130a",
        "button_secondary_background_fill": "transparent",
        "slider_color": WARM,
    }
    return base.set(block_border_width="0px", **light, **{f"{name}_dark": value for name, value in dark.items()})
