"""The splitter behind an OpenAI-compatible endpoint, against a real server on loopback that misbehaves."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from studio.settings import Settings
from studio.splitter import Model, Rules, choose_splitter, salvage

STORY = "A red fox walks on the beach. It jumps. It waves."


class Server(BaseHTTPRequestHandler):
    answer, status = "", 200

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked = body
        reply = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": self.answer}}
            ],
        }
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield Model(Settings(llm_base_url=f"http://127.0.0.1:{http.server_port}/v1", llm_model="m"))
    http.shutdown()
    Server.status = 200


def say(**answer):
    Server.answer = json.dumps(answer)


def test_a_good_answer_is_taken_as_it_is(server):
    say(prompt="[Character] Character 1: a fox.", shots=["One.", "Two.", "Three."])
    board, note = server.split(STORY, 3)
    assert (board.prompt, board.shots, note) == ("[Character] Character 1: a fox.", ("One.", "Two.", "Three."), "")
    assert "Number of shots: 3" in Server.asked["messages"][1]["content"]


@pytest.mark.parametrize("count", [1, 150])
def test_a_wrong_number_of_shots_is_made_right_and_said(server, count):
    say(prompt="p", shots=[f"Shot {k}." for k in range(count)])
    board, note = server.split(STORY, 3)
    assert len(board.shots) == 3
    assert board.shots[0] == "Shot 0."
    assert f"gave {count} shots" in note


@pytest.mark.parametrize(
    "answer", ["", "I cannot do that.", '{"prompt": "p", "shots": [', '{"shots": "none"}', '{"x": 1}']
)
def test_an_answer_that_is_no_shot_list_falls_back_to_rules(server, answer):
    Server.answer = answer
    board, note = server.split(STORY, 3)
    assert board == Rules().split(STORY, 3)[0]
    assert "split by rules" in note


@pytest.mark.parametrize(
    ("status", "sentence"), [(401, "refused the key"), (429, "is busy"), (500, "failed (InternalServerError)")]
)
def test_an_error_falls_back_to_rules_and_says_why_without_the_key(server, status, sentence):
    Server.status = status
    board, note = server.split(STORY, 3)
    assert board == Rules().split(STORY, 3)[0]
    assert sentence in note


def test_nobody_at_the_address_is_said():
    board, note = Model(Settings(llm_base_url="http://127.0.0.1:9/v1")).split(STORY, 2)
    assert board == Rules().split(STORY, 2)[0]
    assert "No language model answers at http://127.0.0.1:9/v1" in note


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"prompt": "p", "shots": ["One.", "Two."]}\n```',
        'Sure! {"prompt": "p", "shots": ["One.", "Two."], "mood": "happy"} Enjoy.',
        '{"prompt": "p", "shots": ["One.", "Two.", "Thr',
        '{"prompt": "p", "shots": ["One.", " ", "Two."]}',
    ],
)
def test_what_is_good_in_an_answer_is_kept(text):
    answer = salvage(text)
    assert (answer.prompt, answer.shots) == ("p", ["One.", "Two."])


def test_a_wrong_answer_is_asked_for_once_more_with_what_was_wrong(server):
    say(prompt="p", shots=["Only one."])
    server.split(STORY, 3)
    assert Server.asked["messages"][-1]["content"] == "Your answer had 1 shots. Answer again, with exactly 3 shots."


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"shots": [' + '"a",' * 20_000, "{" * 50_000 + "}" * 50_000])
def test_huge_or_deep_answers_do_no_harm(bomb):
    found = salvage(bomb)
    assert found is None or len(found.shots) <= 300


def test_without_a_base_url_there_are_only_rules():
    assert isinstance(choose_splitter(Settings()), Rules)
