"""Hostile values for every service, edit and endpoint: one clear sentence, nothing half-written, no path of ours."""

import inspect
import math
import os
import re
import sqlite3
from types import SimpleNamespace

import gradio as gr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from studio.board import EDITS
from studio.inputs import checked_call, sound
from studio.sentences import FULL, UNKNOWN, sentence
from studio.services import Studio
from studio.settings import Settings
from studio.ui.actions import Actions
from studio.ui.api import ENDPOINTS, Api
from studio.ui.refusals import said

STORY = "A red fox walks on the beach. She jumps."
PATHS = (
    *("../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "C:\\secret", "media/../reelboard.sqlite", "a\0b"),
    *("file:///etc/passwd", "http://127.0.0.1/", "x.png::$DATA", "//host/share", "%2e%2e%2f", "~root", "CON", "."),
)
SQL = ("' OR 1=1 --", '"; DROP TABLE project; --', "%", "_")
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
FIXED = (
    None,
    True,
    b"\xff\xfe",
    "",
    "\ud800",
    "x" * 2_000_000,
    10**400,
    -(10**30),
    math.nan,
    math.inf,
    -1,
    2**31,
    FILE,
)
leaves = some.one_of(some.sampled_from((*FIXED, *PATHS, *SQL)), some.text(max_size=20), some.integers(), some.floats())
hostile = some.recursive(
    leaves,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3), some.dictionaries(some.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=4,
)
QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck)}


class Nobody:
    """An executor that leaves the work to another process."""

    def wake(self):
        pass

    def start(self):
        pass

    def close(self):
        pass


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_pocket):
    home = tmp_path_factory.mktemp("home")
    made = Studio(Settings(home=home, backbone=str(tiny_pocket), executor="inline", example=False))
    project, _ = made.split(made.new().id, STORY, 2)
    made.edit(project.id, "set_shots", shots=[shot.id for shot in project.shots], frames=5)
    made.edit(project.id, "set_options", steps=1, guidance=1)
    made.generate(project.id)
    assert made.job(project.id).state == "done"
    made.executor = Nobody()
    made.known = known(made, project.id)
    return made


def known(studio, project_id):
    """A good value for every parameter's name."""
    project = studio.project(project_id)
    shot, scene = project.shots[0], project.scenes[0]
    return {
        "project_id": project_id,
        "identity": project_id,
        "project": project,
        "shot": shot.id,
        "shots": [shot.id],
        "takes": {shot.id: shot.take.id},
        "scene": scene.id,
        "take_id": shot.take.id,
        "take": shot.take.id,
        "job_id": studio.job(project_id).id,
        "entry": project.bible[0].id,
        "story": STORY,
        "text": "A note.",
        "how": "now",
        "what": "hold",
        "name": "Project (zip)",
        "at": 0.1,
        "edit": "rename",
        "wish": "at night",
        "starred": True,
        "approved": False,
        "kind": "look",
        "place": 0,
        "values": {},
    }


def sane(studio, error, *, known=False):
    """What a refusal may look like; known: it was foreseen."""
    told = str(error).strip("'\"")
    assert told
    assert not known or told != UNKNOWN
    assert "\n" not in told
    assert len(told) < 500, told[:600]
    assert str(studio.store.home) not in told
    assert not re.search(r"Traceback|errors\.pydantic|object at 0x|sqlite3\.|codec can't|\.py\b", told), told


def files(studio):
    """All names under the studio's folder but the exports, which are written anew each time."""
    found = {str(path) for path in studio.store.home.rglob("*") if "exports" not in path.parts}
    assert not [name for name in found if name.endswith(".part")]
    return found


def arguments(data, function, good):
    """Values for a function: good ones and at least one that is not."""
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "options", "wishes")]
    if not names:
        return None
    bad = set(data.draw(some.lists(some.sampled_from(names), min_size=1, max_size=3)))
    return {name: data.draw(hostile) if name in bad else good.get(name) for name in names}


def called(function, values):
    """Some parameters are positional only."""
    kinds = inspect.signature(function).parameters
    first = [value for name, value in values.items() if kinds[name].kind is inspect.Parameter.POSITIONAL_ONLY]
    more = (
        values.get("values", {})
        if "values" in values and kinds["values"].kind is inspect.Parameter.VAR_KEYWORD
        else {}
    )
    named = {
        name: value
        for name, value in values.items()
        if kinds[name].kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    return function(*first, **named, **(more if isinstance(more, dict) and not set(more) & set(named) else {}))


EXTRA = (
    {},
    {"title": "\ud800"},
    {"seed": 10**30},
    {"frames": math.nan},
    {"see": ["../x"]},
    {"colour": 1},
    {"a\nb": 1},
)
SERVICES = [
    name
    for name, method in vars(Studio).items()
    if inspect.isfunction(method) and not name.startswith("_") and name not in ("start", "close")
]


@settings(max_examples=10, **QUICK)
@given(data=some.data())
@pytest.mark.parametrize("name", SERVICES)
def test_services(studio, name, data):
    method = getattr(studio, name)
    values = arguments(data, method, studio.known)
    if values is None:
        return
    before, there = studio.store.projects.get(studio.known["project_id"]), files(studio)
    try:
        found = called(method, values)
        if inspect.isgenerator(found):
            list(found)
    except ValueError as error:
        sane(studio, error)
        assert studio.store.projects.get(studio.known["project_id"]) == before
        assert files(studio) == there


@settings(max_examples=80, **QUICK)
@given(data=some.data(), name=some.sampled_from(sorted(EDITS)))
def test_edits(studio, name, data):
    values = arguments(data, EDITS[name], studio.known) or {}
    values.pop("project", None)
    before = studio.store.projects.get(studio.known["project_id"])
    extra = data.draw(some.sampled_from(EXTRA))
    try:
        changed = studio.edit(studio.known["project_id"], name, **extra | values)
    except ValueError as error:
        sane(studio, error)
        assert studio.store.projects.get(studio.known["project_id"]) == before
    else:
        assert studio.store.projects.get(studio.known["project_id"]) == changed
        if changed != before:
            assert studio.undo(changed.id).model_copy(update={"revision": 0, "version": 0}) == before.model_copy(
                update={"revision": 0, "version": 0}
            )


@settings(max_examples=80, **QUICK)
@given(data=some.data(), name=some.sampled_from(ENDPOINTS))
def test_endpoints(studio, name, data):
    endpoint = getattr(Api(studio), name)
    values = arguments(data, endpoint, studio.known | {"shot": 1, "shots": 2, "take": 1, "form": "GIF", "scene": 1})
    try:
        said(endpoint)(**values or {})
    except gr.Error as error:
        sane(studio, error, known=True)


@settings(max_examples=80, **QUICK)
@given(data=some.data())
def test_what_a_page_may_send(studio, data):
    """A page's own events are open to every program, too: any name, any details."""
    act, project = Actions(studio), studio.known["project_id"]
    names = ["edit", "make", "redo", "choose", "approve", "star", "note", "stop", "undo", "rewrite", "job", "select"]
    details = data.draw(
        some.dictionaries(some.sampled_from(["shot", "shots", "take", "takes", "text", "at", "scene"]), hostile)
    )
    event = {"name": data.draw(some.one_of(some.sampled_from(names), hostile))} | details
    sent = SimpleNamespace(_data=data.draw(some.sampled_from([event, None, [], "x"])))
    try:
        said(act.act)(project, 0, studio.known["scene"], studio.known["shot"], sent)
    except gr.Error as error:
        sane(studio, error)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("a\0b", "text holds a sign that is no text"),
        ("\udcff", "text holds a sign that is no text"),
        (10**20, "text is too large a number"),
        (math.nan, "text is nan; it must be a number"),
        ([[[[[[[[[1]]]]]]]]], "text holds too much"),
        ({"shots": ["\ud800"]}, "shots holds a sign that is no text"),
        ({"a\nb": "\0"}, "text holds a sign that is no text"),
        ("x" * 1_000_001, "text has 1000001 characters"),
        (["x"] * 10_001, "text holds too much"),
    ],
)
def test_what_nothing_could_keep(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        sound(value, "text")


def test_a_call_is_held_to_its_types():
    @checked_call
    def move(shot: str, place: int = 0) -> tuple[str, int]:
        return shot, place

    assert move("a", place=2.0) == ("a", 2)
    for call, told in (
        (lambda: move(3), "shot is 3; input should be a valid string"),
        (move, "shot is missing"),
        (lambda: move("a", colour=1), "colour is not asked for here; known are shot, place"),
        (lambda: move("a", **{"a\nb": 1}), r"'a\\nb' is not asked for here; known are shot, place"),
        (lambda: move("a", "many"), "place is 'many'; input should be a valid integer"),
    ):
        with pytest.raises(ValueError, match=told):
            call()


def test_failures_are_one_sentence_without_paths(tmp_path):
    missing = OSError(2, "No such file or directory", str(tmp_path / "secret"))
    assert str(tmp_path) not in sentence(missing)
    assert sentence(OSError(28, "No space left on device", str(tmp_path))) == FULL
    assert sentence(sqlite3.OperationalError("database or disk is full")) == FULL
    assert sentence(KeyError("/home")) == UNKNOWN

    def broken():
        raise KeyError(os.fspath(tmp_path))

    with pytest.raises(gr.Error) as caught:
        said(broken)()
    assert str(tmp_path) not in str(caught.value)


WRONG = (
    ({"story": "", "shots": 4}, "story is empty; write a sentence about who does what and where"),
    ({"story": STORY, "shots": 100}, "shots is 100; a scene holds 1 to 9, the nearest is 9"),
    ({"story": STORY, "shots": 0}, "shots is 0; a scene holds 1 to 9, the nearest is 1"),
    ({"story": "a" * 20_001, "shots": 2}, "story has 20001 characters; the most is 20000, so tell it in parts"),
    ({"seed": -1}, "seed is -1; the nearest possible value is 0"),
    ({"steps": 1000}, "steps is 1000; the nearest possible value is 200"),
    ({"steps": 0}, "steps is 0; the nearest possible value is 1"),
    ({"guidance": 0.5}, "guidance is 0.5; the nearest possible value is 1"),
    ({"guidance": 21.0}, "guidance is 21.0; the nearest possible value is 20"),
)


@pytest.mark.parametrize(("values", "told"), WRONG)
def test_what_is_wrong_is_the_same_sentence_on_the_page_for_programs_and_in_a_shell(studio, values, told, capsys):
    from engine.cli import main

    project, scene = studio.known["project_id"], studio.known["scene"]
    page, api = Actions(studio), Api(studio)
    if "story" in values:
        wishes = (0, "", "", "", "medium", False)
        asks = (
            lambda: list(said(page.split)(project, 0, scene, "", values["story"], values["shots"], *wishes)),
            lambda: said(api.split)(project, values["story"], values["shots"]),
        )
    else:
        ((name, value),) = values.items()
        asks = (
            lambda: said(page.option(name))(project, 0, scene, "", value),
            lambda: said(api.set_options)(project, **values),
        )
    for ask in asks:
        with pytest.raises(gr.Error) as caught:
            ask()
        assert str(caught.value).strip("'\"") == told
    words = {"story": STORY} | values
    assert main([part for name, value in words.items() for part in (f"--{name}", str(value))] + ["-o", "x.mp4"]) == 2
    assert capsys.readouterr().err == f"{told}\n"


def test_only_approvals_of_the_own_board_count(studio):
    stranger = studio.new()
    takes = studio.known["takes"]
    for approved in (True, False):
        with pytest.raises(ValueError, match="not on this board"):
            studio.approve(stranger.id, takes, approved=approved)


def test_the_database_is_sound_after_all_this(studio):
    with sqlite3.connect(studio.store.home / "reelboard.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
