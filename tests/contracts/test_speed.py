"""The bench of Wan's published shapes: its arithmetic in closed form, and every line of it on a tiny shape."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.backbones.random_wan import SHAPES, random_wan
from engine.bench import main
from engine.runtime import Runtime
from engine.speed import ATTENTION, MATRIX, Asked, _context, growth, interleaved, wan

FP32 = Runtime(device=torch.device("cpu"), dtype=torch.float32, reason="test")


@pytest.mark.parametrize(
    ("name", "clip", "tokens", "tflop", "share", "floor", "practical"),
    [
        ("1.3B", (81, 480, 832), 32_760, 283, 0.71, 0.36, 0.41),
        ("5B", (81, 480, 832), 8_190, 98, 0.27, 0.12, 0.13),
        ("5B", (121, 704, 1280), 27_280, 517, 0.54, 0.65, 0.73),
    ],
)
def test_floors_are_those_of_the_published_shapes(name, clip, tokens, tflop, share, floor, practical):
    shape = SHAPES[name]
    assert clip in shape.clips
    assert shape.clip(*clip).tokens == tokens
    attention, rest = shape.flops(tokens)
    assert (attention + rest) / 1e12 == pytest.approx(tflop, abs=0.5)
    assert attention / (attention + rest) == pytest.approx(share, abs=0.005)
    assert (attention + rest) / MATRIX == pytest.approx(floor, abs=0.005)
    assert attention / ATTENTION + rest / MATRIX == pytest.approx(practical, abs=0.005)


@pytest.mark.parametrize("name", ["1.3B", "5B"])
def test_shapes_are_the_published_ones(name):
    with torch.device("meta"):
        from diffusers import WanTransformer3DModel

        shape = SHAPES[name]
        sizes = {"num_attention_heads": shape.heads, "attention_head_dim": shape.head, "ffn_dim": shape.feed}
        channels = {"in_channels": shape.channels, "out_channels": shape.channels, "num_layers": shape.layers}
        model = WanTransformer3DModel(**sizes, **channels)
    weights = sum(weight.numel() for weight in model.parameters())
    assert weights / 1e9 == pytest.approx({"1.3B": 1.42, "5B": 5.0}[name], abs=0.01)


def test_every_line_of_the_bench_runs(capsys):
    found = wan("tiny", Asked(rounds=1, steps=2, shots=4), FP32)
    (clip,) = (value for key, value in found.items() if key == "5x32x48")
    assert clip["forward"]["tokens"] == 2 * 2 * 3
    assert all(clip["forward"][name] > 0 for name in ("ours", "diffusers", "floor", "practical"))
    assert clip["pipeline"]["ratio"] == clip["pipeline"]["ours"] / clip["pipeline"]["diffusers"]
    assert clip["growth"]["shots"] == [1, 2, 4]
    assert all(len(row) == 3 and min(row) > 0 for row in clip["growth"].values())
    for method in ("lct", "lct-ar"):
        planned, measured = (clip["memory"][f"{method}, {what}"] for what in ("planned", "measured"))
        assert planned == pytest.approx(measured, rel=0.1)
    told = capsys.readouterr()
    assert "ratio" in told.out
    lines = [line.split(" ", 1)[1] for line in told.err.splitlines()]
    assert [line for line in lines if "5x32x48" in line] == [f"tiny, 5x32x48: {part}" for part in found["5x32x48"]]


def test_both_sides_of_the_bench_make_the_same_shot():
    import engine

    backbone = random_wan(SHAPES["tiny"], FP32)
    shots = (engine.Shot(prompt="a red fox jumps", frames=5, cut=False, seed=7),)
    asked = engine.Scene(prompt="", shots=shots, height=32, width=48)
    *_, done = engine.generate(asked, backbone, method="independent", steps=3, guidance=5.0)
    settings = {"num_frames": 5, "height": 32, "width": 48, "num_inference_steps": 3, "guidance_scale": 5.0}
    draw = torch.Generator().manual_seed(7)
    theirs = backbone.pipe(
        "a red fox jumps", negative_prompt="", generator=draw, output_type="latent", **settings
    ).frames
    assert (done.takes[0].latents[None] - theirs).abs().max() < 1e-4


def test_a_pass_embeds_each_prompt_once():
    """On a CPU with two layers a second time was 15 % of a pass of the 1.3B's shape."""
    backbone, seen = random_wan(SHAPES["tiny"], FP32), []
    embedder = backbone.pipe.transformer.condition_embedder.text_embedder
    blocks, layout = _context(backbone, "independent", (5, 32, 48), 1)
    with embedder.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1])):
        backbone.predict(blocks, layout)
    assert sum(seen) == backbone.longest


def test_a_gpu_that_is_too_small_for_many_shots_is_said(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError

    backbone = random_wan(SHAPES["tiny"], FP32)
    monkeypatch.setattr(backbone, "remember", full)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    found = growth(backbone, (5, 32, 48), Asked(rounds=1, shots=2))
    assert found["lct-causal"][0] > 0
    assert found["lct-causal"][1] is None


def test_runs_are_measured_in_turns():
    order = []
    interleaved([lambda: order.append("a"), lambda: order.append("b")], 2, FP32)
    assert order == ["a", "b"] * 3


def test_a_cpu_is_asked_for_three_minutes_of_work():
    """Of passes over one shot; two cores without AMX multiply and add some 70e9 times a second."""
    from engine.bench import CLIP, FEW

    shape = replace(SHAPES["1.3B"], layers=FEW)
    asked, passes, methods = Asked(), 0, 4
    passes += 2 * (asked.rounds + 1)  # forward, ours and theirs
    passes += 2 * (asked.rounds + 1) * FEW * 2  # whole shots with guidance
    passes += methods * (asked.rounds + 1) * ((1 + 1) + (1 + FEW))  # one shot, and two, each beside one alone
    assert passes * sum(shape.flops(shape.clip(*CLIP).tokens)) / 70e9 < 120  # a minute is left for weights and memory


def test_the_bench_of_lct_tells_of_every_way_from_one_shot_on(tiny_pocket, capsys):
    from engine.bench import WAYS, lct

    lct(str(tiny_pocket), 1, 3)
    *lines, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    for shots in (1, 2, 3):
        assert set(found[f"{shots} shots"]) == set(WAYS) | {f"{way}, memory" for way in WAYS}
        assert all(value > 0 for value in found[f"{shots} shots"].values())
    assert [len(found["growth"][way]) for way in ("recomputed", "remembered")] == [3, 3]
    assert found["growth"]["straight"] <= 1
    assert found["recomputed to remembered"] > 0
    assert found["overhead"] > 0
    assert any(line.startswith("milliseconds of a step of the last of 1 to 3 shots") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--backbone", "nosuch"], "backbone is 'nosuch'"), (["lct", "--gpu"], "--gpu measures wan; leave lct out")],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert said in f"{ended.value} {capsys.readouterr().err}"


def test_without_a_gpu_it_says_so():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    code = [sys.executable, "-m", "engine.bench", "--gpu"]
    done = subprocess.run(code, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("--gpu needs a CUDA device")
