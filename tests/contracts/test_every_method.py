"""The contract of backbones and methods: each with each. A new one joins by its name, here and in README's grid."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_pipelines
import torch

import engine
from engine.methods import GENERAL
from engine.outline import outline
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
TRIED, RAN = set(), set()  # (kind, method), of this session


@pytest.fixture(scope="module", params=KINDS)
def loaded(request, tmp_path_factory, tiny_pocket):
    kind = request.param
    folder = tiny_pocket if kind == "pocket" else tiny_pipelines.save(kind, tmp_path_factory.mktemp("every") / kind)
    return tiny_pipelines.load_plain(folder), kind


@pytest.fixture
def backbone(loaded):
    return loaded[0]


def scene():
    shots = tuple(engine.Shot(prompt=f"a red fox {verb}", frames=9) for verb in ("jumps", "waves"))
    return engine.Scene(prompt="the beach at night", shots=shots, height=32, width=64)


def run(asked, backbone, method):
    return list(engine.generate(asked, backbone, method=method, steps=2, guidance=2.0, previews=False))


@pytest.mark.parametrize("method", GENERAL)
def test_every_method_runs_on_every_backbone(loaded, method):
    (backbone, kind), asked = loaded, scene()
    TRIED.add((kind, method))
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
        other = replace(one, latents=one.latents.flip(-1))
        wrong = run(replace(asked, shots=(replace(asked.shots[0], take=other), asked.shots[1])), backbone, method)
        near, far = ((take.latents - two.latents).abs().amax() for take in (redone, wrong[-1].takes[1]))
        assert near < 1e-5
        assert method == "independent" or far > 0.01
    RAN.add((kind, method))


@pytest.mark.parametrize("method", GENERAL)
def test_every_plan_counts_what_stands_in_the_context(backbone, method, monkeypatch):
    ran, settings = [], {"method": method, "steps": 2, "guidance": 2.0}
    tuned = backbone.tuned("causal") if method == "lct-causal" else backbone
    found = plan(scene(), backbone, **settings)

    def predict(blocks, layout, past=None, real=tuned.predict):
        whole = layout.spans[-1].stop
        ran.append((whole - (past.tokens if past else 0), whole))
        return real(blocks, layout, past)

    monkeypatch.setattr(tuned, "predict", predict)
    list(engine.generate(scene(), backbone, previews=False, **settings))
    assert ran == [work for part in found.rounds for _ in range(2) for work in part.passes]
    counted = outline(scene(), str(backbone.folder), **settings)
    if backbone.name == "hunyuanvideo":  # its prompts stand as long as they are, and count as the longest
        assert all(one.tokens >= part.tokens for one, part in zip(counted, found.rounds, strict=True))
    else:
        assert counted == found.rounds
    cells = torch.tensor(backbone.shape(*SHAPE).grid).prod()
    for part in found.rounds:
        assert sum(tokens for _, _, tokens in part.blocks) == part.tokens
        assert next(tokens for _, kind, tokens in part.blocks if kind in ("noisy", "history")) == cells
    assert found.seconds > 0
    assert bool(found.warnings) is (backbone.name != "pocket" and method in ("lct", "lct-ar"))
    if backbone.name != "pocket":
        words = 0 if backbone.text == "crossed" else backbone.longest
        own = backbone.shape(9, *backbone.size).tokens
        assert engine.block_tokens("a fox", 9, str(backbone.folder)) == own + words
    assert engine.window(str(backbone.folder)) == backbone.window
    assert engine.unknown_words("zyzzyva", str(backbone.folder)) == (("zyzzyva",) if backbone.name == "pocket" else ())


def grid():
    """The table that README shows, of what the tests above ran in this very session."""
    head = [f"| | {' | '.join(f'`{method}`' for method in GENERAL)} |", f"|---|{'---|' * len(GENERAL)}"]
    rows = {kind: ["runs" if (kind, method) in RAN else "-" for method in GENERAL] for kind in KINDS}
    return "\n".join(head + [f"| {name} | {' | '.join(rows[kind])} |" for kind, name in KINDS.items()])


def test_the_grid_in_the_readme_is_what_ran():
    assert set(KINDS) == {"pocket", *tiny_pipelines.BUILDERS}
    if len(TRIED) < len(KINDS) * len(GENERAL):
        pytest.skip("only a part of the grid was run")
    assert grid() in README, f"README should hold\n\n{grid()}\n"
