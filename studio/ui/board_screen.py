"""The board, which is home: the story above, the shots under it, the selected shot beside them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.services import LONGEST_SCENE, Studio
from studio.ui import pieces
from studio.ui.view import view

SHOTS = 4  # of a story, unless its creator says otherwise
ASPECTS = [("the film as it is", ""), ("a square crop, 1:1", "1:1"), ("a tall crop, 9:16", "9:16")]
OWN = "Empty: what the model is used to."
METHODS = [
    ("Together: all shots of a scene in one context", "lct"),
    ("One after the other: each remembers those before", "lct-ar"),
    ("One after the other, what was made is computed once", "lct-causal"),
    ("Independent: each shot alone", "independent"),
]


def layout(studio: Studio) -> dict[str, Any]:
    """Everything on it that has a value or a click."""

    def unknown(typed: dict[str, str]) -> list[str]:
        """Words of a text that is being typed that its project's model does not know."""
        told = [typed.get(name) for name in ("text", "project")] if isinstance(typed, dict) else []
        if not told or not all(isinstance(value, str) for value in told):
            return []
        try:
            backbone = studio.project(told[1]).options.backbone
        except ValueError:  # the page is on its way to another one
            backbone = ""
        return list(studio.unknown_in(told[0][:4000], backbone))

    view("tour", elem_id="tour", value={"steps": pieces.TOUR})
    with gr.Row(elem_classes="desk"):
        with gr.Column(elem_classes="told"):
            found = _story(studio)
            view("underline", "story", elem_id="underline", asks=(unknown,))
            found["plan"] = view("plan", elem_id="plan")
        with gr.Column():
            found["board"] = view("board", elem_id="board")
        with gr.Column(elem_classes="side"):
            parts = ("files", "underline", "shot_pool", "shot_takes", "shot")
            found["shot"] = view(*parts, elem_id="shot", elem_classes="panel", asks=(unknown,))
            found["options"] = _options()
    return found


def _story(studio: Studio) -> dict[str, Any]:
    with gr.Column(elem_classes=["sheet", "story"]):
        hint = "A red fox with a crown walks along the beach…  (or paste a Fountain screenplay, or a story.json)"
        told = {"lines": 2, "max_lines": 10, "placeholder": hint, "elem_id": "story"}
        story = gr.Textbox(label="Story of the scene", **told)
        with gr.Row(elem_classes=["tools", "doing"]):
            number = {"minimum": 1, "maximum": LONGEST_SCENE, "precision": 0, "min_width": 84, "scale": 0}
            count = gr.Number(SHOTS, label="Number of shots", elem_id="count", **number)
            split = gr.Button("Split into shots", elem_id="split", min_width=120, scale=0, interactive=False)
            make = gr.Button("Make the film", variant="primary", elem_id="make", min_width=130, scale=0)
            gr.HTML('<span class="soft">or try</span>', elem_classes="or", min_width=40)
            examples = [
                gr.Button(tale["title"], size="sm", scale=0, min_width=80, interactive=False, elem_classes="tale")
                for tale in studio.stories
            ]
        wishes = _wishes(studio)
        with gr.Accordion("Ask a chat of your own", open=False, elem_id="chat") as chat:
            told = {"lines": 4, "max_lines": 8, "interactive": False, "buttons": ["copy"], "elem_id": "question"}
            question = gr.Textbox(
                label="Its question", info="Copy it there, and put the answer in the story's place.", **told
            )
        draft = view("draft", elem_id="draft")
    found = {"story": story, "examples": examples, "count": count, "wishes": wishes}
    return found | {"split": split, "make": make, "draft": draft, "chat": chat, "question": question}


def _wishes(studio: Studio) -> list[Any]:
    with gr.Accordion("Wishes for the split", open=False), gr.Row(elem_classes="tools wishes"):
        told = {
            "placeholder": "as told",
            "info": "For a language model.",
            "max_length": 60,
            "min_width": 110,
            "visible": studio.has_model,
        }
        return [
            gr.Number(0, label="Seconds in all", info="0: 2.1 s a shot.", minimum=0, min_width=110),
            gr.Textbox(label="Tone", **told),
            gr.Textbox(label="Language", **told),
            gr.Dropdown(ASPECTS, value="", label="Composed for", info="Its size stays the model's.", min_width=130),
            gr.Dropdown(
                ["low", "medium", "high"],
                value="medium",
                label="Variety of framing",
                info="Wide to close.",
                min_width=110,
            ),
            gr.Checkbox(label="One long take", info="Parts of one style, no cuts.", min_width=130),
        ]


def _options() -> list[Any]:
    with gr.Accordion("How shots are made", open=False, elem_classes="panel"):
        return [
            gr.Dropdown(METHODS, value="lct", label="Method"),
            gr.Number(0, precision=0, minimum=0, label="Seed of the film", info="Same seed, same film."),
            gr.Number(None, precision=0, minimum=1, maximum=200, label="Steps", elem_id="steps", info=OWN),
            gr.Number(None, minimum=1, maximum=20, step=0.5, label="How strictly to follow the words", info=OWN),
        ]
