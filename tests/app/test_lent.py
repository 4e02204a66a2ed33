"""A graphics card that is lent by the call: one call a shot, as long as calls took, and the film of any other studio.

The real lender is a service of Spaces. A package of the same name stands in for it and does what it does to a program:
it runs the call in a forked process, pickles what goes in and out, and ends it when nobody reads any more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from soundness import check_sound

from studio.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
SPACES = '''
import multiprocessing, pickle

CALLS, CLOSED = [], []


class Error(Exception):
    """As gradio's, which the real package raises."""

    message = "You have used up your <b>GPU</b> quota (60s requested vs. 3s left)."


Error.__module__ = "gradio.exceptions"


def GPU(duration):
    def decorate(task):
        def call(*asked):
            if CLOSED:
                raise Error
            CALLS.append(duration(*asked))
            context, sent = multiprocessing.get_context("fork"), pickle.dumps(asked)
            out = context.Queue()

            def work():
                for event in task(*pickle.loads(sent)):
                    out.put(pickle.dumps(event))
                out.put(pickle.dumps(None))

            process = context.Process(target=work, daemon=True)
            process.start()
            try:
                while (event := pickle.loads(out.get())) is not None:
                    yield event
            finally:
                process.kill()
                process.join()

        return call

    return decorate
'''
SCRIPT = """
import json, sys, threading
from pathlib import Path
import spaces
from studio.models import Options, Task, TaskShot
from studio.services import Studio
from studio.settings import Settings

home, backbone, lent = sys.argv[1:]
studio = Studio(Settings(home=Path(home), backbone=backbone, executor="inline", example=False, lent=lent == "lent"))
studio.start()


def asked(shots, **options):
    made, _ = studio.split(studio.new().id, "A red fox walks on the beach. She jumps. She waves.", shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", **{"seed": 1, "steps": 3, "guidance": 1} | options)


def calls():
    taken = list(spaces.CALLS)
    spaces.CALLS.clear()
    return taken


found = {}
for method in ("lct-ar", "lct-causal", "independent", "lct"):
    film = asked(3, method=method)
    studio.generate(film.id)
    job = studio.job(film.id)
    shots = studio.project(film.id).shots
    found[method] = {"state": job.state, "message": job.message, "done": [job.done, job.total], "calls": calls()}
    found[method] |= {"latents": [s.take and s.take.latents for s in shots]}
    found[method] |= {"saw": [s.take and len(s.take.saw) for s in shots]}

film = asked(2, method="lct", steps=150)
running = threading.Thread(target=studio.generate, args=(film.id,))
running.start()
while not ((job := studio.job(film.id)) and job.done):
    pass
studio.stop(film.id)
running.join()
job = studio.job(film.id)
found["stopped"] = [job.state, job.done < job.total]

film = asked(2)
shots = tuple(TaskShot(id=shot.id, prompt=shot.prompt, frames=6, cut=True) for shot in film.shots)
wish = Task(prompt="", shots=shots, make=tuple(s.id for s in shots), options=Options(steps=2), seed=0)
studio.store.ledger.submit(film.id, wish)
studio.executor.wake()
found["wrong"] = studio.job(film.id).message

spaces.CLOSED.append(True)
film = asked(1)
studio.generate(film.id)
found["refused"] = studio.job(film.id).message
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory, tiny_pocket):
    """What two studios made, one of them with a card that is lent."""
    scratch = tmp_path_factory.mktemp("lent")
    (scratch / "spaces.py").write_text(SPACES)
    paths = {"PYTHONPATH": f"{scratch}:{ROOT}", "OMP_NUM_THREADS": "1"}  # as many threads, as many roundings
    told = {}
    for lent in ("lent", "own"):
        command = [sys.executable, "-c", SCRIPT, str(scratch / lent), str(tiny_pocket), lent]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | paths, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told[lent] = json.loads(done.stdout.splitlines()[-1])
        check_sound(scratch / lent)
    return told


@pytest.mark.parametrize(("method", "calls"), [("lct-ar", 3), ("lct-causal", 3), ("independent", 3), ("lct", 1)])
def test_each_shot_is_a_call_of_its_own_and_the_film_is_the_same(found, method, calls):
    lent, own = found["lent"][method], found["own"][method]
    assert (len(lent["calls"]), len(own["calls"])) == (calls, 0)
    assert lent | {"calls": []} == own
    assert lent["state"] == "done"
    assert lent["done"][0] == lent["done"][1]


def test_a_call_asks_for_what_earlier_ones_took(found):
    first, *later = found["lent"]["lct-ar"]["calls"]
    assert first == 60
    assert all(10 <= seconds <= 120 for seconds in later)
    assert found["lent"]["lct"]["calls"] != [60]


def test_stops_and_refusals_arrive(found):
    assert found["lent"]["stopped"] == ["cancelled", True]
    assert found["lent"]["wrong"] == found["own"]["wrong"]
    assert found["lent"]["wrong"].startswith("shots[1].frames is 6;")
    assert found["lent"]["refused"] == "You have used up your GPU quota (60s requested vs. 3s left)."


def test_a_space_says_whether_its_card_is_lent(tmp_path):
    space = {"SPACE_ID": "me/reelboard", "REELBOARD_HOME": str(tmp_path)}
    assert read_settings(space | {"SPACES_ZERO_GPU": "true"}).lent
    assert not read_settings(space).lent
    assert not read_settings({"SPACES_ZERO_GPU": "true", "REELBOARD_HOME": str(tmp_path)}).lent


def test_a_space_without_its_package_says_so(tmp_path, monkeypatch):
    from studio.services import Studio

    monkeypatch.setattr("studio.executors.inline.find_spec", lambda _: None)
    with pytest.raises(
        ValueError, match="SPACES_ZERO_GPU is on, but its package is not installed; pip install spaces"
    ):
        Studio(Settings(home=tmp_path, executor="inline", lent=True, example=False))
