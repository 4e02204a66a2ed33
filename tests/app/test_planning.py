"""A plan before anything is made: it counts what the generator counts, warns, and every fix ends its warning."""

import pytest
import torch

import engine
from engine.methods import METHODS
from engine.outline import outline
from engine.plan import Pace, plan
from studio.executors.model import OwnModel
from studio.pace import learn, measured
from studio.services import Studio
from studio.settings import Settings
from studio.shelf import Shelf

STORY = "A red fox with a crown walks along the beach at sunset. She jumps. She waves."


@pytest.fixture
def studio(tmp_path, tiny_pocket):
    return Studio(Settings(home=tmp_path / "home", backbone=str(tiny_pocket), executor="inline", example=False))


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
    given = engine.Take(frames=torch.empty(0), latents=torch.empty(16, 2, 10, 16), seed=0)
    shots = [
        engine.Shot(prompt=f"A fox jumps {'high ' * k}.", frames=5, take=given if k == 1 else None) for k in range(4)
    ]
    scene = engine.Scene(prompt="[Character] Character 1: a fox.", shots=tuple(shots))
    counted = outline(scene, str(tiny_pocket), method=method, group=group)
    exact = plan(scene, backbone, method=method, group=group).rounds
    assert [(one.shots, one.tokens, one.running) for one in counted] == [(r.shots, r.tokens, r.running) for r in exact]
    assert method in METHODS


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
