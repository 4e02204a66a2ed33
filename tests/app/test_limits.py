"""A bounded queue and bounded visitors: whatever is too much is refused clearly and costs nothing."""

import io
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from studio.services import Studio
from studio.settings import Settings
from studio.store.ledger import WAITING
from studio.ui.refusals import visitor

STORY = "A red fox walks on the beach. She jumps."


class Nobody:
    """An executor that leaves the work to another process."""

    def wake(self):
        pass


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    made = Studio(Settings(home=tmp_path, backbone=str(tiny_pocket), example=False, public=True))
    made.executor = Nobody()
    return made


def bounded(studio, **most):
    """The same studio with other bounds."""
    settings = studio.settings.model_copy(update={f"visitor_{name}": value for name, value in most.items()})
    made = Studio(settings)
    made.executor = Nobody()
    return made


def film(studio, shots=2):
    project, _ = studio.split(studio.new().id, STORY, shots)
    return project


def test_a_hundred_submissions_at_once_are_bounded_and_refused_clearly(studio):
    """Visitors of their own, so that the bound is the queue's."""
    studio = bounded(studio, splits=1000, projects=1000)
    local, films = threading.local(), [film(studio) for _ in range(100)]
    studio.limits.who = lambda: local.name
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def ask(project):
        local.name = project.id
        try:
            studio.generate(project.id)
        except ValueError as error:
            return str(error)
        return "queued"

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, films))
    assert answers.count("queued") == WAITING == len(studio.store.ledger.open_jobs())
    assert set(answers) - {"queued"} == {f"the queue is full ({WAITING} jobs wait); try again when one is done"}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64_000  # KiB; a hundred films would be far more


def test_one_visitor_has_so_many_jobs_at_once_and_others_are_not_in_their_way(studio):
    studio = bounded(studio, jobs=2)
    who = ["ann"]
    studio.limits.who = lambda: who[0]
    films = [film(studio) for _ in range(3)]
    studio.generate(films[0].id)
    (job,) = studio.generate(films[1].id)
    with pytest.raises(ValueError, match="jobs is 3 at once; one visitor of this public page may have 2"):
        studio.generate(films[2].id)
    with pytest.raises(ValueError, match="jobs is 3 at once"):
        studio.manage(films[1].id, job.id, "duplicate")
    who[0] = "bob"
    assert studio.generate(films[2].id)
    who[0] = "ann"
    studio.stop(films[1].id)
    assert studio.manage(films[1].id, job.id, "duplicate") is None


def test_jobs_that_are_taken_up_again_count_as_well(studio):
    studio = bounded(studio, jobs=2)
    studio.limits.who = lambda: "ann"
    films = [film(studio) for _ in range(3)]
    (first,) = studio.generate(films[0].id)
    studio.stop(films[0].id)
    for one in films[1:]:
        studio.generate(one.id)
    for ask in (
        lambda: studio.manage(films[0].id, first.id, "retry"),
        lambda: studio.generate(films[0].id),  # the same job, for it broke off at this very wish
    ):
        with pytest.raises(ValueError, match="jobs is 3 at once; one visitor of this public page may have 2"):
            ask()
    studio.stop(films[1].id)
    studio.manage(films[0].id, first.id, "retry")
    assert studio.job(films[0].id).state == "queued"


def test_two_windows_that_press_make_at_once_make_one_film(studio):
    asked = film(studio)

    def ask(_):
        try:
            return len(studio.generate(asked.id))
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(ask, range(8)), key=str)
    assert answers == [1, *["this scene is being made; stop it or wait until it is done"] * 7]
    assert len(studio.jobs(asked.id)) == 1


@pytest.mark.parametrize(
    ("told", "behind_router", "name"),
    [
        ("8.8.4.4", True, "8.8.4.4"),
        ("1.1.1.1, 8.8.4.4", True, "8.8.4.4"),  # the first one is made up
        ("1.1.1.1, 8.8.4.4, 10.16.3.80", True, "8.8.4.4"),
        ("2001:4860:4860::8888", True, "2001:4860:4860::8888"),
        ("", True, "127.0.0.1"),
        ("x" * 500, True, "x" * 60),
        ("8.8.4.4", False, "127.0.0.1"),
    ],
)
def test_a_visitor_is_no_other_one_for_what_they_say_of_themselves(told, behind_router, name):
    asked = SimpleNamespace(
        username=None, headers={"x-forwarded-for": told} if told else {}, client=SimpleNamespace(host="127.0.0.1")
    )
    before = LocalContext.request.set(asked)
    try:
        assert visitor(behind_router=behind_router)() == name
    finally:
        LocalContext.request.reset(before)


@pytest.mark.parametrize(
    ("bound", "ask", "told"),
    [
        (
            {"shots": 3},
            lambda s, p: s.generate(film(s).id),
            "shots made would be 4 today; a visitor of this public page",
        ),
        ({"seconds": 5}, lambda s, p: s.generate(film(s).id), "seconds of film made would be 8.5 today"),
        ({"projects": 3}, lambda s, p: s.new(), "new projects would be 4 today"),
        ({"splits": 1}, lambda s, p: s.split(p.id, STORY, 2), "stories split would be 2 today"),
        ({"exports": 1}, lambda s, p: s.export(p.id, "Shot list (CSV)"), "exports written would be 2 today"),
        ({"uploads": 0}, lambda s, p: s.open_zip(io.BytesIO(b"PK")), "files opened would be 1 today"),
    ],
)
def test_a_day_has_its_bounds_and_the_next_one_begins_anew(studio, bound, ask, told):
    studio = bounded(studio, **bound)
    project, now = film(studio), [10 * 86_400.0]
    studio.limits._clock = lambda: now[0]
    if "shots" in bound or "seconds" in bound:
        studio.generate(project.id)
        studio.stop(project.id)
    elif "projects" in bound:
        for _ in range(3):
            studio.new()
    elif "splits" in bound or "exports" in bound:
        ask(studio, project)
    before = studio.store.projects.get(project.id)
    with pytest.raises(ValueError, match=told) as caught:
        ask(studio, project)
    assert "\n" not in str(caught.value)
    assert studio.store.projects.get(project.id) == before
    now[0] += 86_400
    if "uploads" not in bound:
        ask(studio, project)


def test_a_machine_of_ones_own_has_no_such_bounds(tmp_path, tiny_pocket):
    own = Settings(home=tmp_path, backbone=str(tiny_pocket), example=False, visitor_shots=0, visitor_projects=0)
    studio = Studio(own)
    studio.executor = Nobody()
    assert studio.generate(film(studio).id)
