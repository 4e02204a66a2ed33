"""One contract for all executors: whoever does the work, a creator sees the same."""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from patience import until
from soundness import check_sound

import engine
from studio.models import Options, Task, TaskShot
from studio.services import Studio
from studio.settings import Settings

ROOT = Path(__file__).parents[2]
METHODS = ("lct", "lct-ar", "lct-causal", "independent")
STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."
SHORTAGE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import engine
real = engine.generate
def generate(scene, backbone, **settings):
    if "Too big" in scene.prompt and settings["method"] == "lct" and len(scene.to_make) > 1:
        raise MemoryError
    return real(scene, backbone, **settings)
engine.generate = generate
"""  # memory for one shot at a time, in every process, when the scene says so
INLINE = """
import sys
from pathlib import Path
from studio.services import Studio
from studio.settings import Settings
studio = Studio(Settings(home=Path(sys.argv[1]), backbone=sys.argv[2], executor="inline"))
studio.generate(sys.argv[3])
"""


def settings(home, backbone, name):
    return Settings(home=home, backbone=str(backbone), executor=name, ray_workers=2, example=False)


@pytest.fixture(scope="module", params=["local", "inline", pytest.param("ray", marks=pytest.mark.slow)])
def studio(request, tmp_path_factory, tiny_pocket):
    """A studio that is open for all tests, as a creator's is."""
    if request.param == "ray" and find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    faults = tmp_path_factory.mktemp("faults")
    (faults / "sitecustomize.py").write_text(SHORTAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(faults))
        patch.setattr(engine, "generate", engine.generate)
        runpy.run_path(str(faults / "sitecustomize.py"))
        made = Studio(settings(tmp_path_factory.mktemp("home"), tiny_pocket, request.param))
        made.start()
        yield made
        made.close()


@pytest.fixture(autouse=True)
def _sound(studio):
    yield
    check_sound(studio.store.home)


def project(studio, shots=2, **options):
    made, _ = studio.split(studio.new().id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", **{"method": "lct-ar", "seed": 1, "steps": 4, "guidance": 1} | options)


def ask(studio, project_id):
    """As a page does, which waits for nobody; an inline studio works in the event itself."""
    running = threading.Thread(target=studio.generate, args=(project_id,))
    running.start()
    until(lambda: studio.job(project_id))
    return running


def over(studio, project_id):
    until(lambda: not studio.job(project_id).busy)
    return studio.job(project_id)


def films(studio, project_id):
    return [shot.take.latents for shot in studio.project(project_id).shots]  # names are hashes of the content


@pytest.fixture(scope="module")
def expected(tmp_path_factory, tiny_pocket):
    """Files of a film that nothing disturbed, by method."""
    calm = Studio(settings(tmp_path_factory.mktemp("calm"), tiny_pocket, "inline"))
    found = {}
    for method in METHODS:
        asked = project(calm, 3, method=method)
        calm.generate(asked.id)
        found[method] = films(calm, asked.id)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_film_is_made_and_its_progress_seen(studio, expected, method):
    asked = project(studio, 3, method=method)
    running, seen = ask(studio, asked.id), []
    while (job := studio.job(asked.id)).busy:
        seen.append((job.done, job.total))
        time.sleep(0.005)
    running.join()
    assert (job.state, job.message, job.tries) == ("done", "", 1)
    assert job.done == job.total == 3 + 4 * (1 if method == "lct" else 3)
    assert len(set(seen)) > 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert films(studio, asked.id) == expected[method]
    assert studio.film(asked.id).read_bytes()[4:8] == b"ftyp"


def test_a_stop_is_heard_within_a_step_and_the_film_goes_on_later(studio):
    asked = project(studio, steps=60)
    studio.edit(asked.id, "set_shots", shots=[s.id for s in asked.shots], frames=33)
    running = ask(studio, asked.id)
    until(lambda: studio.job(asked.id).done > 2)
    studio.stop(asked.id)
    at = studio.job(asked.id).done
    job = over(studio, asked.id)
    running.join()
    assert (job.state, [shot.state for shot in job.shots]) == ("cancelled", ["waiting", "waiting"])
    assert job.done <= at + 1
    assert not list(studio.store.media.folder.glob("*.part"))


def test_a_failure_is_told_in_a_sentence_and_the_next_job_is_made(studio):
    asked = project(studio)
    shots = tuple(TaskShot(id=shot.id, prompt=shot.prompt, frames=6, cut=True) for shot in asked.shots)
    wish = Task(
        prompt="", shots=shots, make=tuple(s.id for s in shots), options=Options(method="lct", steps=2), seed=0
    )
    studio.store.ledger.submit(asked.id, wish)
    studio.executor.wake()
    job = over(studio, asked.id)
    assert job.state == "failed"
    assert job.message.startswith("shots[1].frames is 6;")
    assert "\n" not in job.message
    ask(studio, asked.id).join()
    assert over(studio, asked.id).state == "done"


def test_too_little_memory_offers_less_and_the_next_job_is_made(studio):
    asked = project(studio, method="lct")
    studio.edit(asked.id, "set_scene", scene=asked.scenes[0].id, summary="Too big.")
    ask(studio, asked.id).join()
    failed = over(studio, asked.id)
    assert (failed.state, studio.offer(failed)) == ("failed", "Make one shot after the other")
    studio.manage(asked.id, failed.id, "smaller")
    assert over(studio, asked.id).state == "done"
    assert all(shot.take for shot in studio.project(asked.id).shots)


def at_work(pid):
    """A process of the cluster that makes a shot right now."""
    for one in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "Hand.go_on" in "".join(one.cmdline()):
                return one.pid
    return None


def lose(studio, project_id):
    """Ask for a film and kill the process that makes it, once its first shot is done."""
    if studio.settings.executor == "inline":
        command = [sys.executable, "-c", INLINE, *map(str, (studio.store.home, studio.settings.backbone, project_id))]
        process = subprocess.Popen(command, cwd=ROOT)
        victim = process.pid
    else:
        studio.generate(project_id)
    until(lambda: (job := studio.job(project_id)) and any(shot.state == "done" for shot in job.shots))
    if studio.settings.executor == "local":
        victim = studio.executor.pid
    elif studio.settings.executor == "ray":
        victim = until(lambda: at_work(studio.executor.pid))
    os.kill(victim, signal.SIGKILL)
    if studio.settings.executor == "inline":
        process.wait()
        studio.executor.start()
        studio.generate(project_id)


def test_a_lost_worker_costs_no_finished_shot_and_no_byte(studio):
    asked, calm = project(studio, 3, steps=30), project(studio, 3, steps=30)
    lose(studio, asked.id)
    job = over(studio, asked.id)
    assert (job.state, job.tries) == ("done", 2)
    assert [len(studio.takes(shot.id)) for shot in asked.shots] == [1, 1, 1]
    ask(studio, calm.id).join()
    over(studio, calm.id)
    assert films(studio, asked.id) == films(studio, calm.id)


def test_two_jobs_are_both_made(studio):
    one, two = project(studio, steps=30), project(studio, steps=30)
    calls = [ask(studio, one.id), ask(studio, two.id)]
    both = set()
    while any(studio.job(asked.id).busy for asked in (one, two)):
        both.add(tuple(studio.job(asked.id).state for asked in (one, two)))
    for call in calls:
        call.join()
    assert [studio.job(asked.id).state for asked in (one, two)] == ["done", "done"]
    assert films(studio, one.id) == films(studio, two.id)
    assert (("running", "running") in both) == (studio.settings.executor == "ray")


@pytest.mark.slow
def test_shots_that_see_nothing_of_each_other_are_made_side_by_side_where_there_are_hands(studio):
    asked = project(studio, method="independent", steps=80)
    running, together = ask(studio, asked.id), False
    while (job := studio.job(asked.id)).busy:
        together |= [(s.state, s.looks > 0) for s in job.shots] == [("waiting", True)] * 2
    running.join()
    assert job.state == "done"
    assert together == (studio.settings.executor == "ray")
