"""How the program starts, and what its server refuses."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def start(**settings):
    return subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings, stderr=subprocess.PIPE, text=True
    )


def refused(**settings):
    """Exit code and what was said of a start that cannot succeed."""
    process = start(**settings)
    _, said = process.communicate(timeout=300)
    return process.returncode, said.strip().splitlines()


def test_a_busy_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused(REELBOARD_PORT=str(port), REELBOARD_HOME=str(tmp_path))
    assert code == 2
    assert said == [f"REELBOARD_PORT is {port}, which is in use; try REELBOARD_PORT={port + 1}"]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("REELBOARD_PORT", "many", "REELBOARD_PORT is 'many'"),
        ("REELBOARD_HOME", "{file}/deep", "can't be written"),
    ],
)
def test_wrong_settings_are_one_sentence(tmp_path, name, value, word):
    (tmp_path / "file").write_text("")
    code, said = refused(**{name: value.format(file=tmp_path / "file")})
    assert code == 2
    assert len(said) == 1
    assert word in said[0]


def test_only_media_files_are_served(tmp_path, tiny_pocket):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    process = start(REELBOARD_PORT=str(port), REELBOARD_HOME=str(home), REELBOARD_BACKBONE=str(tiny_pocket))
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/config")
        (home / "media" / "a.txt").write_text("seen")
        assert status(f"{address}/gradio_api/file={home}/media/a.txt") == 200
        for path in ("/etc/passwd", f"{home}/reelboard.sqlite", f"{home}/media/../reelboard.sqlite", f"{ROOT}/app.py"):
            assert status(f"{address}/gradio_api/file={path}") in (403, 404), path
        assert status(f"{address}/gradio_api/file=http://127.0.0.1:{port}/config") in (400, 403, 404)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait_for(address):
    for _ in range(1500):
        try:
            return urllib.request.urlopen(address)  # noqa: S310 - loopback
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(address)


def status(address):
    try:
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - loopback
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_no_selector_has_a_comma_in_brackets():
    """Gradio prefixes every part between two commas, so that such a rule matches something else, or nothing."""
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "assets" / "style.css").read_text("utf-8"), flags=re.DOTALL)
    torn = re.compile(r":(?:is|has|not|where)\([^)]*,")
    assert [rule.strip() for rule in re.findall(r"([^{}]+)\{", css) if torn.search(rule)] == []
