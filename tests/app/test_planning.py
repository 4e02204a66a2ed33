"""A plan before anything is made: it counts what the generator counts, warns, and every fix ends its warning."""

from dataclasses import asdict, replace

import psutil
import pytest
import tiny_pipelines
import torch

import engine
from engine.backbones import sizes
from engine.outline import outline
from engine.plan import Pace, plan
from studio.executors.model import OwnModel
from studio.pace import learn, measured
from studio.planning import Advice
from studio.services import Studio
from studio.settings import Settings
from studio.shelf import Shelf
from studio.ui.film_views import planned
from studio.ui.views import shot

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


@pytest.fixture
def cog(tmp_path, tiny_pocket):
    """A studio that has CogVideoX, too, which makes every other length only."""
    tiny_pipelines.save("cogvideox-2b", tmp_path / "models" / "Cog")
    places = {"home": tmp_path / "home", "backbone": str(tiny_pocket), "models": tmp_path / "models"}
    return Studio(Settings(**places, executor="inline", example=False))


def project(studio, shots=4):
    made, _ = studio.split(studio.open(None).id, STORY, shots)
    studio.edit(made.id, "set_shots", shots=[shot.id for shot in made.shots], frames=5)
    return studio.edit(made.id, "set_options", seed=1, steps=12, guidance=1)


def fixed(studio, made, advice):
    return studio.edit(made.id, advice.edit, **advice.values)


@pytest.mark.parametrize("method", ["lct", "lct-ar", "lct-causal", "independent"])
@pytest.mark.parametrize("group", [None, 2])
def test_the_outline_counts_what_the_plan_counts_with_the_weights(tiny_pocket, method, group):
    backbone = engine.load(str(tiny_pocket), device="cpu")
    frames = torch.zeros(5, 80, 128, 3, dtype=torch.uint8)
    given = engine.Take(frames=frames, latents=torch.empty(16, 2, 10, 16), seed=0)
    shots = [
        engine.Shot(prompt=f"A fox jumps {'high ' * k}.", frames=5, take=given if k == 1 else None) for k in range(4)
    ]
    scene = engine.Scene(prompt="[Character] Character 1: a fox.", shots=tuple(shots))
    settings = {"method": method, "group": group, "history_guidance": 1.5}
    assert outline(scene, str(tiny_pocket), **settings) == plan(scene, backbone, **settings).rounds


@pytest.mark.parametrize("method", ["lct", "lct-ar", "lct-causal", "independent"])
@pytest.mark.parametrize("guidance", [None, 1])
def test_the_page_tells_the_seconds_and_bytes_of_the_engines_plan(studio, tiny_pocket, monkeypatch, method, guidance):
    pace = Pace(times=(1e-3, 1e-5, 1e-7), bytes=(1e6, 2e3), decode=0.1, start=0.2, words=0.01, remember=1.5, kept=4e3)
    pace = replace(pace, layers=2, decoded=(1e5, 2e5), told=3e3, reading=7e5)
    studio.store.facts.keep("pace", {"backbone": str(tiny_pocket)} | asdict(pace))
    made = project(studio)
    made = studio.edit(made.id, "set_options", method=method, steps=None, guidance=guidance)
    (told,) = studio.plan(made, made.scenes[0].id)
    monkeypatch.setattr("engine.plan.measure", lambda *_: pace)
    task, settings = told.task, {"method": method, **({} if guidance is None else {"guidance": guidance})}
    shots = tuple(engine.Shot(prompt=one.prompt, frames=one.frames, cut=one.cut) for one in task.shots)
    exact = plan(
        engine.Scene(prompt=task.prompt, shots=shots), engine.load(str(tiny_pocket), device="cpu"), **settings
    )
    assert (told.rounds, told.seconds, told.peak) == (exact.rounds, exact.seconds, exact.peak)


def test_main_memory_is_no_matter_where_a_gpu_computes(studio, monkeypatch):
    monkeypatch.setattr("studio.services.free_memory", lambda: 1)
    made = project(studio)
    for shared in (True, False):
        pace = {"backbone": studio.settings.backbone, "times": [0, 0, 1e-6], "bytes": [0, 1e6], "decode": 0.1}
        studio.store.facts.keep("pace", pace | {"shared": shared})
        assert bool(studio.advice(made, made.scenes[0].id)) is shared


def test_no_length_is_offered_that_the_model_cannot_make(cog, monkeypatch):
    made = project(cog, shots=1)
    cog.edit(made.id, "set_options", backbone="Cog", method="independent")
    made = cog.edit(made.id, "set_shots", shots=[made.shots[0].id], frames=17)
    (long,) = cog.plan(made, made.scenes[0].id)
    monkeypatch.setattr("studio.planning.window", lambda _: long.tokens - 1)
    (advice,) = cog.advice(made, made.scenes[0].id)
    assert advice.values["frames"] == 9
    made = cog.edit(made.id, "set_shots", shots=[made.shots[0].id], frames=13)
    with pytest.raises(ValueError, match=r"frames is 13; CogVideoX needs 8k\+1, the nearest is"):
        cog.plan(made, made.scenes[0].id)
    assert [n for _, n in shot(cog, made, made.shots[0].id)["lengths"]] == [1, 9, 13, 17, 25, 33]
    told = planned(cog, made, made.scenes[0].id, busy=False)
    (advice,) = told["advice"]
    assert advice["text"] == "Shot 1A lasts 1.6 s, which the model can't make; the nearest it can: 1.1 s and 2.1 s."
    made = fixed(cog, made, Advice(**advice))
    assert made.shots[0].frames == 9
    assert [n for _, n in shot(cog, made, made.shots[0].id)["lengths"]] == [1, 9, 17, 25, 33]
    monkeypatch.undo()
    assert not cog.advice(made, made.scenes[0].id)
    assert planned(cog, made, made.scenes[0].id, busy=False)["rounds"]


def test_a_film_with_a_length_that_the_model_cannot_make_is_refused_by_its_shot(cog):
    made = project(cog, shots=3)
    cog.edit(made.id, "set_shots", shots=[shot.id for shot in made.shots], frames=9)
    cog.edit(made.id, "set_options", backbone="Cog")
    cog.edit(made.id, "set_shots", shots=[made.shots[1].id], frames=13)
    told = r"^Shot 1B lasts 1\.6 s, which the model can't make; the nearest it can: 1\.1 s and 2\.1 s\.$"
    for ask in (lambda: cog.generate(made.id), lambda: cog.redo(made.id, made.shots[1].id)):
        with pytest.raises(ValueError, match=told):
            ask()
    assert not cog.jobs(made.id)


def test_too_little_memory_offers_no_length_that_the_model_cannot_make(cog, monkeypatch):
    made = project(cog, shots=1)
    cog.edit(made.id, "set_options", backbone="Cog", method="independent")
    cog.edit(made.id, "set_shots", shots=[made.shots[0].id], frames=25)
    monkeypatch.setattr(engine, "generate", lambda *_, **__: torch.empty(2**50))
    offers = []
    cog.generate(made.id)
    while offer := cog.offer(job := cog.job(made.id)):
        cog.manage(made.id, job.id, "smaller")
        offers.append((offer, cog.project(made.id).shots[0].frames))
        assert len(offers) < 5
    assert offers == [("Shorten to 1.1 s", 9), ("Shorten to 0.1 s", 1)]


def test_a_shot_that_is_not_there_takes_no_place_in_a_plan(studio):
    made = project(studio, shots=3)
    first, last = made.shots[0], made.shots[2]
    before = studio.plan(made, made.scenes[0].id)[0].tokens
    made = studio.edit(made.id, "set_shot", shot=last.id, locked=True)  # it has no take
    one = studio.plan(made, made.scenes[0].id)[0]
    assert one.tokens == before - engine.block_tokens(last.prompt, 5, studio.settings.backbone)
    alone = engine.block_tokens(first.prompt, 5, studio.settings.backbone)
    known = sizes(studio.settings.backbone)
    words = known.text_tokens(studio.plan(made, made.scenes[0].id)[0].task.prompt)
    assert studio.pool.cost(made, first.id)["tokens"] == words + 1 + alone


def test_a_scene_keeps_its_own_way_and_the_others_do_not_follow(studio):
    made = project(studio)
    studio.edit(made.id, "add_scene")
    made = studio.split(made.id, STORY, 2, scene=studio.project(made.id).scenes[1].id)[0]
    first, second = (one.id for one in made.scenes)
    made = studio.edit(made.id, "set_scene", scene=first, making={"method": "lct", "group": 2})
    assert [len(one.rounds) for one in studio.plan(made, first)] == [2]
    assert [len(one.rounds) for one in studio.plan(made, second)] == [1]
    studio.generate(made.id, scene=first)
    record = studio.store.projects.made_by(studio.project(made.id).shots[3].take.id)
    assert (record["method"], record["group"]) == ("lct", 2)
    assert [entry["shot"] for entry in record["context"]] == [0, 1, 2]


def test_more_than_the_window_is_warned_of_and_shorter_shots_fit(studio, monkeypatch):
    made = project(studio)
    scene = made.scenes[0].id
    (joint,) = studio.plan(made, scene)
    assert not studio.advice(made, scene)
    monkeypatch.setattr("studio.planning.window", lambda _: joint.tokens - 1)
    (advice,) = studio.advice(made, scene)
    assert f"more than the {joint.tokens - 1:,}" in advice.text
    made = fixed(studio, made, advice)
    assert [shot.frames for shot in made.shots] == [1] * 4
    assert not studio.advice(made, scene)


def test_too_little_memory_offers_shorter_shots(studio, monkeypatch):
    made = project(studio, shots=9)
    scene = made.scenes[0].id
    pace = {"backbone": studio.settings.backbone, "times": [0, 0, 1e-6], "bytes": [0, 1e6], "decode": 0.1}
    studio.store.facts.keep("pace", pace)
    assert not studio.advice(made, scene)
    monkeypatch.setattr("studio.services.free_memory", lambda: 700_000_000)
    (advice,) = studio.advice(made, scene)
    assert "0.7 GB are free" in advice.text
    made = fixed(studio, made, advice)
    assert {shot.frames for shot in made.shots} == {1}
    assert not studio.advice(made, scene)


def test_what_a_folder_was_tuned_on_is_no_more_refused(tmp_path, tiny_pocket, monkeypatch):
    folder = tiny_pipelines.save("wan", tmp_path / "models" / "Wan")
    monkeypatch.setattr("engine.backbones.kinds.Wan.window", 40)
    places = {"home": tmp_path / "home", "backbone": str(tiny_pocket), "models": tmp_path / "models"}
    studio = Studio(Settings(**places, executor="inline", example=False))
    made = project(studio)
    studio.edit(made.id, "set_options", backbone="Wan")
    studio.pause()
    with pytest.raises(ValueError, match="tokens at once are more than the 40 that the model learned with"):
        studio.generate(made.id)
    (folder / "multishot.json").write_text('{"window": 1000000}')
    (job,) = studio.generate(made.id)
    assert job.state == "queued"


@pytest.mark.parametrize("what", ["tokens", "memory"])
def test_what_cannot_work_is_refused_before_any_weights_are_touched(studio, monkeypatch, what):
    made = project(studio)
    monkeypatch.setattr("studio.shelf.load", None)
    scene, shot = made.scenes[0].id, made.shots[0].id
    (joint,) = studio.plan(made, scene)
    pace = {"backbone": studio.settings.backbone, "times": [0, 0, 1e-6], "bytes": [0, 1e6], "decode": 0.1}
    if what == "tokens":
        monkeypatch.setattr("studio.planning.window", lambda _: joint.tokens - 1)
        told = f"{joint.tokens:,} tokens at once are more than the {joint.tokens - 1:,} that the model learned with"
    else:
        studio.store.facts.keep("pace", pace | {"memory": 300_000_000})
        told = "this needs 0.4 GB of memory and 0.3 GB are all that there is"
    with pytest.raises(ValueError, match=f"^shots 1A, 1B, 1C, 1D can't be made: {told}; shorten to 0.1 s$"):
        studio.generate(made.id)
    assert studio.job(made.id) is None
    studio.executor.wake = lambda: None
    studio.redo(made.id, shot, see=[])  # alone it fits
    made = studio.edit(made.id, "set_shots", shots=[one.id for one in made.shots], frames=1)
    assert [job.state for job in studio.generate(made.id, missing=True)][-1] == "queued"


def test_a_job_that_waits_is_changed_to_what_can_work_only(studio, monkeypatch):
    made = studio.edit(project(studio).id, "set_options", method="independent")
    studio.executor.wake = lambda: None
    (job,) = studio.generate(made.id)
    (apart,) = studio.plan(made, made.scenes[0].id)
    monkeypatch.setattr("studio.planning.window", lambda _: apart.tokens)
    with pytest.raises(ValueError, match="that the model learned with; make or remember fewer shots at once"):
        studio.change_job(made.id, job.id, method="lct")
    assert studio.change_job(made.id, job.id, seed=7).task.options.method == "independent"


def test_this_machine_says_how_much_memory_it_has(studio):
    learn(studio.store, OwnModel(Shelf(studio.settings.backbone)))
    pace = measured(studio.store, studio.settings.backbone)
    assert pace.memory == psutil.virtual_memory().total
    assert 0 < engine.free_memory() < pace.memory


def test_more_to_remember_than_a_context_holds_is_left_out_at_one_press(studio):
    made = project(studio, shots=6)
    studio.generate(made.id)
    later = studio.edit(made.id, "add_scene").scenes[1].id
    made = studio.split(made.id, STORY, 6, scene=later)[0]
    old = [shot.id for shot in made.scenes[0].shots]
    made = studio.edit(made.id, "set_shot", shot=made.scenes[1].shots[0].id, see=["scene", *old])
    (advice,) = studio.advice(made, later)
    assert advice.text.startswith("3 of the shots")
    assert not studio.advice(fixed(studio, made, advice), later)


def test_words_that_mean_nothing_are_taken_out_at_one_press(studio):
    made = project(studio)
    scene = made.scenes[0].id
    made = studio.edit(made.id, "set_shot", shot=made.shots[1].id, prompt="A blorpy fox waves.")
    (advice,) = studio.advice(made, scene)
    assert "blorpy" in advice.text
    made = fixed(studio, made, advice)
    assert made.shots[1].prompt == "A fox waves."
    assert not studio.advice(made, scene)


def test_minutes_follow_from_the_measured_pace(studio, tiny_pocket):
    made = project(studio)
    scene = made.scenes[0].id
    assert studio.plan(made, scene)[0].seconds is None
    learn(studio.store, OwnModel(Shelf(str(tiny_pocket))))
    assert isinstance(measured(studio.store, str(tiny_pocket)), Pace)
    twelve = studio.plan(made, scene)[0]
    more = studio.edit(made.id, "set_options", steps=48)
    assert studio.plan(more, scene)[0].seconds > twelve.seconds > 0
    studio.generate(made.id)
    job, (told,) = studio.job(made.id), studio.plan(studio.project(made.id), scene)
    assert told.seconds == pytest.approx(job.seconds)  # what it really took


def test_a_draft_is_quick_is_called_one_and_its_final_has_the_same_noise(studio):
    made = project(studio, shots=2)
    studio.generate(made.id, draft=True)
    drafts = studio.project(made.id)
    assert [shot.stale for shot in drafts.shots] == [("it is a draft",)] * 2
    assert {studio.store.projects.made_by(shot.take.id)["steps"] for shot in drafts.shots} == {6}
    with pytest.raises(ValueError, match="nothing to make"):
        studio.generate(made.id, missing=True, draft=True)
    studio.redo(made.id, made.shots[1].id)  # a wish for another one: other noise, and no draft
    assert studio.project(made.id).shots[1].take.seed != drafts.shots[1].take.seed
    studio.choose(made.id, made.shots[1].id, drafts.shots[1].take.id)
    studio.edit(made.id, "set_options", seed=7)
    studio.generate(made.id, missing=True)
    final = studio.project(made.id)
    assert [shot.stale for shot in final.shots] == [(), ()]
    assert [shot.take.seed for shot in final.shots] == [shot.take.seed for shot in drafts.shots]
    assert [studio.store.projects.made_by(shot.take.id)["steps"] for shot in final.shots] == [12, 12]


def test_a_failure_says_what_helps_and_keeps_a_log(studio, monkeypatch):
    from studio.failures import read_log, remedy

    def broken(*_, **__):
        raise RuntimeError("the wheels came off")

    made = project(studio, shots=1)
    monkeypatch.setattr("engine.generate", broken)
    studio.generate(made.id)
    job = studio.job(made.id)
    assert job.state == "failed"
    assert "Go on" in remedy(job)
    assert "the wheels came off" in read_log(studio.store.home, job)
    assert remedy(job.model_copy(update={"state": "done"})) == ""


def test_a_done_job_can_be_had_again_and_a_waiting_one_moved_back(studio, monkeypatch):
    made = project(studio, shots=1)
    studio.generate(made.id)
    before = studio.takes(made.shots[0].id)
    studio.manage(made.id, studio.job(made.id).id, "rerun")
    after = studio.takes(made.shots[0].id)
    assert [take.video for take in after] == [before[0].video] * 2
    assert studio.project(made.id).shots[0].take == before[0]
    monkeypatch.setattr(studio.executor, "wake", lambda: None)
    for _ in range(2):
        studio.redo(made.id, made.shots[0].id)
    first, second = studio.jobs(made.id)
    studio.manage(made.id, first.id, "later")
    assert [job.id for job in studio.jobs(made.id)] == [second.id, first.id]
    studio.manage(made.id, first.id, "later")
    assert [job.id for job in studio.jobs(made.id)] == [second.id, first.id]
