"""What a plan says will happen is what happens."""

from dataclasses import replace

import pytest
import torch

import engine
from engine.methods import GENERAL
from engine.plan import _fit, plan


@pytest.fixture(scope="module")
def backbone(tiny_pocket):
    return engine.load(str(tiny_pocket), device="cpu")


def scene(shots=4, **settings):
    made = tuple(engine.Shot(prompt=f"Character 1 jumps {'high ' * k}.", frames=5) for k in range(shots))
    return engine.Scene(prompt="[Character] Character 1: a fox.", shots=made, height=32, width=48, **settings)


@pytest.mark.parametrize("method", GENERAL)
@pytest.mark.parametrize("guidance", [1, 2])
def test_planned_tokens_and_passes_are_those_that_run(backbone, monkeypatch, method, guidance):
    ran = []
    steps, asked = 3, scene()
    for part in {backbone, backbone.tuned("causal")}:
        real = part.predict

        def predict(blocks, layout, past=None, real=real):
            ran.append((layout.spans[-1].stop, layout.spans[-1].stop - (past.tokens if past else 0)))
            return real(blocks, layout, past)

        monkeypatch.setattr(part, "predict", predict)
    list(engine.generate(asked, backbone, method=method, steps=steps, guidance=guidance))
    monkeypatch.undo()
    planned = plan(asked, backbone, method=method, steps=steps, guidance=guidance)
    assert len(ran) == sum(steps * part.passes for part in planned.rounds)
    with_text = ran[::guidance]  # the pass without text has shorter prompts
    expected = [(part.tokens, part.running) for part in planned.rounds for _ in range(steps)]
    assert with_text == expected


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
    assert ("shot 1 history", 12) in only.blocks


def test_bad_settings_are_refused_as_the_generator_does(backbone):
    with pytest.raises(ValueError, match="steps is 0"):
        plan(scene(), backbone, steps=0)
