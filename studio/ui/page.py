"""The page: its screens, and what leads from one to the other. Layout and wiring only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui import (
    bible_screen,
    board_screen,
    film_screen,
    help_screen,
    pieces,
    projects_screen,
    queue_screen,
    settings_screen,
)
from studio.ui.actions import Actions
from studio.ui.api import add_api
from studio.ui.refusals import said, visitor
from studio.ui.view import view

ASSETS = Path(__file__).parents[2] / "assets"
OPENED = [".zip", ".json", ".fountain", ".txt"]  # a project, a story, a screenplay
KEPT = (600, 3600)  # seconds between two looks at received files, and after which they go
PROJECT = "Project (zip)"  # of ``EXPORTS``
BOARD = "board"  # the tab that is home
OPTIONS = ("method", "seed", "steps", "guidance")
TOUR = "() => window.dispatchEvent(new Event('reelboard-tour'))"
POLL = 0.6  # seconds between two looks at the worker
QUIET = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True, kw_only=True)
class Widgets:
    """Everything on the page that has a value or a click."""

    name: gr.Textbox
    new: gr.Button
    undo: gr.Button
    again: gr.Button
    story: gr.Textbox
    examples: list[gr.Button]
    count: gr.Slider
    wishes: list[Any]  # seconds, tone, language, aspect, variety, long
    chat: gr.Accordion
    question: gr.Textbox
    split: gr.Button
    make: gr.Button
    draft: gr.HTML  # a split that is written, or waits to be accepted
    board: gr.HTML
    plan: gr.HTML
    shot: gr.HTML
    film: gr.HTML
    room: gr.Tab  # of the film
    exports: gr.HTML
    file: gr.File
    open: gr.UploadButton
    bible: gr.HTML
    queue: gr.HTML
    rooms: gr.Tabs
    shelf: gr.HTML  # of projects
    shelf_room: gr.Tab
    settings: gr.HTML
    settings_room: gr.Tab
    tour: gr.Button
    strip: gr.HTML
    save: gr.Button  # where nothing outlives a restart
    saved: gr.File
    options: list[Any]  # OPTIONS

    @property
    def live(self) -> list[Any]:
        """What changes while shots are made, in the order of ``Actions.live``."""
        return [self.board, self.plan, self.shot, self.bible, self.queue, self.strip, self.make]

    @property
    def filled(self) -> list[Any]:
        """What only an opened project fills, in the order of ``Actions.opened``."""
        return [self.name, self.story, self.count, *self.options]


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
        small = {"size": "sm", "scale": 0, "min_width": 64}
        undo, again = gr.Button("Undo", elem_id="undo", **small), gr.Button("Redo edit", **small)
        new = gr.Button("New project", **small)
        openers = {"open": gr.UploadButton("Open a file", file_types=OPENED, type="filepath", **small)}
    return {"name": name, "undo": undo, "again": again, "new": new} | openers


def _ephemeral(studio: Studio) -> dict[str, Any]:
    """Where nothing outlives a restart, a project is a click away from a file of one's own."""
    with gr.Row(elem_classes=["tools", "ephemeral"], visible=studio.settings.ephemeral):
        gr.HTML(pieces.EPHEMERAL, min_width=240)
        save = gr.Button("Save this project", elem_id="save", size="sm", scale=0, min_width=140)
        saved = gr.File(label="Your project", interactive=False, visible=False, elem_id="saved", height=90)
    return {"save": save, "saved": saved}


def _tabs(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with gr.Tabs(elem_id="rooms", selected=BOARD) as found["rooms"]:
        with gr.Tab("Board", id=BOARD):
            found |= board_screen.layout(studio)
        with gr.Tab("Film") as found["room"]:
            found |= film_screen.layout()
        with gr.Tab("Bible"):
            found["bible"] = bible_screen.layout()
        with gr.Tab("Queue"):
            found["queue"] = queue_screen.layout()
        with gr.Tab("Projects", visible=not studio.settings.public) as found["shelf_room"]:
            found["shelf"] = projects_screen.layout()
        with gr.Tab("Settings") as found["settings_room"]:
            found["settings"] = settings_screen.layout()
        with gr.Tab("Help"):
            found["tour"] = help_screen.layout(studio)
    return found


def _wire(studio: Studio, page: gr.Blocks, w: Widgets) -> None:
    act = Actions(studio)
    identity, revision, scene, shot, seen = gr.State(""), gr.State(0), gr.State(""), gr.State(""), gr.State(())
    draft = gr.State(None)  # what waits to be accepted
    browser = gr.BrowserState("", storage_key="reelboard-project", secret="reelboard")  # noqa: S106 - only an id
    where = [identity, revision, scene, shot]  # what every action gets
    shown = [seen, revision, scene, shot, *w.live]  # what every action gives
    opened = [draft, w.draft, browser, identity, *shown, *w.filled]

    def on(event: Callable[..., Any], handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> Any:  # noqa: ANN401 - gradio's chain
        return event(said(handler), inputs, outputs, **QUIET)

    starters = [w.split, *w.examples]  # they wait for the project, or it would arrive after what they do
    loaded = on(page.load, act.open, [browser], opened)
    loaded.success(lambda: [gr.Button(interactive=True)] * len(starters), None, starters, **QUIET)
    on(w.new.click, act.new, [], opened)
    on(w.open.upload, act.read, [w.open], opened)
    on(w.undo.click, act.undo, where, opened)
    on(w.again.click, act.again, where, opened)
    on(w.name.blur, act.rename, [*where, w.name], shown)
    on(w.story.blur, act.tell, [*where, w.story], shown)
    on(w.room.select, act.film, [identity], [w.film])
    on(w.shelf_room.select, act.projects, [identity], [w.shelf])
    on(w.shelf.act, act.arrange, where[:1], [w.shelf, w.rooms, *opened])
    on(w.settings_room.select, act.settings, [identity], [w.settings])
    # "once", gradio's default, would drop what a person does while the last thing is still under way
    every = {"trigger_mode": "multiple", "concurrency_limit": None}
    cared = w.settings.act(said(act.care), where, [w.settings, *shown], **every, **QUIET)
    for splitter in (loaded, cared):  # what a language model hears
        splitter.success(lambda: [gr.Textbox(visible=studio.has_model)] * 2, None, w.wishes[1:3], **QUIET)
    w.tour.click(lambda: gr.Tabs(selected=BOARD), None, [w.rooms], js=TOUR, **QUIET)
    split = [*where, w.story, w.count, *w.wishes]
    writing = [on(w.split.click, act.split, split, opened)]
    for button, tale in zip(w.examples, studio.stories, strict=True):
        chosen = (tale["story"], tale["shots"])
        picked = button.click(lambda chosen=chosen: chosen, None, split[4:6], **QUIET)
        writing.append(on(picked.success, act.split, split, opened))
    for name, option in zip(OPTIONS, w.options, strict=True):
        option.input(said(act.option(name)), [*where, option], shown, trigger_mode="always_last", **QUIET)
    writing.append(on(w.make.click, act.make, split, opened))
    for change in (w.chat.expand, w.story.blur, w.count.change, *(one.change for one in w.wishes)):
        change(act.question, split[4:], [w.question], **QUIET)
    w.draft.act(said(act.settle), draft, opened, cancels=writing, **every, **QUIET)
    acted = [*shown, w.story, w.count]
    for drawn in (w.board, w.plan, w.shot, w.bible, w.queue, w.strip):
        drawn.act(said(act.act), where, acted, **every, **QUIET)
    w.film.act(said(act.finish), where, [*acted, w.film], **every, **QUIET)
    waits = QUIET | {"show_progress": "minimal", "show_progress_on": w.exports}  # a film takes seconds to write
    w.exports.act(said(act.write), [identity], [w.file], **every, **waits)
    on(w.save.click, lambda project: act.export(project, PROJECT), [identity], [w.saved])
    timer = gr.Timer(POLL)
    on(timer.tick, act.look, [identity, scene, shot, seen], [seen, *w.live])
