"""The one page: story, shots, film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.models import LONGEST, Project
from studio.services import MAX_SHOTS, Edit, Studio
from studio.ui import pieces

ASSETS = Path(__file__).parents[2] / "assets"
LENGTHS = [(f"{n / 8:.1f} s", n) for n in (1, 5, 9, 13, 17, 25, LONGEST)]
METHODS = [("Together: shots share one context", "lct"), ("Independent: each shot alone", "independent")]
POLL = 0.6  # seconds between two looks at the worker


@dataclass(frozen=True)
class Card:
    """The widgets of one shot."""

    column: gr.Column
    picture: gr.HTML
    prompt: gr.Textbox
    frames: gr.Dropdown
    cut: gr.Checkbox
    redo: gr.Button

    @property
    def inputs(self) -> list[Any]:
        return [self.prompt, self.frames, self.cut]


def build(studio: Studio) -> gr.Blocks:
    """The page on top of the services."""
    gr.set_static_paths([studio.store.media, ASSETS / "logo.svg"])
    with gr.Blocks(title="Reelboard", fill_width=True, analytics_enabled=False) as page:
        browser = gr.BrowserState("", storage_key="reelboard-project", secret="reelboard")  # noqa: S106 - not a secret
        project_id, seen = gr.State(""), gr.State("")
        gr.HTML(pieces.header(str(ASSETS / "logo.svg")))
        with gr.Row(elem_classes="desk"):
            with gr.Column(scale=7, elem_classes="panel"):
                story = gr.Textbox(
                    label="Story", lines=5, max_lines=12, placeholder="A red fox with a crown walks along the beach…"
                )
                with gr.Row(elem_classes="examples"):
                    examples = [gr.Button(tale["title"], size="sm") for tale in studio.stories]
            with gr.Column(scale=3, min_width=260, elem_classes="panel"):
                shots = gr.Slider(1, MAX_SHOTS, value=4, step=1, label="Number of shots")
                split = gr.Button("Split into shots", elem_id="split")
                make = gr.Button("Make the film", variant="primary", elem_id="make")
                stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
                new = gr.Button("New project", size="sm", elem_classes="quiet")
        strip = gr.HTML(elem_id="strip")
        note = gr.HTML(elem_id="note")
        with gr.Row(elem_classes="board"):
            cards = [_card(i) for i in range(MAX_SHOTS)]
        with gr.Row(elem_classes="desk"):
            with gr.Column(scale=6, elem_classes="panel"):
                film = gr.Video(label="Film", interactive=False, buttons=["download"], loop=True, elem_id="film")
            with gr.Column(scale=4, elem_classes="panel"):
                prompt = gr.Textbox(
                    label="What all shots share",
                    lines=4,
                    info="Characters, place and story. Every shot reads this as well as its own prompt.",
                )
                with gr.Accordion("Advanced", open=False):
                    method = gr.Dropdown(METHODS, value="lct", label="How shots are made")
                    seed = gr.Number(0, precision=0, minimum=0, label="Seed", info="Same seed, same film.")
                    steps = gr.Slider(4, 60, value=20, step=1, label="Steps")
                    guidance = gr.Slider(1, 8, value=3, step=0.5, label="How strictly to follow the words")
                with gr.Accordion("Words the model knows", open=False):
                    gr.HTML(pieces.known(studio.vocabulary()))
        options = [method, seed, steps, guidance]
        edits = [widget for card in cards for widget in card.inputs]
        form = [project_id, prompt, *options, *edits]
        shown = [widget for card in cards for widget in (card.column, card.picture, *card.inputs, card.redo)]
        whole = [project_id, browser, story, prompt, *options, film, strip, stop, make, *shown]
        live = [seen, film, strip, stop, make, *(w for card in cards for w in (card.picture, card.redo))]

        def everything(project: Project) -> list[Any]:
            chosen = project.options
            return [
                project.id,
                project.id,
                project.story,
                project.prompt,
                chosen.method,
                chosen.seed,
                chosen.steps or 20,
                chosen.guidance or 3,
                *_film_and_buttons(studio, project),
                *(value for i in range(MAX_SHOTS) for value in _filled(studio, project, i)),
            ]

        def words(identity: str) -> str:
            try:
                return pieces.unknown(studio.unknown_words(studio.project(identity)))
            except ValueError as error:
                return f'<p class="note bad" role="alert">{pieces.escape(str(error))}</p>'

        def save(identity: str, text: str, *rest: Any) -> Project:
            chosen = dict(zip(("method", "seed", "steps", "guidance"), rest[:4], strict=True))
            typed = [Edit(prompt=p, frames=f, cut=c) for p, f, c in zip(*[iter(rest[4:])] * 3, strict=True)]
            return studio.edit(identity, text, typed, chosen)

        def on_split(identity: str, text: str, count: float) -> list[Any]:
            project, said = studio.split(identity, text, int(count))
            if said:
                gr.Info(said)
            return everything(project)

        def on_make(identity: str, *rest: Any) -> None:
            studio.generate(save(identity, *rest).id)

        def on_redo(index: int) -> Callable[..., None]:
            return lambda identity, *rest: studio.redo(save(identity, *rest).id, index)

        def look(identity: str, before: str) -> list[Any]:
            if not identity:
                return [gr.skip()] * len(live)
            project, status = studio.project(identity), studio.status
            now = f"{project.version}/{status.state}/{status.done}/{len(status.previews)}/{status.project}"
            if now == before:
                return [gr.skip()] * len(live)
            pictures = (v for i in range(MAX_SHOTS) for v in _picture_and_redo(studio, project, i))
            return [now, *_film_and_buttons(studio, project), *pictures]

        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        page.load(lambda identity: everything(studio.open(identity)), browser, whole, **quiet).then(
            words, project_id, note, **quiet
        )
        asked = {"inputs": [project_id, story, shots], "outputs": whole}
        split.click(_said(on_split), **asked, **quiet).success(words, project_id, note, **quiet)
        for button, tale in zip(examples, studio.stories, strict=True):
            told = (tale["story"], tale["shots"])
            button.click(lambda told=told: told, None, [story, shots], **quiet).success(
                _said(on_split), **asked, **quiet
            ).success(words, project_id, note, **quiet)
        make.click(_said(on_make), form, None, **quiet)
        for index, card in enumerate(cards):
            card.redo.click(_said(on_redo(index)), form, None, **quiet)
            card.prompt.blur(_said(lambda *all_: save(*all_) and None), form, None, **quiet).success(
                words, project_id, note, **quiet
            )
        stop.click(studio.stop, None, None, **quiet)
        new.click(lambda: everything(studio.new()), None, whole, **quiet)
        gr.Timer(POLL).tick(_said(look), [project_id, seen], live, **quiet)
    return page


def _card(index: int) -> Card:
    with gr.Column(visible=False, min_width=250, elem_classes="card", elem_id=f"shot-{index + 1}") as column:
        picture = gr.HTML()
        prompt = gr.Textbox(label=f"Shot {index + 1}", lines=3, max_lines=6, container=False, elem_classes="script")
        with gr.Row(elem_classes="tools"):
            frames = gr.Dropdown(LENGTHS, value=17, label="Length", min_width=90, scale=1)
            cut = gr.Checkbox(True, label="Cut", min_width=60, scale=1, interactive=index > 0)
        redo = gr.Button("Redo this shot", size="sm", visible=False)
    return Card(column, picture, prompt, frames, cut, redo)


def _filled(studio: Studio, project: Project, index: int) -> list[Any]:
    """Values of one card's widgets: column, picture, prompt, frames, cut, redo."""
    if index >= len(project.shots):
        return [gr.Column(visible=False), "", "", 17, True, gr.Button(visible=False)]
    shot = project.shots[index]
    picture, redo = _picture_and_redo(studio, project, index)
    return [gr.Column(visible=True), picture, shot.prompt, shot.frames, shot.cut, redo]


def _picture_and_redo(studio: Studio, project: Project, index: int) -> list[Any]:
    if index >= len(project.shots):
        return [gr.skip(), gr.skip()]
    ready = project.shots[index].take is not None and not studio.status.busy
    return [pieces.picture(studio, project, index), gr.Button(visible=ready)]


def _film_and_buttons(studio: Studio, project: Project) -> list[Any]:
    """Film, strip, stop, make."""
    mine = studio.status.busy and studio.status.project == project.id
    return [
        pieces.film_path(studio, project),
        pieces.progress(studio.status, project.id),
        gr.Button(visible=mine),
        gr.Button(visible=not mine),
    ]


def _said(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A refusal becomes one sentence on the page."""

    def run(*inputs: Any) -> Any:  # noqa: ANN401 - whatever the handler takes and gives
        try:
            return handler(*inputs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return run
