"""What a folder of models holds, what each can do, and where its weights wait: said before anything is loaded."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_pipelines
import torch

import engine
from engine import runtime
from engine.backbones import adapter
from engine.cli import main
from engine.methods import METHODS
from engine.runtime import OFFLOADS, SPARE, Runtime, place_weights

FP32 = Runtime(device=torch.device("cpu"), dtype=torch.float32, reason="test")
CUDA = replace(FP32, device=torch.device("cuda"))
PARTS = ("transformer", "text_encoder", "vae")
KINDS = ("wan", "wan-a14b", "wan-ti2v", "cogvideox-2b", "hunyuanvideo")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    top = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        tiny_pipelines.save(kind, top / kind)
    (top / "notes").mkdir()
    broken = top / "broken"
    broken.mkdir()
    (broken / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    return top


@pytest.fixture(scope="module")
def entries(models):
    return {entry.title: entry for entry in engine.list_backbones(models)}


@pytest.mark.parametrize("part", ["model_index.json", "transformer/config.json", "vae/config.json"])
@pytest.mark.parametrize("text", ["{}", "[" * 9_999, "5"])
def test_settings_that_say_nothing_are_one_entrys_problem(tmp_path, part, text):
    folder = tiny_pipelines.save("cogvideox-5b", tmp_path / "damaged")
    (folder / part).write_text(text)
    (entry,) = engine.list_backbones(tmp_path)[1:]
    assert re.search("is damaged|missing or damaged|is a None", entry.problem)
    assert "\n" not in entry.problem


@pytest.mark.parametrize(
    ("kind", "part", "name"),
    [
        ("wan", "vae", "scale_factor_temporal"),
        ("wan", "transformer", "patch_size"),
        ("hunyuanvideo", "vae", "spatial_compression_ratio"),
        ("cogvideox-2b", "vae", "block_out_channels"),
        ("cogvideox-2b", "transformer", "sample_width"),
    ],
)
@pytest.mark.parametrize("value", ["many", -4, 2.5, [], None, True, {}])
def test_settings_of_a_wrong_type_are_that_entrys_problem_alone(models, tmp_path, kind, part, name, value):
    folder = tmp_path / kind
    shutil.copytree(models / kind, folder)
    file = folder / part / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    (entry,) = engine.list_backbones(tmp_path)[1:]
    assert re.search(rf"{part}/config.json is damaged \({name} is ", entry.problem)
    with pytest.raises(ValueError, match=f"is damaged .{name} is "):
        engine.window(str(folder))


def test_a_folder_tuned_on_longer_contexts_says_its_own_window(tmp_path):
    folder = tiny_pipelines.save("wan", tmp_path / "longer")
    assert engine.window(str(folder)) == 32_760
    (folder / "multishot.json").write_text('{"window": 60000}')
    (entry,) = engine.list_backbones(tmp_path)[1:]
    loaded = engine.load(str(folder), device="cpu")
    assert (entry.window, engine.window(str(folder)), loaded.window) == (60_000, 60_000, 60_000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"window": "60k"}', r"multishot.json has the window '60k'; it is a whole number of tokens, 1 or more"),
        ('{"window": -5}', "has the window -5; it is"),
        ('{"method": ["echoshot"]}', r"names \['echoshot'\]; the checkpoints that work here: echoshot"),
        ("{}", r"is damaged \(it names no method and no window\)"),
        ("[" * 9_999, "is damaged"),
    ],
)
def test_a_damaged_mark_of_a_folder_is_that_entrys_problem_alone(tmp_path, text, sentence):
    tiny_pipelines.save("wan", tmp_path / "good")
    folder = tiny_pipelines.save("wan", tmp_path / "marked")
    (folder / "multishot.json").write_text(text)
    good, marked = engine.list_backbones(tmp_path)[1:]
    assert good.problem is None
    assert re.search(sentence, marked.problem)


def test_every_pipeline_is_listed_beside_the_built_in_model(entries):
    assert set(entries) == {"pocket", "broken", *KINDS}
    assert engine.list_backbones() == [entries["pocket"]]
    assert re.search("names None as its transformer; .* needs WanTransformer3DModel", entries["broken"].problem)
    assert not entries["broken"].abilities


def test_models_are_listed_and_their_tokens_counted_without_the_libraries_that_run_them(models):
    """These take seconds to import, and the page lists and plans while a creator waits."""
    looked = (
        "import engine, sys\n"
        f"for entry in engine.list_backbones({str(models)!r}):\n"
        "    assert entry.title == 'broken' or engine.block_tokens('a fox', 9, entry.name) > 0\n"
        "sys.exit(str([name for name in ('diffusers', 'transformers') if name in sys.modules] or ''))"
    )
    root = Path(engine.__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", looked], cwd=root, check=False, capture_output=True, text=True)
    assert told.stderr.strip() == ""


def test_a_pipeline_may_be_the_folder_itself(models):
    assert [entry.title for entry in engine.list_backbones(models / "wan")] == ["pocket", "wan"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"models folder is .*there is no such folder"):
        engine.list_backbones(tmp_path / "none")


@pytest.mark.parametrize("kind", ["pocket", *KINDS])
def test_what_is_listed_is_what_is_loaded(entries, kind):
    entry = entries[kind]
    loaded = engine.load(entry.name, device="cpu")
    assert (entry.model, entry.fps, entry.size, entry.window) == (loaded.name, loaded.fps, loaded.size, loaded.window)
    if kind != "pocket":
        parts = [getattr(loaded.pipe, part) for part in type(loaded).parts_of(loaded.folder)]
        here = [sum(w.numel() * w.element_size() for w in part.parameters()) for part in parts]
        assert entry.memory == pytest.approx(sum(here), rel=0.2)  # some encoders keep a few weights in float32
        assert entry.part == pytest.approx(max(here), rel=0.2)
        assert entry.bytes == sum(
            file.stat().st_size for part in PARTS for file in loaded.folder.glob(f"{part}*/*.safetensors")
        )
    for able in entry.abilities:
        tuning = METHODS[able.method].tuning
        found = loaded if tuning is None or not able.runs else loaded.tuned(tuning)
        assert able.advice == found.advice(able.method)


def test_weights_that_are_lacking_are_said_with_what_they_take(models, entries, tmp_path):
    bare = tiny_pipelines.save("wan", tmp_path / "bare")
    (bare / "causal").rename(tmp_path / "away")
    (able,) = (a for a in engine.list_backbones(bare)[1].abilities if a.method == "lct-causal")
    assert not able.runs
    with pytest.raises(ValueError, match="updates") as caught:
        engine.load(str(bare), device="cpu").tuned("causal")
    assert able.advice == str(caught.value)
    assert next(a for a in entries["wan"].abilities if a.method == "lct-causal").runs


def test_models_that_learned_one_noise_level_a_sample_say_so(entries):
    def told(kind):
        return next(a.advice for a in entries[kind].abilities if a.method == "lct")

    assert all("at one noise level each" in told(kind) for kind in ("wan", "wan-a14b", "cogvideox-2b", "hunyuanvideo"))
    assert "noise level" not in told("wan-ti2v")
    assert all("135,000 updates" in told(kind) for kind in KINDS)


def test_the_command_line_prints_the_list(models, capsys):
    assert main(["--backbones", str(models)]) == 0
    told = capsys.readouterr().out
    assert "wan-ti2v: wan, 1280 x 704 at 24 frames a second" in told
    assert "  independent: as it is" in told
    assert "broken\n  can't be used: " in told
    assert main(["--backbones", str(models / "nothing")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["wan-a14b", "cogvideox-2b", "hunyuanvideo"])
def test_films_do_not_depend_on_where_weights_wait(models, kind):
    shots = (engine.Shot(prompt="a red fox jumps", frames=9),)
    asked = engine.Scene(prompt="", shots=shots, height=32, width=64)
    films = []
    for offload in OFFLOADS:
        backbone = adapter(models / kind).from_folder(models / kind, runtime=FP32, offload=offload)
        assert backbone.runtime.offload == offload
        *_, done = engine.generate(asked, backbone, steps=3, guidance=2.0)
        films.append(done.takes[0])
    for film in films[1:]:
        assert torch.equal(film.latents, films[0].latents)
        assert torch.equal(film.frames, films[0].frames)


@pytest.mark.parametrize(("free", "expected"), [(40, "none"), (30, "model"), (21, "model"), (12, "group")], ids=str)
def test_weights_wait_as_far_away_as_they_must(monkeypatch, free, expected):
    room = {"cuda": free * 2**30, "cpu": 64 * 2**30}
    monkeypatch.setattr(runtime, "free_memory", lambda device: room[device.type])
    sizes = {"memory": 32 * 2**30, "part": 18 * 2**30}
    assert place_weights(CUDA, None, name="wan", **sizes).offload == expected
    assert expected == "none" or place_weights(CUDA, expected, name="wan", **sizes).offload == expected


def test_too_little_memory_is_said_with_a_remedy(monkeypatch):
    room = {"cuda": 20 * 2**30, "cpu": 16 * 2**30}
    monkeypatch.setattr(runtime, "free_memory", lambda device: room[device.type])
    sizes = {"memory": 32 * 2**30, "part": 18 * 2**30}
    with pytest.raises(ValueError, match=r"needs 34.0 GiB of the GPU's memory and 20.0 GiB are free; --offload model"):
        place_weights(CUDA, "none", name="wan", **sizes)
    with pytest.raises(ValueError, match=r"needs 32.0 GiB of main memory and 16.0 GiB are free; close other programs"):
        place_weights(CUDA, None, name="wan", **sizes)
    with pytest.raises(ValueError, match=r"needs 32.0 GiB of main memory"):
        place_weights(FP32, None, name="wan", **sizes)
    room["cuda"] = SPARE // 2
    with pytest.raises(ValueError, match="or take a smaller model"):
        place_weights(CUDA, None, name="wan", **sizes)
    with pytest.raises(ValueError, match="offload is 'disk'; it is one of none, model, group"):
        place_weights(FP32, "disk", name="wan", **sizes)


def test_the_plan_says_where_weights_wait(models, capsys):
    story = ["--story", "A red fox jumps.", "--shots", "1", "--steps", "1", "--height", "32", "--width", "64"]
    assert main([*story, "--backbone", str(models / "wan"), "--offload", "model", "--plan"]) == 0
    assert "parts wait in main memory until they are used (as asked)" in capsys.readouterr().out
