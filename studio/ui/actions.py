"""From what a person did to a service, and from a project to what the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from studio.drafts import Draft
from studio.inputs import checked_call, sound
from studio.models import Project, Reference, SceneInfo
from studio.services import Studio
from studio.staleness import due
from studio.store import StaleError
from studio.ui import views
from studio.ui.board_screen import SHOTS
from studio.ui.files import uploaded
from studio.ui.film_views import planned, review
from studio.ui.projects_screen import projects
from studio.ui.settings_screen import settings
from studio.ui.view import as_text

SHOWN = 11  # values that ``Actions.shown`` gives
OPENED = 22  # values that ``Actions.opened`` gives, of which the first two are a split that waits
STAYS = [gr.skip()] * (OPENED - 2)  # all else
GONE = "This project was put away in another window; take it back under Projects, or open another."


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A split that waits to be accepted; arguments of ``Studio.accept``. locked: places that stay to the byte."""

    draft: Draft
    project: str
    scene: str | None
    keep: bool
    revision: int
    locked: frozenset[int]


class Actions:
    """Handlers of the page. Each takes where the creator is (project, revision, scene, shot) and what was done."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    # A project as a whole

    def open(self, identity: str, request: gr.Request) -> list[Any]:
        """The project in the address, the one of the last visit, or the last one of all."""
        asked = request.query_params
        return self.opened(self.studio.open(asked.get("project") or identity), shot=asked.get("shot", ""))

    def new(self) -> list[Any]:
        return self.opened(self.studio.new())

    def projects(self, identity: str) -> str:
        return as_text(projects(self.studio, self.studio.project(identity)))

    def arrange(self, identity: str, event: gr.EventData) -> list[Any]:
        """A project is opened, put away or taken back, or the trash emptied; where the open one went, another is."""
        name, done = asked(event)
        chosen = str(done.get("project", ""))
        wishes: dict[str, Callable[[], Any]] = {
            "open": lambda: self.studio.project(chosen),
            "trash": lambda: self.studio.trash(chosen),
            "restore": lambda: self.studio.trash(chosen, trashed=False),
            "empty": self.studio.empty_trash,
        }
        wish(wishes, name)()
        away = name == "trash" and chosen == identity
        project = self.studio.open(None) if away else self.studio.project(chosen if name == "open" else identity)
        shown = self.opened(project) if away or name == "open" else [gr.skip()] * OPENED
        room = gr.Tabs(selected="board") if name == "open" else gr.skip()
        return [as_text(projects(self.studio, project)), room, *shown]

    def settings(self, identity: str) -> Iterator[str]:
        project = self.studio.project(identity)
        yield as_text(settings(self.studio, project, models=False))
        yield as_text(settings(self.studio, project))

    def care(self, identity: str, revision: int, scene: str, shot: str, event: gr.EventData) -> list[Any]:
        """What was done in the settings."""
        name, done = asked(event)
        wishes: dict[str, Callable[[], Any]] = {
            "edit": lambda: self.studio.edit(
                identity, str(done.get("edit")), revision=revision, author=author(), **dict(done.get("values") or {})
            ),
            "try": self.studio.try_splitter,
            "prefer": lambda: self.studio.prefer(**done),
            "empty": lambda: gone(self.studio.empty_trash(identity)),
            "clear": self.studio.clear_exports,
            "forget": self.studio.clear_prompts,
            "back": lambda: self.studio.take_back(identity, done.get("keys", ()), revision=revision, author=author()),
        }
        with meanwhile():
            told = wish(wishes, name)()
        project = self.studio.project(identity)
        tried = told if name == "try" else ""
        return [as_text(settings(self.studio, project, tried)), *self.shown(project, scene, shot)]

    def read(self, name: str) -> list[Any]:
        """A project file, a story.json or a Fountain screenplay, uploaded as a file of this ``name``."""
        path = Path(name)
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                return self.opened(self.studio.open_zip(path))
        project, note = self.studio.take_in(path.read_text("utf-8", errors="replace"))
        if note:
            gr.Info(note)
        return self.opened(project)

    def undo(self, identity: str, revision: int, _scene: str, shot: str) -> list[Any]:
        with meanwhile():
            self.studio.undo(identity, revision, author=author())
        return self.opened(self.studio.project(identity), shot=shot)

    def again(self, identity: str, revision: int, _scene: str, shot: str) -> list[Any]:
        with meanwhile():
            self.studio.redo_edit(identity, revision, author=author())
        return self.opened(self.studio.project(identity), shot=shot)

    def split(
        self, identity: str, revision: int, scene: str, _shot: str, story: str, count: float, *wishes: Any
    ) -> Iterator[list[Any]]:
        """A story as shots, shown while they are written; they wait to be accepted where finished ones would go."""
        told, home = _heard(story, count, *wishes), scene or None
        drafts, keep = self.studio.wish(identity, home, **told)
        for draft in drafts:
            yield [None, as_text(views.draft(draft)), *STAYS]
        here = self.studio.project(identity).scene(home).shots if home else ()
        locked = frozenset(k for k, shot in enumerate(here) if shot.locked) if keep else frozenset()
        proposal = Proposal(draft=draft, project=identity, scene=home, keep=keep, revision=revision, locked=locked)
        if made := [k for k, shot in enumerate(here) if shot.take is not None and not shot.locked]:
            gone = sum(k >= len(draft.shots) for k in made) if keep else len(made)
            yield [proposal, as_text(views.draft(draft, locked=locked, kept=len(made) - gone, gone=gone)), *STAYS]
        else:
            yield self._accepted(proposal)

    def question(self, story: str, count: float, *wishes: Any) -> str:
        """What ``split`` would ask a language model, for a chat that this page does not know."""
        return self.studio.question(**_heard(story, count, *wishes))

    def settle(self, proposal: Proposal | None, event: gr.EventData) -> list[Any]:
        """A split that waits is taken, as it was edited, or thrown away; one that is still written is stopped."""
        name, done = asked(event)
        if name != "accept" or proposal is None:
            return [None, "", *STAYS]
        words = done.get("prompts")
        if not isinstance(words, list) or len(words) != len(proposal.draft.shots):
            raise ValueError("the draft was sent back in a wrong way; reload the page and split again")
        pairs = zip(proposal.draft.shots, words, strict=True)
        shots = [shot if k in proposal.locked else replace(shot, prompt=text) for k, (shot, text) in enumerate(pairs)]
        return self._accepted(replace(proposal, draft=replace(proposal.draft, shots=tuple(shots))))

    def _accepted(self, one: Proposal) -> list[Any]:
        known = {"scene": one.scene, "keep": one.keep, "revision": one.revision, "author": author()}
        project = self.studio.accept(one.project, one.draft, **known)
        told(one.draft.note)
        return self.opened(project, scene=one.scene or "")

    # Edits and wishes

    def rename(self, identity: str, revision: int, scene: str, shot: str, name: str) -> list[Any]:
        with meanwhile():
            self.studio.edit(identity, "rename", revision=revision, author=author(), name=name)
        return self.shown(self.studio.project(identity), scene, shot)

    def tell(self, identity: str, revision: int, scene: str, shot: str, story: str) -> list[Any]:
        """Keep a story that is being written; it becomes shots when it is split."""
        with meanwhile():
            told = {"scene": scene or None, "revision": revision, "author": author()}
            self.studio.tell(identity, story or "", **told)
        project = self.studio.project(identity)
        first = project.scenes[0].id if project.scenes else ""
        return self.shown(project, scene or first, shot)

    def option(self, name: str) -> Callable[..., list[Any]]:
        """What sets one option of the film, and no other: what is left empty stays the model's own."""

        def change(identity: str, revision: int, scene: str, shot: str, value: Any) -> list[Any]:  # noqa: ANN401
            if name == "seed" and value is None:  # while another is typed
                return [gr.skip()] * SHOWN
            with meanwhile():
                self.studio.edit(identity, "set_options", revision=revision, author=author(), **{name: value})
            return self.shown(self.studio.project(identity), scene, shot)

        return change

    def make(
        self, identity: str, revision: int, scene: str, shot: str, story: str, *wishes: Any
    ) -> Iterator[list[Any]]:
        """What has no take; if all have one, what is out of date; else everything anew. A story is split first."""
        project = self.studio.project(identity)
        home = project.scene(scene) if scene else project
        split = not home.shots and (story or "").strip()
        if split:
            yield from self.split(identity, revision, scene, shot, story, *wishes)
            project = self.studio.project(identity)
        missing = any(s.take is None or due(s) for s in project.shots if not s.locked)
        self.studio.generate(identity, missing=missing)
        if not split:  # after one the page knows where it is, and soon looks again
            shown = self.shown(self.studio.project(identity), scene, shot)
            yield [*[gr.skip()] * 4, *shown, *[gr.skip()] * (OPENED - 4 - SHOWN)]

    def act(self, identity: str, revision: int, scene: str, shot: str, event: gr.EventData) -> list[Any]:
        """What a view's script says that a person did; every name and value is checked by the service behind it."""
        name, done = asked(event)
        if name == "select":
            return self._select(identity, scene, done)
        scene, shot = self._here(event, identity, scene, shot)
        wishes: dict[str, Callable[..., Any]] = {
            "edit": lambda edit, values: self.studio.edit(
                identity, str(edit), revision=revision, author=author(), **values
            ),
            "make": lambda scene, draft=False: self.studio.generate(identity, scene=scene, draft=bool(draft)),
            "redo": lambda shots, **own: self._redo(identity, shots, own),
            "choose": lambda shot, take: self.studio.choose(identity, shot, take, revision=revision, author=author()),
            "approve": lambda takes, approved: self.studio.approve(identity, takes, approved=bool(approved)),
            "star": lambda shot, take, starred: self.studio.star(identity, shot, take, starred=bool(starred)),
            "upload": lambda path, entry="": self._upload(identity, path, entry),
            "replace": lambda shot, path: self._replace(identity, shot, path),
            "keep": lambda shot, take, entry="", shots=(): kept(
                self.studio.pool.add_take(identity, shot, take, entry=entry, shots=shots, author=author())
            ),
            "still": lambda shot, take, at, entry="": kept(
                self.studio.pool.add_still(identity, shot, take, at=at, entry=entry, author=author())
            ),
            "note": lambda shot, take, at, text: self.studio.note(identity, shot, take, at, text),
            "drop_note": lambda note: self.studio.drop_note(identity, note, revision=revision, author=author()),
            "look": lambda: None,  # nothing is done, and what is there now is shown
            "stop": lambda how: self.studio.stop(identity, how),
            "pause": lambda paused: self.studio.pause(paused=bool(paused)),
            "undo": lambda: self.studio.undo(identity, revision, author=author()),
            "redo_edit": lambda: self.studio.redo_edit(identity, revision, author=author()),
            "rewrite": lambda shot, wish: told(self.studio.rewrite(identity, shot, wish)[1]),
            "change_job": lambda job, options: self.studio.change_job(identity, job, **options),
            "sound": lambda path, file: self._sound(identity, path, file),
            "job": lambda job, what, held=False: self.studio.manage(identity, job, what, held=bool(held)),
        }
        with meanwhile():
            try:
                checked_call(wish(wishes, name))(**done)
            except TypeError as error:  # a list where a name was due, or the other way round
                raise ValueError(f"{name} was asked for in a wrong way; reload the page") from error
        project = self.studio.project(identity)
        return [*self.shown(project, scene, shot), _titled(project, _there(project, scene)), gr.skip()]

    def film(self, identity: str) -> str:
        """The film as the board is now, and its seams; of two put together at once the page keeps the newer."""
        project = self.studio.project(identity)
        return as_text({"project": project.id, "version": project.version} | review(self.studio, project))

    def finish(self, identity: str, revision: int, scene: str, shot: str, event: gr.EventData) -> list[Any]:
        """What was done beside the film, and the film after it."""
        return [*self.act(identity, revision, scene, shot, event), self.film(identity)]

    def write(self, identity: str, event: gr.EventData) -> gr.File:
        """The form whose card was pressed."""
        _, done = asked(event)
        return self.export(identity, str(done.get("form")))

    def export(self, identity: str, form: str) -> gr.File:
        return gr.File(str(self.studio.export(identity, form)), visible=True)

    # What the page shows

    def look(self, identity: str, scene: str, shot: str, before: tuple[str, ...]) -> list[Any]:
        """Everything that changes by itself, when anything did since the last look.

        Where only the place is another, what is told of it is told anew: it may have been overtaken by what was told
        of the place before.
        """
        if identity:
            try:
                project = self.studio.project(identity)
            except ValueError:  # a sentence that stays, instead of one a moment
                return [*[gr.skip()] * (SHOWN - 5), as_text({"text": GONE, "state": "idle"}), gr.skip()]
            scene = _there(project, scene)
            now = self._seen(project, scene, shot)
            if now[:1] != before[:1]:
                seen, _, _, _, *live = self.shown(project, scene, shot)
                return [seen, *live]
            if now != before:
                plan, panel = self._place(project, scene, shot)
                return [now, gr.skip(), plan, panel, *[gr.skip()] * (SHOWN - 7)]
        return [gr.skip()] * (SHOWN - 3)

    def opened(self, project: Project, *, scene: str = "", shot: str = "") -> list[Any]:
        """All that the page shows of a project; no split waits any more, for it was of the board before."""
        if shot not in project.slates:
            shot = project.scene(scene).shots[0].id if scene and project.scene(scene).shots else ""
            shot = shot or (project.shots[0].id if project.shots else "")
        scene = scene or (project.scene_of(shot).id if shot else project.scenes[0].id if project.scenes else "")
        home, options = project.scene(scene) if scene else None, project.options
        return [
            *(None, ""),
            *(project.id, project.id),
            *self.shown(project, scene, shot),
            project.name,
            *_told(project, home),
            *(options.method, options.seed, options.steps, options.guidance),
        ]

    def shown(self, project: Project, scene: str, shot: str) -> list[Any]:
        """The state of the page, and the live widgets."""
        scene = _there(project, scene)
        return [
            self._seen(project, scene, shot),
            project.revision,
            scene,
            shot,
            as_text(views.board(self.studio, project, scene, shot)),
            *self._place(project, scene, shot),
            as_text(views.bible(self.studio, project)),
            as_text(views.queue(self.studio, project)),
            as_text(views.strip(self.studio, project)),
            gr.Button(_making(project), interactive=not self._busy(project)),
        ]

    def _place(self, project: Project, scene: str, shot: str) -> list[str]:
        """What is told of one scene and one shot: the plan, and the panel beside the board."""
        plan = planned(self.studio, project, scene, busy=self._busy(project))
        return [as_text(plan), as_text(views.shot(self.studio, project, shot))]

    def _busy(self, project: Project) -> bool:
        return bool(self.studio.jobs(project.id)) and not self.studio.broke_off(project)

    def _seen(self, project: Project, scene: str, shot: str) -> tuple[str, ...]:
        """Changes whenever the page would look different: at first what is the project's, then the place in it."""
        jobs = [self.studio.job(project.id), *self.studio.store.ledger.open_jobs()]
        work = [f"{one.id} {one.state} {one.done} {one.place} {[s.looks for s in one.shots]}" for one in jobs if one]
        return f"{project.id} {project.version} {self.studio.paused} {work}", scene, shot

    def _select(self, identity: str, current: str, chosen: dict[str, Any]) -> list[Any]:
        """Go to a shot or a scene; the story box follows into another scene only. The board knows what it selected."""
        project = self.studio.project(identity)
        shot = chosen.get("shot", "")
        scene = project.scene_of(shot) if shot else project.scene(chosen["scene"])
        shot = shot or (scene.shots[0].id if scene.shots else "")
        kept = [gr.skip()] * SHOWN
        kept[2], kept[3], kept[5:7] = scene.id, shot, self._place(project, scene.id, shot)
        return [*kept, *([gr.skip(), gr.skip()] if scene.id == current else _told(project, scene))]

    def _here(self, event: gr.EventData, identity: str, scene: str, shot: str) -> tuple[str, str]:
        """Scene and shot that the window has selected, if it says so: a selection may still be on its way here."""
        here = event._data.get("here") if isinstance(event._data, dict) else None  # noqa: SLF001 - as in ``asked``
        if not isinstance(here, dict) or here.get("project") != identity:
            return scene, shot
        project = self.studio.project(identity)
        home, found = str(here.get("scene")), str(here.get("shot"))
        there = any(one.id == home for one in project.scenes)
        return home if there else scene, found if found in project.slates else shot

    def _redo(self, identity: str, shots: list[str], own: dict[str, Any]) -> None:
        """All of them or, when one is locked, none."""
        project = self.studio.project(identity)
        if locked := [project.slates[one] for one in shots if project.shot(one).locked]:
            raise ValueError(f"{', '.join(locked)} can't be made anew while locked; unlock first or leave it out")
        for one in shots:
            self.studio.redo(identity, one, **own)

    def _upload(self, identity: str, sent: str, entry: str) -> None:
        with uploaded(sent) as path:
            kept(self.studio.pool.add_file(identity, path, entry=entry, author=author()))

    def _sound(self, identity: str, sent: str, name: str) -> None:
        with uploaded(sent) as path:
            self.studio.set_sound(identity, path.read_bytes(), name, author=author())

    def _replace(self, identity: str, shot: str, sent: str) -> None:
        with uploaded(sent) as path:
            self.studio.pool.replace(identity, shot, path, author=author())


def _there(project: Project, scene: str) -> str:
    """A scene by its id; none when another window put it away."""
    return scene if any(one.id == scene for one in project.scenes) else ""


def _heard(story: str, count: float, *wishes: Any) -> dict[str, Any]:
    """What was asked of a split; an empty field asks for nothing."""
    heard = dict(zip(("seconds", "tone", "language", "aspect", "variety", "long"), wishes, strict=True))
    heard |= {name: heard[name] or empty for name, empty in (("seconds", None), ("tone", ""), ("language", ""))}
    return {"story": story or "", "shots": int(count or 0), **heard}


def _told(project: Project, scene: SceneInfo | None) -> tuple[gr.Textbox, int]:
    """The story of a scene, by its number, and how many shots it has or is offered."""
    if scene is None:
        return gr.Textbox("", label="Story of the scene"), SHOTS
    return _titled(project, scene.id, value=scene.story), len(scene.shots) or SHOTS


def _titled(project: Project, scene: str, **more: str) -> gr.Textbox:
    """The story's field by the number of its scene, which may have moved; what is typed in it stays."""
    number = next((n for n, one in enumerate(project.scenes, start=1) if one.id == scene), 0)
    return gr.Textbox(label=f"Story of scene {number}" if number else "Story of the scene", **more)


def _making(project: Project) -> str:
    """What *Make* would make (``Studio.generate``)."""
    free = [shot for shot in project.shots if not shot.locked]
    old = sum(due(shot) for shot in free)
    if not free or any(shot.take is None for shot in free):
        return "Make the film"
    return f"Make {old} out of date" if old else "Make all anew"


def asked(event: gr.EventData) -> tuple[str, dict[str, Any]]:
    """The name of what was done, and its details, as a view's script says it."""
    sent = event._data  # noqa: SLF001 - gradio's way to a custom event's details
    done = {str(key): value for key, value in sent.items() if key != "here"} if isinstance(sent, dict) else {}
    sound(done, "details")
    return str(done.pop("name", ""))[:40], done


def wish(wishes: dict[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    """What is to be done; ValueError for what nobody can do."""
    if name not in wishes:
        raise ValueError(f"action is {name!r}; it is one of {', '.join(wishes)}")
    return wishes[name]


def gone(shots: int) -> None:
    """Say what left the disk."""
    gr.Info(f"{shots} removed shot{'s' if shots != 1 else ''} left the disk." if shots else "The trash was empty.")


def kept(reference: Reference) -> None:
    """Say that something is in the pool now."""
    gr.Info(f"{reference.name} is in the pool, under Remembers.")


def told(note: str) -> None:
    """Say how something went, where there is something to say."""
    if note:
        gr.Info(note)


def author() -> str:
    """The window that asks: its own edits never stand in its way."""
    request = LocalContext.request.get(None)
    return request.session_hash if request else ""


@contextmanager
def meanwhile() -> Iterator[None]:
    """An edit of what changed in another window is refused, and the page then shows what is there now."""
    try:
        yield
    except StaleError as error:
        gr.Warning(str(error))
