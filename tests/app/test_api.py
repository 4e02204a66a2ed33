"""A program makes a whole film through the named endpoints, on a real server."""

import time
import urllib.request

import pytest
from servers import ROOT, Server


@pytest.fixture(scope="module", params=[{}, {"SPACE_ID": "me/reelboard"}], ids=["own machine", "Space"])
def client(request, tmp_path_factory, tiny_pocket):
    from gradio_client import Client

    server = Server(tmp_path_factory.mktemp("home"), REELBOARD_BACKBONE=str(tiny_pocket), **request.param)
    yield Client(f"http://127.0.0.1:{server.port}", verbose=False)
    server.close()


def wait(client, project):
    until = time.monotonic() + 600
    while (state := client.predict(project, api_name="/watch")["state"]) in ("queued", "running"):
        assert time.monotonic() < until
        time.sleep(0.1)
    return state


def test_a_film_from_a_story_and_one_shot_redone_with_two_picked_shots(client):
    project = client.predict(api_name="/create_project")["id"]
    board = client.predict(project, "A red fox walks on the beach. She jumps. She waves.", 4, api_name="/split")
    assert len(board["shots"]) == 4
    for number, shot in enumerate(board["shots"], start=1):
        client.predict(project, number, shot["prompt"], 5, shot["cut"], api_name="/edit_shot")
    client.predict(project, "lct", 3, 2, 1, api_name="/set_options")
    client.predict(project, api_name="/generate")
    assert wait(client, project) == "done"
    before = client.predict(project, api_name="/project")
    client.predict(project, 3, [1, 4], api_name="/redo")
    assert wait(client, project) == "done"
    after = client.predict(project, api_name="/project")
    assert set(after["shots"][2]["take"]["saw"]) == {before["shots"][0]["id"], before["shots"][3]["id"]}
    assert after["shots"][1]["take"] == before["shots"][1]["take"]
    film = client.predict(project, api_name="/film")
    with urllib.request.urlopen(client.src.rstrip("/") + film) as answer:  # noqa: S310 - our own server
        assert answer.read()[4:8] == b"ftyp"


def test_a_picture_is_sent_picked_and_looked_at(client, tmp_path):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    from PIL import Image

    Image.new("RGB", (320, 200), "red").save(tmp_path / "fox.png")
    project = client.predict(api_name="/create_project")["id"]
    client.predict(project, "A red fox walks on the beach.", 2, api_name="/split")
    fox = client.predict(project, handle_file(str(tmp_path / "fox.png")), "A red fox.", api_name="/upload")
    assert (fox["kind"], fox["frames"], fox["origin"]["file"]) == ("upload", 1, "fox.png")
    board = client.predict(project, 2, ["scene", fox["id"]], [None, 300], api_name="/pick")
    assert board["shots"][1]["see"] == ["scene", fox["id"]]
    assert board["shots"][1]["noises"] == {fox["id"]: 300}
    cost = client.predict(project, 2, api_name="/plan")
    assert cost["shots"] == 1
    held = client.predict(project, 1, handle_file(str(tmp_path / "fox.png")), api_name="/replace")
    assert held["shots"][0]["take"]["file"] == "fox.png"
    still = client.predict(project, 1, 0.5, api_name="/still")
    assert (still["kind"], still["frames"]) == ("still", 1)
    for elsewhere in ("README.md", str(ROOT / "README.md"), "/etc/hostname"):
        with pytest.raises(AppError, match="send a picture or film first"):
            client.predict(project, {"path": elsewhere}, api_name="/upload")


def test_the_queue_is_paused_by_whom_it_belongs_to(client, request):
    from gradio_client.exceptions import AppError

    if request.node.callspec.params["client"]:
        with pytest.raises(AppError, match="the queue of a public page is everybody's"):
            client.predict(api_name="/pause")
        return
    project = client.predict(api_name="/create_project")["id"]
    client.predict(project, "A red fox walks on the beach.", 1, api_name="/split")
    client.predict(project, "lct", 3, 2, 1, api_name="/set_options")
    client.predict(api_name="/pause")
    client.predict(project, api_name="/generate")
    time.sleep(2)  # ten looks of an idle worker
    assert client.predict(project, api_name="/watch")["state"] == "queued"
    client.predict(False, api_name="/pause")
    assert wait(client, project) == "done"


def test_what_was_removed_is_listed_brought_back_and_ended(client):
    project = client.predict(api_name="/create_project")["id"]
    before = client.predict(project, "A red fox walks on the beach. She jumps. She waves.", 3, api_name="/split")
    first, second, third = (shot["id"] for shot in before["shots"])
    assert client.predict(project, api_name="/trash") == []
    for removed in ([second], [first, third]):
        client.predict(project, "drop_shots", {"shots": removed}, api_name="/edit")
    last, earlier = client.predict(project, api_name="/trash")
    assert [[shot["id"] for shot in one["shots"]] for one in (last, earlier)] == [[first, third], [second]]
    assert (last["scene"], last["gone"]) == (before["scenes"][0]["id"], False)
    back = client.predict(project, [first, second], api_name="/take_back")
    assert back["shots"] == before["shots"][:2]
    assert client.predict(project, api_name="/empty_trash") == 1
    assert client.predict(project, api_name="/trash") == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (("nobody", "/project"), "no longer here"),
        (("{project}", 1, "/redo"), "shot is 1; the project has 0"),
        (("{project}", "", 4, "/split"), "story is empty"),
        (("{project}", "A red fox walks.", 2, 1, "4:5", "/split"), "aspect is '4:5'"),
        (("{project}", "/film"), "no film yet"),
        (("{project}", ["gone"], "/take_back"), "shot or scene is 'gone'; it is not in the trash any more"),
    ],
)
def test_refusals_are_one_sentence(client, call, sentence):
    from gradio_client.exceptions import AppError

    project = client.predict(api_name="/create_project")["id"]
    *inputs, name = call
    filled = [project if value == "{project}" else value for value in inputs]
    with pytest.raises(AppError, match=sentence):
        client.predict(*filled, api_name=name)
