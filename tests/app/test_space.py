"""The studio as a Space starts it: many visitors, a router in front, a disk that is gone after a restart."""

import json
import subprocess
import uuid

import pytest
from servers import Server

STORY = "A red fox walks on the beach."
TOKEN = f"canary-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def space(tmp_path_factory, tiny_pocket):
    scratch = tmp_path_factory.mktemp("space")
    (scratch / "tmp").mkdir()
    variables = {
        "SYSTEM": "spaces",
        "SPACE_ID": "me/reelboard",
        "SPACE_HOST": "me-reelboard.hf.space",
        "SPACE_AUTHOR_NAME": "me",
        "HF_TOKEN": TOKEN,
        "TMPDIR": str(scratch / "tmp"),
        "REELBOARD_HOME": "",
        "REELBOARD_BACKBONE": str(tiny_pocket),
        "REELBOARD_VISITOR_SPLITS": "2",
    }
    made = Server(scratch / "tmp" / "reelboard", **variables)
    yield made
    made.close()


def client(space, address):
    from gradio_client import Client

    return Client(f"http://127.0.0.1:{space.port}", verbose=False, headers={"x-forwarded-for": address})


def test_the_page_warns_of_the_disk_and_shows_the_example(space):
    config = json.loads(space.ask("GET", "/config")[2])
    told = [one for one in config["components"] if "forgets everything" in str(one["props"].get("value"))]
    assert len(told) == 1
    load = next(one["id"] for one in config["dependencies"] if [name for _, name in one["targets"]] == ["load"])
    answer = space.event(load, [""])
    assert b"process_completed" in answer
    assert answer.count(b"poster") >= 4  # the shots of the example, made


def test_the_model_runs_inside_the_page_and_no_secret_is_served(space):
    found = subprocess.run(["pgrep", "-f", f"studio.worker {space.home}"], capture_output=True, text=True, check=False)
    assert not found.stdout
    assert space.home.is_dir()
    for target in ("/", "/config", "/gradio_api/info"):
        assert TOKEN.encode() not in space.ask("GET", target)[2]
    assert TOKEN not in space.log.read_text()


def test_each_visitor_has_bounds_of_their_own(space):
    from gradio_client.exceptions import AppError

    ann, bob = client(space, "203.0.113.1"), client(space, "203.0.113.2")
    mine = ann.predict(api_name="/create_project")["id"]
    for _ in range(2):
        ann.predict(mine, STORY, 1, api_name="/split")
    with pytest.raises(AppError, match="stories split would be 3 today; a visitor of this public page may have 2"):
        ann.predict(mine, STORY, 1, api_name="/split")
    theirs = bob.predict(api_name="/create_project")["id"]
    assert len(bob.predict(theirs, STORY, 1, api_name="/split")["shots"]) == 1


def test_a_project_is_saved_to_a_file(space):
    ann = client(space, "203.0.113.3")
    mine = ann.predict(api_name="/create_project")["id"]
    ann.predict(mine, STORY, 1, api_name="/split")
    saved = ann.predict(mine, "Project (zip)", api_name="/export")
    assert space.ask("GET", saved)[2][:2] == b"PK"
