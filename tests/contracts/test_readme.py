"""README stays true: its commands, its tree, its Space settings."""

import json
import re
from pathlib import Path

import pytest

from engine.story import Story, StoryShot, check_story

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
REQUIREMENTS = dict(re.findall(r"(?m)^([\w-]+)([^\s#]*)", (ROOT / "requirements.txt").read_text("utf-8")))


def front_matter():
    return dict(re.findall(r"(?m)^(\w+): \"?(.+?)\"?$", README.split("---")[1]))


def blocks(language):
    return [text for kind, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", README) if kind == language]


def tree():
    """Paths of the annotated tree, folders by their two spaces of indent."""
    folders = []
    for line in next(block for block in blocks("") if block.startswith("app.py")).splitlines():
        name = line.split()[0]
        folders = folders[: (len(line) - len(line.lstrip())) // 2]
        folders.append(name.rstrip("/"))
        yield Path(*folders)


def test_the_space_runs_what_we_test():
    settings = front_matter()
    assert settings["sdk"] == "gradio"
    low, high = re.fullmatch(r">=([\d.]+),<([\d.]+)", REQUIREMENTS["gradio"]).groups()
    version = tuple(map(int, settings["sdk_version"].split(".")))
    assert tuple(map(int, low.split("."))) <= version < tuple(map(int, high.split(".")))
    assert (ROOT / settings["app_file"]).is_file()
    assert settings["license"] == "apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")[:200]
    assert len(settings["short_description"]) <= 60


@pytest.mark.parametrize("path", list(tree()), ids=str)
def test_the_tree_is_there(path):
    assert (ROOT / path).exists()


def test_the_tree_names_every_folder():
    named = {path.as_posix() for path in tree()}
    for top in ("engine", "studio"):
        found = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / top).glob("*/__init__.py")}
        assert found <= named


def test_setup_and_tests_are_one_line_each():
    commands = [line for block in blocks("sh") for line in block.splitlines() if "venv" in line]
    assert len(commands) == 2
    for command in commands:
        for file in re.findall(r"-r (\S+)", command):
            assert (ROOT / file).is_file()
    assert commands[0].endswith("app.py")
    tests = commands[1][commands[1].index("-m pytest") :]
    assert tests in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_example_story_is_valid_and_every_field_is_told():
    check_story(json.loads(blocks("json")[0]))
    told = set(re.findall(r"`(?:shots\[\]\.)?(\w+)`", README.split("| field |")[1].split("\n\n")[0]))
    assert told >= set(Story.model_fields) | set(StoryShot.model_fields)
