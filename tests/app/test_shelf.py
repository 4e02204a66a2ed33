"""Projects choose their backbone from a folder of models, and every way in says the same."""

import pytest
import tiny_pipelines
from safetensors import safe_open

from studio.executors.local import Local
from studio.film import facts
from studio.services import Studio
from studio.settings import Settings, read_settings
from studio.shelf import Loaded, Shelf
from studio.worker import Worker


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    top = tmp_path_factory.mktemp("models")
    tiny_pipelines.save("wan", top / "Wan tiny")
    (top / "broken").mkdir()
    (top / "broken" / "model_index.json").write_text("{}")
    return top


@pytest.fixture
def studio(tmp_path, tiny_pocket, models):
    places = {"home": tmp_path / "home", "backbone": str(tiny_pocket), "models": models}
    return Studio(Settings(**places, executor="inline", example=False))


def board(studio, shots=2):
    made, _ = studio.split(studio.open(None).id, "A red fox walks along the beach. It waves.", shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", method="independent", seed=1, steps=1, guidance=1)


def test_the_shelf_holds_the_pocket_model_and_the_folders(studio):
    assert [entry.title for entry in studio.shelf.entries()] == ["pocket", "Wan tiny", "broken"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Wan huge", r"backbone is 'Wan huge'; it is one of pocket, Wan tiny, broken"),
        ("../Wan tiny", "it is one of"),
        ("broken", "is a None; the pipelines that work here"),
    ],
)
def test_a_backbone_that_is_none_is_refused_when_it_is_chosen(studio, name, sentence):
    with pytest.raises(ValueError, match=sentence):
        studio.edit(board(studio).id, "set_options", backbone=name)


def test_a_project_is_made_by_the_backbone_it_chose(studio, monkeypatch):
    from engine.backbones.wan import WanBackbone

    monkeypatch.setattr(WanBackbone, "size", (32, 64))
    asked = board(studio)
    studio.generate(asked.id)
    before = studio.project(asked.id)
    assert studio.store.projects.made_by(before.shots[0].take.id)["backbone"] == "pocket"
    studio.edit(asked.id, "set_options", backbone="Wan tiny")
    studio.redo(asked.id, before.shots[0].id)
    job = studio.job(asked.id)
    assert job.state == "failed"
    assert "was made by pocket, which wan can't read" in job.message
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done", studio.job(asked.id).message
    made = studio.project(asked.id)
    assert {studio.store.projects.made_by(shot.take.id)["backbone"] for shot in made.shots} == {"wan"}
    assert facts(studio.store.media, made.shots[0].take) == {"fps": 16, "model": "wan"}
    with safe_open(studio.media(made.shots[0].take.latents), framework="pt") as file:
        assert file.get_slice("frames").get_shape() == [5, 32, 64, 3]
    assert studio.film(made.id).is_file()
    assert studio.pool.cost(made, made.shots[0].id)["window"] == WanBackbone.window
    assert studio.unknown_words(made) == ()


def test_one_backbone_is_in_memory_at_a_time(models, tiny_pocket):
    loaded = Loaded(Shelf(str(tiny_pocket), models))
    one = loaded.get()
    assert loaded.get("") is one
    assert loaded.get("Wan tiny").name == "wan"
    assert loaded.get() is not one


def test_the_worker_gets_the_shelf(tmp_path, models, monkeypatch):
    from studio import worker
    from studio.executors import local
    from studio.store import Store

    started = []
    monkeypatch.setattr(local.subprocess, "Popen", lambda command, **_: started.append(command))
    shelf = Shelf("pocket", models, "model")
    Local(Store(tmp_path), shelf)._start()
    made = []
    monkeypatch.setattr(Worker, "run", lambda self: made.append(self.load.args[0]))
    monkeypatch.setattr(worker.sys, "argv", started[0][2:])
    worker.main()
    assert made == [shelf]


def test_the_models_folder_comes_from_the_environment(models):
    settings = read_settings({"REELBOARD_MODELS": str(models), "REELBOARD_OFFLOAD": "group"})
    assert (settings.models, settings.offload) == (models, "group")
    with pytest.raises(ValueError, match="REELBOARD_OFFLOAD is 'disk'"):
        read_settings({"REELBOARD_OFFLOAD": "disk"})


def test_a_program_sees_what_the_page_sees(studio):
    from studio.ui.api import Api

    pocket, wan, broken = Api(studio).backbones()
    assert (pocket["name"], wan["name"]) == ("pocket", "Wan tiny")
    assert [a["runs"] for a in wan["abilities"]] == [True] * 4
    assert "the pipelines that work here" in broken["problem"]
