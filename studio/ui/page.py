"""The one page: story, shots, film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from studio.models import LONGEST, Project
from studio.services import EXPORTS, MAX_SHOTS, Edit, Studio
from studio.ui import pieces
from studio.ui.api import add_api

ASSETS = Path(__file__).parents[2] / "assets"
LENGTHS = [(f"{n / 8:.1f} s", n) for n in (1, 5, 9, 13, 17, 25, LONGEST)]
METHODS = [
    ("Together: all shots in one context", "lct"),
    ("One after the other: each remembers those before", "lct-ar"),
    ("Independent: each shot alone", "independent"),
]
POLL = 0.6  # seconds between two looks at the worker
QUIET = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Card:
    """The widgets of one shot."""

    column: gr.Column
    picture: gr.HTML
    prompt: gr.Textbox
    frames: gr.Dropdown
    cut: gr.Checkbox
    take: gr.Dropdown
    sees: gr.Dropdown
    redo: gr.Button


@dataclass(frozen=True, kw_only=True)
class Widgets:
    """Everything on the page that has a value or a click."""

    story: gr.Textbox
    examples: list[gr.Button]
    count: gr.Slider
    split: gr.Button
    make: gr.Button
    stop: gr.Button
    after: gr.Button
    new: gr.Button
    undo: gr.Button
    again: gr.Button
    strip: gr.HTML
    note: gr.HTML
    cards: list[Card]
    film: gr.Video
    prompt: gr.Textbox
    form: gr.Dropdown
    export: gr.Button
    file: gr.File
    open: gr.UploadButton
    options: list[Any]  # method, seed, steps, guidance

    @property
    def edits(self) -> list[Any]:
        """What a creator can edit, in the order of ``Actions.save``."""
        return [self.prompt, *self.options, *(w for card in self.cards for w in (card.prompt, card.frames, card.cut))]

    @property
    def live(self) -> list[Any]:
        """What changes while a film is made, in the order of ``Actions.look``."""
        pictures = [w for card in self.cards for w in (card.picture, card.take, card.sees, card.redo)]
        return [self.film, self.strip, self.stop, self.after, self.make, *pictures]

    @property
    def project(self) -> list[Any]:
        """What a project fills, in the order of ``Actions.show``."""
        edits = [w for card in self.cards for w in (card.column, card.prompt, card.frames, card.cut)]
        return [self.story, self.prompt, *self.options, *edits, *self.live]


def build(studio: Studio) -> gr.Blocks:
    """The page on top of the services."""
    gr.set_static_paths([studio.store.media.folder, studio.exports, ASSETS / "logo.svg"])
    with gr.Blocks(title="Reelboard", fill_width=True, analytics_enabled=False) as page:
        gr.HTML(pieces.header(str(ASSETS / "logo.svg")))
        _wire(studio, page, _layout(studio))
        add_api(studio)
    return page


def _layout(studio: Studio) -> Widgets:
    found: dict[str, Any] = {}
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=7, elem_classes="panel"):
            hint = "A red fox with a crown walks along the beach…"
            found["story"] = gr.Textbox(label="Story", lines=5, max_lines=12, placeholder=hint)
            with gr.Row(elem_classes="examples"):
                found["examples"] = [gr.Button(tale["title"], size="sm") for tale in studio.stories]
        with gr.Column(scale=3, min_width=260, elem_classes="panel"):
            found["count"] = gr.Slider(1, MAX_SHOTS, value=4, step=1, label="Number of shots")
            found["split"] = gr.Button("Split into shots", elem_id="split")
            found["make"] = gr.Button("Make the film", variant="primary", elem_id="make")
            found["stop"] = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
            found["after"] = gr.Button("Stop after this shot", size="sm", visible=False)
            with gr.Row(elem_classes="tools"):
                found["undo"] = gr.Button("Undo edit", size="sm", min_width=80)
                found["again"] = gr.Button("Redo edit", size="sm", min_width=80)
                found["new"] = gr.Button("New project", size="sm", min_width=90)
    found["strip"], found["note"] = gr.HTML(elem_id="strip"), gr.HTML(elem_id="note")
    with gr.Row(elem_classes="board"):
        found["cards"] = [_card(i) for i in range(MAX_SHOTS)]
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, elem_classes="panel"):
            found["film"] = gr.Video(label="Film", interactive=False, buttons=["download"], loop=True, elem_id="film")
        with gr.Column(scale=4, elem_classes="panel"):
            info = "Characters, place and story. Every shot reads this as well as its own prompt."
            found["prompt"] = gr.Textbox(label="What all shots share", lines=4, info=info)
            found["options"] = _options()
            with gr.Accordion("Export and open", open=False):
                found["form"] = gr.Dropdown(list(EXPORTS), value=next(iter(EXPORTS)), label="As")
                found["export"] = gr.Button("Export", size="sm", elem_id="export")
                found["file"] = gr.File(label="File", interactive=False, visible=False, elem_id="exported")
                found["open"] = gr.UploadButton("Open a project file", size="sm", file_types=[".zip"], type="binary")
            with gr.Accordion("Words the model knows", open=False):
                gr.HTML(pieces.known(studio.vocabulary()))
    return Widgets(**found)


def _options() -> list[Any]:
    with gr.Accordion("Advanced", open=False):
        return [
            gr.Dropdown(METHODS, value="lct", label="How shots are made"),
            gr.Number(0, precision=0, minimum=0, label="Seed", info="Same seed, same film."),
            gr.Slider(4, 60, value=20, step=1, label="Steps"),
            gr.Slider(1, 8, value=3, step=0.5, label="How strictly to follow the words"),
        ]


def _card(index: int) -> Card:
    with gr.Column(visible=False, min_width=250, elem_classes="card", elem_id=f"shot-{index + 1}") as column:
        picture = gr.HTML()
        prompt = gr.Textbox(label=f"Shot {index + 1}", lines=3, max_lines=6, container=False, elem_classes="script")
        with gr.Row(elem_classes="tools"):
            frames = gr.Dropdown(LENGTHS, value=17, label="Length", min_width=90, scale=1)
            cut = gr.Checkbox(True, label="Cut", min_width=60, scale=1, interactive=index > 0)
        take = gr.Dropdown([], label="Take", visible=False)
        sees = gr.Dropdown([], multiselect=True, label="Remembers", visible=False, elem_classes="sees")
        redo = gr.Button("Redo this shot", size="sm", visible=False)
    return Card(column, picture, prompt, frames, cut, take, sees, redo)


class Actions:
    """Handlers: from what widgets hold to a service, and from a project to what widgets show."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def open(self, identity: str) -> list[Any]:
        return self._opened(self.studio.open(identity))

    def new(self) -> list[Any]:
        return self._opened(self.studio.new())

    def split(self, identity: str, story: str, count: float) -> list[Any]:
        project, said = self.studio.split(identity, story, int(count))
        if said:
            gr.Info(said)
        return self._opened(project)

    def save(self, identity: str, revision: int, prompt: str, *rest: Any) -> int:
        """Save the form; returns the project's new revision."""
        options = dict(zip(("method", "seed", "steps", "guidance"), rest[:4], strict=True))
        typed = [Edit(prompt=p, frames=f, cut=c) for p, f, c in zip(*[iter(rest[4:])] * 3, strict=True)]
        return self.studio.edit(identity, prompt, typed, options, revision=revision).revision

    def make(self, identity: str, *form: Any) -> int:
        revision = self.save(identity, *form)
        self.studio.generate(identity)
        return revision

    def redo(self, index: int) -> Callable[..., int]:
        def run(identity: str, sees: list[int], *form: Any) -> int:
            revision = self.save(identity, *form)
            self.studio.redo(identity, index, see=sees)
            return revision

        return run

    def choose(self, index: int) -> Callable[[str, str], None]:
        def run(identity: str, take: str) -> None:
            if take:
                self.studio.choose(identity, index, take)

        return run

    def undo(self, identity: str) -> list[Any]:
        return self._opened(self.studio.undo(identity))

    def again(self, identity: str) -> list[Any]:
        return self._opened(self.studio.redo_edit(identity))

    def export(self, identity: str, form: str) -> gr.File:
        return gr.File(str(self.studio.export(identity, form)), visible=True)

    def unzip(self, content: bytes) -> list[Any]:
        return self._opened(self.studio.open_zip(content))

    def words(self, identity: str) -> str:
        """The note on words that the model does not know, or on why there is no model."""
        try:
            return pieces.unknown(self.studio.unknown_words(self.studio.project(identity)))
        except ValueError as error:
            return pieces.problem(str(error))

    def look(self, identity: str, before: str, count: int) -> list[Any]:
        """The live widgets, when anything changed since the last look."""
        if identity:
            project, job = self.studio.project(identity), self.studio.job(identity)
            now = f"{project.version}/{job and (job.id, job.state, job.done, [s.looks for s in job.shots])}"
            if now != before:
                return [now, *self._live(project)]
        return [gr.skip()] * count

    def _opened(self, project: Project) -> list[Any]:
        options = project.options
        chosen = [options.method, options.seed, options.steps or 20, options.guidance or 3]
        cards = [value for i in range(MAX_SHOTS) for value in _filled(project, i)]
        return [
            project.id,
            project.id,
            project.revision,
            project.story,
            project.prompt,
            *chosen,
            *cards,
            *self._live(project),
        ]

    def _live(self, project: Project) -> list[Any]:
        job = self.studio.job(project.id)
        busy = job is not None and job.busy
        found = [pieces.film_path(self.studio, project), pieces.progress(self.studio, job)]
        found += [gr.Button(visible=busy), gr.Button(visible=busy), gr.Button(visible=not busy)]
        for i in range(MAX_SHOTS):
            there = i < len(project.shots)
            ready = there and project.shots[i].take is not None and not busy
            picture = pieces.picture(self.studio, project, job, i) if there else ""
            found += [picture, self._takes(project, i) if ready else gr.Dropdown(visible=False)]
            found += [_sees(project, i, visible=ready), gr.Button(visible=ready)]
        return found

    def _takes(self, project: Project, index: int) -> gr.Dropdown:
        """The takes of a shot to choose from, once there are two."""
        takes = self.studio.takes(project, index)
        named = [(f"Take {n} of {len(takes)}", take.id) for n, take in enumerate(takes, start=1)]
        return gr.Dropdown(named, value=project.shots[index].take.id, visible=len(takes) > 1)


def _sees(project: Project, index: int, *, visible: bool) -> gr.Dropdown:
    """The other shots that a new take of this one may look at; all of them until the creator picks."""
    others = [(f"Shot {k + 1}", k) for k, shot in enumerate(project.shots) if shot.take and k != index]
    return gr.Dropdown(others, value=[k for _, k in others], visible=visible and bool(others))


def _filled(project: Project, index: int) -> list[Any]:
    """Values of one card: column, prompt, frames, cut."""
    if index >= len(project.shots):
        return [gr.Column(visible=False), "", 17, True]
    shot = project.shots[index]
    return [gr.Column(visible=True), shot.prompt, shot.frames, shot.cut]


def _wire(studio: Studio, page: gr.Blocks, widgets: Widgets) -> None:
    act, seen, identity, revision = Actions(studio), gr.State(""), gr.State(""), gr.State(0)
    browser = gr.BrowserState("", storage_key="reelboard-project", secret="reelboard")  # noqa: S106 - only an id
    opened = [identity, browser, revision, *widgets.project]
    form = [identity, revision, *widgets.edits]
    live = [seen, *widgets.live]
    check = (act.words, identity, widgets.note)

    page.load(_said(act.open), browser, opened, **QUIET).then(*check, **QUIET)
    told = [identity, widgets.story, widgets.count]
    widgets.split.click(_said(act.split), told, opened, **QUIET).success(*check, **QUIET)
    for button, tale in zip(widgets.examples, studio.stories, strict=True):
        chosen = (tale["story"], tale["shots"])
        picked = button.click(lambda chosen=chosen: chosen, None, told[1:], **QUIET)
        picked.success(_said(act.split), told, opened, **QUIET).success(*check, **QUIET)
    widgets.make.click(_said(act.make), form, revision, **QUIET)
    for index, card in enumerate(widgets.cards):
        card.redo.click(_said(act.redo(index)), [form[0], card.sees, *form[1:]], revision, **QUIET)
        card.take.input(_said(act.choose(index)), [identity, card.take], None, **QUIET)
        card.prompt.blur(_said(act.save), form, revision, **QUIET).success(*check, **QUIET)
    widgets.stop.click(studio.stop, identity, None, **QUIET)
    widgets.after.click(lambda identity: studio.stop(identity, "after"), identity, None, **QUIET)
    widgets.undo.click(_said(act.undo), identity, opened, **QUIET)
    widgets.again.click(_said(act.again), identity, opened, **QUIET)
    widgets.export.click(_said(act.export), [identity, widgets.form], widgets.file, **QUIET)
    widgets.open.upload(_said(act.unzip), widgets.open, opened, **QUIET)
    widgets.new.click(_said(act.new), None, opened, **QUIET)

    def look(project: str, before: str) -> list[Any]:
        return act.look(project, before, len(live))

    gr.Timer(POLL).tick(_said(look), [identity, seen], live, **QUIET)


def _said(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A refusal becomes one sentence on the page."""

    def run(*inputs: Any) -> Any:  # noqa: ANN401 - whatever the handler takes and gives
        try:
            return handler(*inputs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return run
