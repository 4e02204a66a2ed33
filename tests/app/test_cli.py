"""The command line, as a shell meets it: films, exit codes, one sentence for what is wrong, nothing half-written."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest
import tiny_pipelines
import torch
from films import read_video

from engine.backbones.pocket import PocketBackbone
from engine.cli import main
from engine.video import read_record

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that nobody may write to")
ROOT = Path(__file__).parents[2]
STORY = {
    "prompt": "[Story] A fox plays.",
    "shots": [{"prompt": "A.", "frames": 5}, {"prompt": "B.", "frames": 9}],
    "steps": 2,
}


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.json"
    path.write_text(json.dumps(STORY))
    return path


@pytest.fixture
def film(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "film.mp4"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_story_file_becomes_a_film(story, film, tiny_pocket, capsys):
    assert run(story, "-o", film, "--backbone", tiny_pocket) == 0
    assert read_video(film).shape == (14, 400, 640, 3)
    out, err = capsys.readouterr()
    assert not out
    assert "2 shots, 14 frames" in err.splitlines()[-1]


def test_the_same_seed_makes_the_same_film_and_another_another(story, film, tiny_pocket):
    films = []
    for seed in (3, 3, 4):
        assert run(story, "-o", film, "--backbone", tiny_pocket, "--seed", seed) == 0
        films.append(read_video(film))
    assert torch.equal(films[0], films[1])
    assert not torch.equal(films[0], films[2])


def test_the_film_carries_the_story_that_makes_it_again(story, film, tiny_pocket):
    changed = ("--seed", 7, "--guidance", 1.5, "--method", "independent")
    assert run(story, "-o", film, "--backbone", tiny_pocket, *changed) == 0
    record, first = read_record(film), read_video(film)
    assert record["story"]["seed"] == 7
    assert record["takes"][1]["method"] == "independent"
    story.write_text(json.dumps(record["story"]))
    assert run(story, "-o", film, "--backbone", tiny_pocket) == 0
    assert torch.equal(read_video(film), first)


def test_a_story_in_plain_words_becomes_a_film(film, tiny_pocket):
    words = "Ruby, a red fox with a crown, walks on the beach. She waves."
    assert run("--story", words, "--shots", 3, "--steps", 1, "-o", film, "--backbone", tiny_pocket) == 0
    record = read_record(film)
    assert len(record["takes"]) == 3
    assert "Ruby, a red fox with a crown" in record["story"]["prompt"]
    assert read_video(film).shape[0] == 3 * 17


@pytest.mark.parametrize(("kind", "fps"), [("wan", 16), ("cogvideox-5b", 8), ("hunyuanvideo", 24)])
def test_a_folder_of_a_diffusers_pipeline_makes_the_film_at_its_own_pace(kind, fps, story, film, tmp_path, capsys):
    folder = tiny_pipelines.save(kind, tmp_path / kind)
    story.write_text(json.dumps(STORY | {"shots": [{"prompt": "A.", "frames": 9}, {"prompt": "B.", "frames": 1}]}))
    assert run(story, "-o", film, "--backbone", folder, "--height", 32, "--width", 64, "--method", "lct-ar") == 0
    assert read_video(film).shape == (10, 320, 640, 3)
    assert read_record(film)["takes"][1]["context"][0]["shot"] == 0
    assert "agree only with weights tuned on scenes" in capsys.readouterr().err
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(film))
    assert round(frames / seconds) == fps


def test_what_the_story_leaves_open_is_the_models_own(story, film, tmp_path):
    folder = tiny_pipelines.save("cogvideox-2b", tmp_path / "cogvideox")
    story.write_text(json.dumps(STORY | {"shots": [{"prompt": "A.", "frames": 1}]}))
    assert run(story, "-o", film, "--backbone", folder) == 0
    record = read_record(film)["story"]
    assert (record["height"], record["width"], record["guidance"]) == (48, 80, 6.0)
    assert read_video(film).shape == (1, 48 * 8, 640, 3)


def test_a_plan_is_printed_and_nothing_made(story, film, tiny_pocket, capsys):
    assert run(story, "--plan", "--backbone", tiny_pocket, "--method", "lct-ar") == 0
    out, err = capsys.readouterr()
    assert not err
    assert "shots 2: " in out
    assert "shot 1 history: " in out
    assert re.search(r"about [\d.]+ s, and \d+ MiB of memory", out)
    assert not list(film.parent.iterdir())


def test_a_plan_refuses_what_a_film_would(story, tmp_path, capsys):
    folder = tiny_pipelines.save("cogvideox-2b", tmp_path / "cogvideox")
    assert run(story, "--plan", "--backbone", folder) == 2
    assert "frames is 5; CogVideoX needs 8k+1, the nearest is 1" in capsys.readouterr().err
    assert run(story, "--plan", "--backbone", tmp_path) == 2
    assert "holds neither model_index.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"shots": [{"prompt": "A.", "frames": 37}]},
            "frames is 37; the pocket model makes 1 to 33, the nearest is 33",
        ),
        ({"method": "lct-causal"}, "the pocket model has no weights for lct-causal"),
        ({"method": "echoshot"}, "the pocket model has no weights for echoshot"),
    ],
)
@pytest.mark.parametrize("more", [["-o", "{film}"], ["--plan"]], ids=["film", "plan"])
def test_what_the_model_can_not_make_is_said_before_it_is_loaded(
    changes, sentence, more, story, film, tiny_pocket, tmp_path, capsys, monkeypatch
):
    """The big ones take minutes."""
    folder = shutil.copytree(tiny_pocket, tmp_path / "plain", ignore=shutil.ignore_patterns("causal"))
    monkeypatch.setattr(PocketBackbone, "from_folder", None)
    story.write_text(json.dumps(STORY | changes))
    assert run(story, "--backbone", folder, *(part.format(film=film) for part in more)) == 2
    assert sentence in capsys.readouterr().err
    assert not list(film.parent.iterdir())


def test_one_side_alone_leaves_the_other_to_the_model(story, film, tmp_path):
    folder = tiny_pipelines.save("cogvideox-2b", tmp_path / "cogvideox")
    story.write_text(json.dumps(STORY | {"shots": [{"prompt": "A.", "frames": 1}]}))
    assert run(story, "-o", film, "--backbone", folder, "--height", 32) == 0
    record = read_record(film)["story"]
    assert (record["height"], record["width"]) == (32, 80)


def test_the_schema_is_printed(capsys):
    assert run("--schema") == 0
    assert "shots" in json.loads(capsys.readouterr().out)["properties"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "no output"),
        (["-o", "{film}"], "give a story file or --story"),
        (["{story}", "--story", "x", "-o", "{film}"], "give a story file or --story"),
        (["{story}", "--shots", "3", "-o", "{film}"], "--shots goes with --story"),
        (["{story}", "-o", "{film}", "--stepz", "3"], "unrecognized arguments: --stepz"),
        (["{story}", "-o", "{film}", "--steps", "many"], "invalid int value: 'many'"),
        (["{story}", "-o", "{film}", "--steps", "0"], "steps is 0; the nearest possible value is 1"),
        (["{story}", "-o", "{film}", "--seed", "-1"], "seed is -1; the nearest possible value is 0"),
        (["{story}", "-o", "{film}", "--guidance", "nan"], "guidance is NaN"),
        (["{story}", "-o", "{film}", "--method", "joint"], "input should be 'lct', 'lct-ar', 'lct-causal'"),
        (["{story}", "-o", "{film}", "--backbone", "pockett"], "backbone is 'pockett'"),
        (["{story}x", "-o", "{film}"], "does not exist"),
        (["{story}", "-o", "{film}.avi"], "films are MP4"),
        (["{story}", "-o", "{folder}"], "films are MP4"),
        (["{story}", "-o", "{folder}/no/film.mp4"], "does not exist"),
        (["{story}", "-o", "{story}/film.mp4"], "does not exist"),
        pytest.param(["{story}", "-o", "/proc/film.mp4"], "can't be written to", marks=LINUX),
        (["--story", "", "-o", "{film}"], "story is empty"),
        (["--story", "A fox.", "--shots", "0", "-o", "{film}"], "shots is 0"),
        (["--story", "A fox.", "--shots", "100", "-o", "{film}"], "shots is 100"),
        (["--story", "A fox. " * 30_000, "-o", "{film}"], "story has 210000 characters"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, sentence, story, film, capsys):
    filled = [part.format(story=story, film=film, folder=film.parent) for part in arguments]
    assert main(filled) == 2
    out, err = capsys.readouterr()
    assert not out
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not list(film.parent.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("{}", "shots is missing"),
        ('{"shots": [{"prompt": "A."}], "promt": "x"}', "promt is no known field; the nearest is 'prompt'"),
        ('{"shots": [{"prompt": "A.", "frames": 12}]}', "frames is 12; it must be 4k+1, the nearest is 13"),
        ('{"shots": [{"prompt": "<b>🦊</b>"}], "steps": 0}', "steps is 0; the nearest possible value is 1"),
        (" " * 1_000_001, "has 1000001 bytes; the most is 1000000"),
    ],
    ids=["cut off", "nothing", "unknown field", "length", "markup", "huge"],
)
def test_a_wrong_story_file_is_one_sentence_and_exit_2(text, sentence, story, film, capsys):
    story.write_text(text)
    assert run(story, "-o", film) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert not list(film.parent.iterdir())


@pytest.mark.parametrize("words", ["🦊🌊🎉", "Лиса идёт по пляжу.", "<script>alert(1)</script> **a** cat"])
def test_any_script_emoji_and_markup_become_a_film(words, film, tiny_pocket):
    assert run("--story", words, "--shots", 1, "--steps", 1, "-o", film, "--backbone", tiny_pocket) == 0
    assert read_video(film).shape[0] == 17


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_weights_are_one_sentence(damage, story, film, tiny_pocket, tmp_path, capsys):
    folder = shutil.copytree(tiny_pocket, tmp_path / "damaged")
    weights = next((folder / "transformer").glob("*.safetensors"))
    if damage == "missing":
        weights.unlink()
    else:
        os.truncate(weights, 100)
    assert run(story, "-o", film, "--backbone", folder) == 2
    assert "transformer is missing or damaged" in capsys.readouterr().err.splitlines()[-1]
    assert not list(film.parent.iterdir())


@pytest.mark.parametrize("where", ["the GPU's", "main"])
def test_too_little_memory_is_one_sentence(where, story, film, tiny_pocket, monkeypatch, capsys):
    def full(*_):
        if where == "main":
            torch.empty(1 << 60, dtype=torch.uint8)  # as torch itself says it
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(PocketBackbone, "predict", full)
    assert run(story, "-o", film, "--backbone", tiny_pocket) == 1
    assert f"{where} memory is too small; make shorter, smaller or" in capsys.readouterr().err.splitlines()[-1]
    assert not list(film.parent.iterdir())


def test_interrupting_leaves_nothing_and_says_so(film, tiny_pocket):
    command = [sys.executable, "-m", "engine", "--story", "A fox.", "--shots", "9", "--steps", "200"]
    command += ["-o", str(film), "--backbone", str(tiny_pocket)]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background is deaf to it
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        signal.signal(signal.SIGINT, heard)
        seen = b""
        while b"step" not in seen and (piece := process.stderr.read1()):
            seen += piece
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert b"stopped; nothing was written" in rest
    assert not list(film.parent.iterdir())
