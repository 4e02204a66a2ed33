"""Wan under our context, on tiny random pipelines of diffusers' own classes, saved as real folders."""

import json
import shutil

import pytest
import torch

import engine
from engine.context import isolated, lay_out, picture, text
from engine.runtime import Runtime
from engine.video import read_video, write_mp4

FP32 = Runtime(device=torch.device("cpu"), dtype=torch.float32, reason="test")
WORDS = ["<pad>", "</s>", "<unk>", *"a red fox jumps waves on the beach at night".split()]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    signs = dict(zip(("pad_token", "eos_token", "unk_token"), WORDS, strict=False))
    return PreTrainedTokenizerFast(tokenizer_object=raw, **signs)


@pytest.fixture(scope="module", params=["unipc", "euler", "experts"])
def folder(request, tmp_path_factory):
    import diffusers
    from transformers import UMT5Config, UMT5EncoderModel

    two = request.param == "experts"
    shape = {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 32, "freq_dim": 32, "ffn_dim": 32}
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models = [diffusers.WanTransformer3DModel(num_layers=2, **shape) for _ in range(2)]
        encoder = UMT5EncoderModel(UMT5Config(vocab_size=len(WORDS), **sizes))
        vae = diffusers.AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
    if request.param == "euler":
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    else:
        scheduler = diffusers.UniPCMultistepScheduler(num_train_timesteps=1000, **flow)
    pipe = diffusers.WanPipeline(
        tokenizer=tokenizer(),
        text_encoder=encoder,
        vae=vae,
        scheduler=scheduler,
        transformer=models[0],
        transformer_2=models[1] if two else None,
        boundary_ratio=0.8 if two else None,
    )
    path = tmp_path_factory.mktemp("wan") / request.param
    pipe.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def backbone(folder):
    from engine.backbones.wan import WanBackbone

    return WanBackbone.from_folder(folder, runtime=FP32)


def scene(*prompts):
    shots = tuple(engine.Shot(prompt=prompt, frames=5, cut=False, seed=7 + k) for k, prompt in enumerate(prompts))
    return engine.Scene(prompt="the beach at night", shots=shots, height=32, width=48)


def context(*levels, seed=0):
    draw = torch.Generator().manual_seed(seed)
    blocks = []
    for k, level in enumerate(levels):
        noise, latents = torch.tensor([level]), torch.randn(1, 16, 2 + k, 4, 6, generator=draw)
        blocks.append(text(torch.randn(1, 8, 32, generator=draw), shot=k, noise=noise))
        blocks.append(picture(latents, shot=k, noise=noise, patch=2))
    return blocks


def test_one_shot_is_the_pipelines_own(folder, backbone):
    from diffusers import WanPipeline

    plain = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    plain.set_progress_bar_config(disable=True)
    settings = {"height": 32, "width": 48, "num_frames": 5, "num_inference_steps": 6, "guidance_scale": 4.0}
    draw = torch.Generator().manual_seed(7)
    theirs = plain("a red fox jumps", "", generator=draw, output_type="latent", **settings).frames
    events = list(engine.generate(scene("a red fox jumps"), backbone, method="independent", steps=6, guidance=4.0))
    ours = events[-1].takes[0].latents[None]
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1e-4


def test_isolated_shots_equal_separate_runs(backbone):
    blocks = context(0.9, 0.85)
    packed = backbone.predict(blocks, lay_out(blocks, rule=isolated, crossed=True))
    for k in range(2):
        alone = blocks[2 * k : 2 * k + 2]
        (expected,) = backbone.predict(alone, lay_out(alone, crossed=True))
        assert (packed[k] - expected).abs().max() < 1e-4


def test_shots_see_each_other_and_only_their_own_prompt(backbone):
    def first(blocks, **rule):
        return backbone.predict(blocks, lay_out(blocks, crossed=True, **rule))[0]

    blocks, other = context(0.9, 0.9), context(0.9, 0.9, seed=1)
    assert not torch.allclose(first(blocks), first([*blocks[:3], other[3]]))
    told = [*blocks[:2], other[2], blocks[3]]
    assert torch.equal(first(blocks, rule=isolated), first(told, rule=isolated))


def test_two_shots_to_a_film(backbone, tmp_path):
    events = list(engine.generate(scene("a fox jumps", "a fox waves"), backbone, steps=2, guidance=2.0))
    film = torch.cat([take.frames for take in events[-1].takes])
    assert read_video(write_mp4(tmp_path / "film.mp4", film, scale=1)).shape == (10, 32, 48, 3)


def test_bad_folders_are_one_sentence(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = next((copy / "transformer").glob("*.safetensors"))
    index = copy / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    for shard, sentence in (("../x.safetensors", "outside its folder"), ("gone.safetensors", r"gone.* is missing")):
        index.write_text(json.dumps({"weight_map": {"a": shard}}))
        refused(copy, sentence)
    index.unlink()
    weights.rename(weights.with_suffix(".bin"))
    refused(copy, "pickled")
    (copy / "transformer").rename(copy / "away")
    refused(copy, "transformer is missing")
    (copy / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    refused(copy, "is a FluxPipeline")


def refused(folder, sentence):
    with pytest.raises(ValueError, match=sentence):
        engine.load(str(folder), device="cpu")
