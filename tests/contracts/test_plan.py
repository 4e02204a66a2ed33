"""What a plan says will happen is what happens."""

import weakref
from dataclasses import replace

import pytest
import tiny_pipelines
import torch

import engine
from engine.context import choose_attention
from engine.methods import GENERAL
from engine.plan import PATIENCE, _fit, _measured, attention, plan
from engine.runtime import PeakMemory


@pytest.fixture(scope="module")
def backbone(tiny_pocket):
    return engine.load(str(tiny_pocket), device="cpu")


def scene(shots=4, **settings):
    """The third shot goes on from the second."""
    words = [f"Character 1 jumps {'high ' * k}." for k in range(shots)]
    made = tuple(engine.Shot(prompt=one, frames=5, cut=k != 2) for k, one in enumerate(words))
    return engine.Scene(prompt="[Character] Character 1: a fox.", shots=made, height=32, width=48, **settings)


@pytest.mark.parametrize("method", GENERAL)
@pytest.mark.parametrize("guidance", [1, 2])
@pytest.mark.parametrize("history_guidance", [1, 2])
def test_planned_passes_are_those_that_run(backbone, monkeypatch, method, guidance, history_guidance):
    """Tokens that run and tokens of the context, of every pass of every step, and of those that fill a memory."""
    ran, filled, decoded = [], [], []
    steps, asked = 4, scene()
    for part in {backbone, backbone.tuned("causal")}:

        def spy(name, kept, count, part=part):
            real = getattr(part, name)
            monkeypatch.setattr(part, name, lambda *inputs: kept.append(count(*inputs)) or real(*inputs))

        def work(blocks, layout, past=None):
            whole = layout.spans[-1].stop
            return whole - (past.tokens if past else 0), whole

        spy("predict", ran, work)
        spy("remember", filled, work)
        spy("decode", decoded, lambda latents, *_: latents.shape[2])
    settings = {"method": method, "steps": steps, "guidance": guidance, "history_guidance": history_guidance}
    list(engine.generate(asked, backbone, **settings))
    monkeypatch.undo()
    planned = plan(asked, backbone, **settings)
    assert ran == [work for part in planned.rounds for _ in range(steps) for work in part.passes]
    assert sorted(filled) == sorted(work for part in planned.rounds for work in part.fresh)
    assert planned.rounds[0].passes[0] == (planned.rounds[0].running, planned.rounds[0].tokens)
    assert sorted(decoded) == [1] * 4 + [2] * 4  # a look at step 2, and the shots


@pytest.mark.parametrize("method", GENERAL)
def test_planned_seconds_are_those_that_pass(backbone, monkeypatch, method):
    """On a machine whose every pass takes a known time: a part for each token that runs, one for each that it sees."""
    clock = [0.0]

    def slow(real, seconds):
        def run(*inputs):
            clock[0] += seconds(*inputs)
            return real(*inputs)

        return run

    def attended(blocks, layout, past=None):
        whole = layout.spans[-1].stop
        running = whole - (past.tokens if past else 0)
        return 0.01 + 1e-4 * running + 1e-6 * running * whole

    parts = {backbone, backbone.tuned("causal")}
    for part in parts:
        for name in ("predict", "remember"):
            monkeypatch.setattr(part, name, slow(getattr(part, name), attended))
        monkeypatch.setattr(part, "decode", slow(part.decode, lambda latents, *_: 0.2 + 0.1 * latents.shape[2]))
        monkeypatch.setattr(part, "encode", slow(part.encode, lambda _: 0.3))  # a picture, as its decoding
        monkeypatch.setattr(part, "encode_text", slow(part.encode_text, lambda words: 0.005 * len(words)))
    monkeypatch.setattr("engine.plan.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("engine.plan.measure", _measured)
    asked, settings = scene(), {"method": method, "steps": 6, "guidance": 2.0, "history_guidance": 1.5}
    said = plan(asked, backbone, **settings).seconds
    clock[0] = 0.0
    list(engine.generate(asked, backbone, **settings))
    assert said == pytest.approx(clock[0], rel=1e-3)


@pytest.mark.parametrize("method", GENERAL)
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("size", [(32, 48), (80, 128)])
def test_planned_memory_is_within_a_tenth_of_what_is_used(plain, method, shots, size):
    made = tuple(engine.Shot(prompt="A fox jumps.", frames=9) for _ in range(shots))
    asked = engine.Scene(prompt="A fox.", shots=made, height=size[0], width=size[1])
    settings = {"method": method, "steps": 2, "guidance": 2.0, "previews": False}
    said = plan(asked, plain, **settings).peak  # which has loaded what the method is tuned with
    with PeakMemory(plain.runtime.device) as used:
        list(engine.generate(asked, plain, **settings))
    assert said == pytest.approx(used.bytes, rel=0.1)


def test_peak_memory_is_what_is_in_use_at_once():
    with PeakMemory(torch.device("cpu")) as used:
        for _ in range(3):
            one = torch.zeros(1000)
            del one
        two = torch.zeros(500), torch.zeros(700)
    assert used.bytes == 4 * 1200
    assert len(two) == 2


def test_a_slow_machine_is_tried_with_less(backbone, monkeypatch):
    clock, ran = [0.0], []

    def predict(blocks, layout, past=None):
        clock[0] += 1e-3 * layout.spans[-1].stop ** 2
        ran.append(layout.spans[-1].stop)

    monkeypatch.setattr(backbone, "predict", predict)
    monkeypatch.setattr("engine.plan.time.perf_counter", lambda: clock[0])
    pace = _measured(backbone, 32, 48)
    assert clock[0] < 2 * PATIENCE
    assert max(ran) < 200
    assert pace.forward(500, 500) == pytest.approx(1e-3 * 500**2, rel=0.3)


def test_a_context_past_the_window_is_warned_of_and_more_work_takes_longer(backbone, monkeypatch):
    small = plan(scene(1), backbone)
    large = plan(scene(9), backbone)
    assert not small.warnings
    assert large.rounds[0].tokens > small.rounds[0].tokens
    assert plan(scene(4), backbone, steps=40).seconds > plan(scene(4), backbone, steps=4).seconds > 0
    monkeypatch.setattr(type(backbone), "window", 30)
    assert "more than the 30" in plan(scene(9), backbone).warnings[0]


def test_a_noisy_clock_gives_no_pass_that_takes_less_than_nothing():
    tokens = torch.tensor([4.0, 8.0, 16.0], dtype=torch.float64)
    columns = torch.stack([torch.ones(3), tokens, tokens**2], dim=1).double()
    exact = _fit(columns, columns @ torch.tensor([1.0, 2.0, 0.5]).double())
    assert exact == pytest.approx([1.0, 2.0, 0.5])
    noisy = _fit(columns, torch.tensor([3.0, 9.0, 10.0]).double())  # bends down: a plain fit has a negative square
    assert min(noisy) >= 0
    assert (columns @ torch.tensor(noisy).double()).min() > 0


def test_given_shots_cost_tokens_but_are_not_made(backbone):
    asked = scene(2)
    *_, done = engine.generate(asked, backbone, steps=1)
    kept = replace(asked, shots=(replace(asked.shots[0], take=done.takes[0]), asked.shots[1]))
    (only,) = plan(kept, backbone).rounds
    assert only.shots == (1,)
    assert (0, "history", 12) in only.blocks


@pytest.mark.parametrize("kind", ["pocket", "wan"])
def test_a_model_that_was_planned_with_is_let_go(kind, tiny_pocket, tmp_path):
    """Who loads another one needs its memory."""
    folder = tiny_pocket if kind == "pocket" else tiny_pipelines.save(kind, tmp_path / kind)
    loaded = engine.load(str(folder), device="cpu")
    plan(scene(1), loaded, method="lct-causal", steps=1)
    kept = weakref.ref(loaded), weakref.ref(loaded.tuned("causal"))
    del loaded
    assert [one() for one in kept] == [None, None]


def test_a_plan_names_the_kernel_of_the_models_own_heads(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("engine.plan.choose_attention", lambda *about: asked.append(about) or choose_attention(*about))
    loaded = engine.load(str(tiny_pipelines.save("wan", tmp_path / "wan")), device="cpu")
    assert attention(loaded).startswith("attention blocks: ")
    assert asked == [(loaded.runtime.device, loaded.runtime.dtype, 12)]


def test_bad_settings_are_refused_as_the_generator_does(backbone):
    with pytest.raises(ValueError, match="steps is 0"):
        plan(scene(), backbone, steps=0)
