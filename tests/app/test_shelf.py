"""Projects choose their backbone from a folder of models, and every way in says the same."""

import weakref

import pytest
import tiny_pipelines
import torch
from safetensors import safe_open

import engine
from studio.executors.local import Local
from studio.executors.model import OwnModel
from studio.executors.ray import Hand
from studio.film import facts
from studio.ladder import OUT_OF_MEMORY
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


@pytest.fixture
def on_a_gpu(monkeypatch):
    """Wan's weights may wait outside a GPU, and its films are small."""
    from engine.backbones.wan import WanBackbone

    monkeypatch.setattr(WanBackbone, "size", (32, 64))
    monkeypatch.setattr("engine.runtime.on_gpu", lambda: True)


def board(studio, shots=2):
    made, _ = studio.split(studio.open(None).id, "A red fox walks along the beach. It waves.", shots)
    studio.edit(made.id, "set_shots", shots=[s.id for s in made.shots], frames=5)
    return studio.edit(made.id, "set_options", method="independent", seed=1, steps=1, guidance=1)


def agree(studio, project, offered):
    """The last job of a project, which fell short, and the one after what was offered for it."""
    failed = studio.job(project.id)
    assert studio.offer(failed) == offered
    studio.manage(project.id, failed.id, "smaller")
    return failed, studio.job(project.id)


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
    assert studio.unknown_in("zyzzyva", made.options.backbone) == ()


def test_one_backbone_is_in_memory_at_a_time(models, tiny_pocket):
    loaded = Loaded(Shelf(str(tiny_pocket), models))
    one = loaded.get()
    assert loaded.get("") is one
    assert loaded.get("Wan tiny").name == "wan"
    assert loaded.get() is not one


def test_a_model_lets_go_of_its_backbone_before_the_next_one_is_loaded(models, tiny_pocket, monkeypatch):
    model, alive = OwnModel(Shelf(str(tiny_pocket), models)), []

    def load(*asked, **wishes):
        alive.append(before())
        return engine.load(*asked, **wishes)

    monkeypatch.setattr("studio.shelf.load", load)
    for name in ("Wan tiny", "", "Wan tiny"):
        before = weakref.ref(model._backbone)
        model.use(name)
    assert alive == [None] * 3
    with pytest.raises(ValueError, match="is a None; the pipelines"):
        model.use("broken")
    assert model.pace() is None


@pytest.mark.usefixtures("on_a_gpu")
def test_weights_that_leave_a_gpu_no_room_may_wait_outside_and_the_film_stays_the_same(studio, monkeypatch):
    asked, real = board(studio), engine.generate
    studio.edit(asked.id, "set_options", method="lct", backbone="Wan tiny")
    studio.edit(asked.id, "set_shots", shots=[shot.id for shot in asked.shots], seed=7)
    studio.generate(asked.id)
    assert studio.job(asked.id).state == "done"
    before = [shot.take.latents for shot in studio.project(asked.id).shots]

    def small(scene, backbone, **settings):
        if backbone.runtime.offload != "group":
            torch.empty(2**50)
        return real(scene, backbone, **settings)

    monkeypatch.setattr(engine, "generate", small)
    studio.generate(asked.id)
    failed, job = agree(studio, asked, "Let the weights wait in main memory (slow)")
    assert (job.state, job.task.options.offload) == ("done", "group")
    assert [shot.take.latents for shot in studio.project(asked.id).shots] == before
    out = {"state": "failed", "message": OUT_OF_MEMORY, "shots": failed.shots}
    assert studio.offer(job.model_copy(update=out)) == "Make one shot after the other"
    own = failed.task.model_copy(update={"options": failed.task.options.model_copy(update={"backbone": ""})})
    assert studio.offer(failed.model_copy(update={"task": own})) == "Make one shot after the other"


@pytest.mark.usefixtures("on_a_gpu")
def test_what_leaves_a_gpu_no_room_to_decode_it_is_decoded_with_the_weights_outside(studio, monkeypatch):
    asked, real, wishes = board(studio), engine.generate, []
    studio.edit(asked.id, "set_options", method="lct", backbone="Wan tiny")

    def short(scene, backbone, **settings):
        wishes.append(backbone.runtime.offload)
        for event in real(scene, backbone, **settings):
            yield event
            if isinstance(event, engine.Denoised):
                torch.empty(2**50)

    monkeypatch.setattr(engine, "generate", short)
    studio.generate(asked.id)
    failed, job = agree(studio, asked, "Only decode again, with the weights in main memory (slow)")
    assert (job.id, job.state, job.task.options.offload) == (failed.id, "done", "group")
    assert wishes == ["none"]


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


def test_a_hand_of_a_cluster_hears_where_weights_wait(models):
    hand = Hand(str(models / "Wan tiny"), "group")
    hand.load()
    assert hand._backbone.runtime.offload == "group"


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
