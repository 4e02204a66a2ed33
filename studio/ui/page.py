"""The page: story, board and inspector; film; bible; queue; help. Layout and wiring only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from studio.services import EXPORTS, MAX_SHOTS, Studio
from studio.tasks import STEPS
from studio.ui import pieces
from studio.ui.actions import Actions
from studio.ui.api import add_api
from studio.ui.refusals import said, visitor
from studio.ui.view import view

ASSETS = Path(__file__).parents[2] / "assets"
METHODS = [
    ("Together: all shots of a scene in one context", "lct"),
    ("One after the other: each remembers those before", "lct-ar"),
    ("One after the other, what was made is computed once", "lct-causal"),
    ("Independent: each shot alone", "independent"),
]
OPENED = [".zip", ".json", ".fountain", ".txt"]  # a project, a story, a screenplay
KEPT = (600, 3600)  # seconds between two looks at received files, and after which they go
PROJECT = "Project (zip)"  # of ``EXPORTS``
POLL = 0.6  # seconds between two looks at the worker
QUIET = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True, kw_only=True)
class Widgets:
    """Everything on the page that has a value or a click."""

    name: gr.Textbox
    projects: gr.Dropdown
    new: gr.Button
    undo: gr.Button
    again: gr.Button
    story: gr.Textbox
    examples: list[gr.Button]
    count: gr.Slider
    wishes: list[Any]  # seconds, tone, language, variety
    split: gr.Button
    make: gr.Button
    note: gr.HTML
    board: gr.HTML
    plan: gr.HTML
    shot: gr.HTML
    film: gr.HTML
    room: gr.Tab  # of the film
    form: gr.Dropdown
    export: gr.Button
    file: gr.File
    open: gr.UploadButton
    bible: gr.HTML
    queue: gr.HTML
    strip: gr.HTML
    save: gr.Button  # where nothing outlives a restart
    saved: gr.File
    options: list[Any]  # method, seed, steps, guidance

    @property
    def live(self) -> list[Any]:
        """What changes while shots are made, in the order of ``Actions.live``."""
        return [self.board, self.plan, self.shot, self.bible, self.queue, self.strip, self.make]

    @property
    def filled(self) -> list[Any]:
        """What only an opened project fills, in the order of ``Actions.opened``."""
        return [self.name, self.projects, self.story, *self.options]


def build(studio: Studio) -> gr.Blocks:
    """The page on top of the services."""
    studio.limits.who = visitor(behind_router=studio.settings.space)
    gr.set_static_paths([studio.store.media.folder, studio.exports, ASSETS / "logo.svg"])
    with gr.Blocks(title="Reelboard", fill_width=True, analytics_enabled=False, delete_cache=KEPT) as page:
        found = _bar() | _ephemeral(studio) | _tabs(studio)
        found["strip"] = view("strip", elem_id="strip")
        add_api(studio)  # first, for the page's own handlers would take their names
        _wire(studio, page, Widgets(**{field.name: found[field.name] for field in fields(Widgets)}))
    return page


def _bar() -> dict[str, Any]:
    with gr.Row(elem_classes="bar"):
        gr.HTML(pieces.header(str(ASSETS / "logo.svg")))
        box = {"container": False, "show_label": False, "scale": 1, "min_width": 160}
        name = gr.Textbox(label="Name of this project", placeholder="Untitled film", elem_id="name", **box)
        projects = gr.Dropdown([], label="Open another project", elem_id="projects", **box)
        small = {"size": "sm", "scale": 0, "min_width": 112}
        undo, again = gr.Button("Undo", elem_id="undo", **small), gr.Button("Redo edit", **small)
        new = gr.Button("New project", **small)
        openers = {"open": gr.UploadButton("Open a file", file_types=OPENED, type="filepath", **small)}
    return {"name": name, "projects": projects, "undo": undo, "again": again, "new": new} | openers


def _ephemeral(studio: Studio) -> dict[str, Any]:
    """Where nothing outlives a restart, a project is a click away from a file of one's own."""
    with gr.Row(elem_classes="tools", visible=studio.settings.ephemeral):
        gr.HTML(pieces.EPHEMERAL, min_width=240)
        save = gr.Button("Save this project", elem_id="save", size="sm", scale=0, min_width=140)
        saved = gr.File(label="Your project", interactive=False, visible=False, elem_id="saved", height=90)
    return {"save": save, "saved": saved}


def _tabs(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with gr.Tabs(elem_id="rooms"):
        with gr.Tab("Board"), gr.Row(elem_classes="desk"):
            with gr.Column(scale=7, min_width=320):
                found |= _story(studio)
                found["plan"] = view("plan", elem_id="plan")
                found["board"] = view("board", elem_id="board")
            with gr.Column(scale=3, min_width=320, elem_classes="side"):
                found["shot"] = view("files", "shot_pool", "shot_takes", "shot", elem_id="shot", elem_classes="panel")
                found["options"] = _options()
        with gr.Tab("Film") as found["room"]:
            found |= _film()
        with gr.Tab("Bible"):
            found["bible"] = view("files", "bible", elem_id="bible")
        with gr.Tab("Queue"):
            found["queue"] = view("queue", elem_id="queue")
        with gr.Tab("Help"):
            gr.HTML(pieces.help_page(studio.vocabulary(), studio.settings.backbone))
    return found


def _story(studio: Studio) -> dict[str, Any]:
    with gr.Column(elem_classes="panel story"):
        hint = "A red fox with a crown walks along the beach…"
        story = gr.Textbox(label="Story of the scene", lines=3, max_lines=10, placeholder=hint, elem_id="story")
        with gr.Row(elem_classes="tools"):
            examples = [
                gr.Button(tale["title"], size="sm", min_width=80, interactive=False) for tale in studio.stories
            ]
        with gr.Row(elem_classes="tools"):
            count = gr.Slider(1, MAX_SHOTS, value=4, step=1, label="Number of shots", min_width=160)
            split = gr.Button("Split into shots", elem_id="split", min_width=120, interactive=False)
            make = gr.Button("Make the film", variant="primary", elem_id="make", min_width=120)
        wishes = _wishes(studio)
        note = gr.HTML(elem_id="note")
    found = {"story": story, "examples": examples, "count": count, "wishes": wishes}
    return found | {"split": split, "make": make, "note": note}


def _wishes(studio: Studio) -> list[Any]:
    with gr.Accordion("Wishes for the split", open=False), gr.Row(elem_classes="tools"):
        told = {"placeholder": "as told", "max_length": 60, "min_width": 110, "visible": studio.has_model}
        return [
            gr.Number(0, label="Seconds in all", info="0: 2.1 s a shot.", minimum=0, min_width=110),
            gr.Textbox(label="Tone", **told),
            gr.Textbox(label="Language", **told),
            gr.Dropdown(["low", "medium", "high"], value="medium", label="Variety of framing", min_width=110),
        ]


def _options() -> list[Any]:
    with gr.Accordion("How shots are made", open=False, elem_classes="panel"):
        return [
            gr.Dropdown(METHODS, value="lct", label="Method"),
            gr.Number(0, precision=0, minimum=0, label="Seed of the film", info="Same seed, same film."),
            gr.Slider(4, 60, value=STEPS, step=1, label="Steps"),
            gr.Slider(1, 8, value=4, step=0.5, label="How strictly to follow the words"),
        ]


def _film() -> dict[str, Any]:
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=7, elem_classes="panel"):
            film = view("files", "film", elem_id="film")
        with gr.Column(scale=3, elem_classes="panel"):
            form = gr.Dropdown(list(EXPORTS), value=next(iter(EXPORTS)), label="Export as", elem_id="form")
            export = gr.Button("Export", elem_id="export")
            file = gr.File(label="File", interactive=False, visible=False, elem_id="exported")
    return {"film": film, "form": form, "export": export, "file": file}


def _wire(studio: Studio, page: gr.Blocks, w: Widgets) -> None:
    act = Actions(studio)
    identity, revision, scene, shot, seen = gr.State(""), gr.State(0), gr.State(""), gr.State(""), gr.State("")
    browser = gr.BrowserState("", storage_key="reelboard-project", secret="reelboard")  # noqa: S106 - only an id
    where = [identity, revision, scene, shot]  # what every action gets
    shown = [seen, revision, scene, shot, *w.live]  # what every action gives
    opened = [browser, identity, *shown, *w.filled]

    def on(event: Callable[..., Any], handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> Any:  # noqa: ANN401 - gradio's chain
        return event(said(handler), inputs, outputs, **QUIET)

    def then_words(chain: Any) -> None:  # noqa: ANN401
        on(chain.success, act.words, [identity], [w.note])

    starters = [w.split, *w.examples]  # they wait for the project, or it would arrive after what they do
    loaded = on(page.load, act.open, [browser], opened)
    loaded.success(lambda: [gr.Button(interactive=True)] * len(starters), None, starters, **QUIET)
    then_words(loaded)
    then_words(on(w.new.click, act.new, [], opened))
    then_words(on(w.open.upload, act.read, [w.open], opened))
    then_words(on(w.projects.input, act.switch, [w.projects], opened))
    then_words(on(w.undo.click, act.undo, where[:2], opened))
    then_words(on(w.again.click, act.again, where[:2], opened))
    on(w.name.blur, act.rename, [*where, w.name], shown)
    on(w.story.blur, act.tell, [*where, w.story], [])
    on(w.room.select, act.film, [identity], [w.film])
    split = [*where, w.story, w.count, *w.wishes]
    then_words(on(w.split.click, act.split, split, [w.note, *opened]))
    for button, tale in zip(w.examples, studio.stories, strict=True):
        chosen = (tale["story"], tale["shots"])
        picked = button.click(lambda chosen=chosen: chosen, None, split[4:6], **QUIET)
        then_words(on(picked.success, act.split, split, [w.note, *opened]))
    for option in w.options:
        option.input(said(act.options), [*where, *w.options], shown, trigger_mode="always_last", **QUIET)
    on(w.make.click, act.make, where, shown)
    for drawn in (w.board, w.plan, w.shot, w.bible, w.queue, w.strip):
        # "once", gradio's default, would drop what a person does while the last thing is still under way
        drawn.act(said(act.act), where, [*shown, w.story], trigger_mode="multiple", concurrency_limit=None, **QUIET)
    finished = [*shown, w.story, w.film]
    w.film.act(said(act.finish), where, finished, trigger_mode="multiple", concurrency_limit=None, **QUIET)
    on(w.export.click, act.export, [identity, w.form], [w.file])
    on(w.save.click, lambda project: act.export(project, PROJECT), [identity], [w.saved])
    timer = gr.Timer(POLL)
    on(timer.tick, act.look, [identity, scene, shot, seen], [seen, *w.live])
