"""The contract of backbones and methods: each with each. A new one joins by its name, here and in README's grid."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_pipelines
import torch

import engine
from engine.methods import GENERAL
from engine.plan import plan

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
KINDS = {
    "pocket": "pocket",
    "wan": "Wan 2.1 T2V 1.3B, 14B (UniPC)",
    "wan-euler": "Wan 2.1 with the Euler scheduler",
    "wan-a14b": "Wan 2.2 T2V-A14B (two experts)",
    "wan-ti2v": "Wan 2.2 TI2V-5B (text to video)",
    "cogvideox-2b": "CogVideoX 2B (DDIM)",
    "cogvideox-5b": "CogVideoX 5B (DDIM)",
    "cogvideox-dpm": "CogVideoX 5B with the DPM scheduler",
    "hunyuanvideo": "HunyuanVideo",
}
SHAPE = (9, 32, 64)


@pytest.fixture(scope="module", params=KINDS)
def backbone(request, tmp_path_factory, tiny_pocket):
    kind = request.param
    folder = tiny_pocket if kind == "pocket" else tiny_pipelines.save(kind, tmp_path_factory.mktemp("every") / kind)
    return engine.load(str(folder), device="cpu")


def scene():
    shots = tuple(engine.Shot(prompt=f"a red fox {verb}", frames=9) for verb in ("jumps", "waves"))
    return engine.Scene(prompt="the beach at night", shots=shots, height=32, width=64)


def run(asked, backbone, method):
    return list(engine.generate(asked, backbone, method=method, steps=2, guidance=2.0, previews=False))


@pytest.mark.parametrize("method", GENERAL)
def test_every_method_runs_on_every_backbone(backbone, method):
    asked = scene()
    events = run(asked, backbone, method)
    assert [event.shot for event in events if isinstance(event, engine.ShotDone)] == [0, 1]
    one, two = events[-1].takes
    for take in (one, two):
        assert take.frames.shape == (*SHAPE, 3)
        assert tuple(take.latents.shape) == backbone.shape(*SHAPE).latent
        assert take.latents.isfinite().all()
        assert take.made_by["backbone"] == backbone.name
        assert take.made_by["method"] == method
    given = replace(asked, shots=(replace(asked.shots[0], take=one), asked.shots[1]))
    kept, redone = run(given, backbone, method)[-1].takes
    assert kept is one
    if method == "lct":
        assert not torch.equal(redone.latents, two.latents)
        again = run(asked, backbone, method)[-1].takes
        assert all(torch.equal(a.latents, b.latents) for a, b in zip((one, two), again, strict=True))
    else:  # one after the other, a finished shot reaches the next just as a given one does
        assert (redone.latents - two.latents).abs().mean() < 0.02  # bfloat16 where the processor has it


@pytest.mark.parametrize("method", GENERAL)
def test_every_plan_counts_what_stands_in_the_context(backbone, method):
    found = plan(scene(), backbone, method=method, steps=2)
    cells = torch.tensor(backbone.shape(*SHAPE).grid).prod()
    for part in found.rounds:
        assert sum(tokens for _, tokens in part.blocks) == part.tokens
        assert next(tokens for name, tokens in part.blocks if name.endswith(("noisy", "history"))) == cells
    assert found.seconds > 0
    assert bool(found.warnings) is (backbone.name != "pocket" and method in ("lct", "lct-ar"))
    assert engine.window(str(backbone.folder)) == backbone.window
    assert engine.unknown_words("zyzzyva", str(backbone.folder)) == (("zyzzyva",) if backbone.name == "pocket" else ())


def grid():
    """The table that README shows, from what the tests above run."""
    head = [f"| | {' | '.join(f'`{method}`' for method in GENERAL)} |", f"|---|{'---|' * len(GENERAL)}"]
    return "\n".join(head + [f"| {name} | {' | '.join('runs' for _ in GENERAL)} |" for name in KINDS.values()])


def test_the_grid_in_the_readme_is_what_runs():
    assert set(KINDS) == {"pocket", *tiny_pipelines.BUILDERS}
    assert grid() in README, f"README should hold\n\n{grid()}\n"
