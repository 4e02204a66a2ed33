"""A folder that is no working pipeline is one clear sentence, before anything in it runs."""

import json
import shutil
import sys
from contextlib import nullcontext
from inspect import Parameter, signature
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_pipelines
import torch
from safetensors.torch import load_file, save_file

import engine
from engine import runtime
from engine.backbones.folders import identity
from engine.backbones.signatures import defaults_of
from engine.cli import main

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return tiny_pipelines.save("wan", tmp_path_factory.mktemp("folders") / "wan")


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "wan")


def refused(folder, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        engine.load(str(folder), device="cpu")
    assert "\n" not in str(caught.value)


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_whole_folder_loads(folder):
    assert engine.load(str(folder), device="cpu").name == "wan"


def test_another_pipeline(folder):
    edit(folder / "model_index.json", _class_name="FluxPipeline")
    refused(folder, "model_index.json is a FluxPipeline; the pipelines that work here: WanPipeline")


def test_no_pipeline_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path, "holds neither model_index.json .a diffusers pipeline. nor")


def test_a_damaged_index(folder):
    (folder / "model_index.json").write_text("{")
    refused(folder, "model_index.json is missing or damaged; download the pipeline folder again")


def test_a_wrong_component(folder):
    edit(folder / "model_index.json", vae=["diffusers", "AutoencoderKL"])
    refused(folder, "names AutoencoderKL as its vae; this backbone needs AutoencoderKLWan")


def test_a_missing_component(folder):
    (folder / "transformer").rename(folder / "away")
    refused(folder, "transformer is missing; download the pipeline folder again")


def test_a_missing_tokenizer_or_scheduler(folder):
    shutil.rmtree(folder / "scheduler")
    refused(folder, "scheduler is missing; download the pipeline folder again")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("transformer/config.json", "eps"),
        ("transformer/config.json", "num_layers"),
        ("vae/config.json", "latents_mean"),
        ("scheduler/scheduler_config.json", "flow_shift"),
    ],
)
@pytest.mark.parametrize("value", ["many", {}, ["many"], None])
def test_a_setting_of_a_wrong_type_is_said_with_its_file(folder, file, name, value):
    edit(folder / file, **{name: value})
    refused(folder, rf"{file} is damaged \({name} is .*, no (number|list)")
    assert engine.list_backbones(folder)[1].problem  # before anybody chooses it


@pytest.mark.parametrize("kind", tiny_pipelines.BUILDERS)
def test_the_source_of_diffusers_says_of_its_parts_what_they_say_themselves(kind):
    for part in tiny_pipelines.BUILDERS[kind](kind).components.values():
        if type(part).__module__.startswith("diffusers."):
            taken = signature(type(part).__init__).parameters.values()
            told = {one.name: one.default for one in taken if one.default is not Parameter.empty}
            assert defaults_of(type(part).__name__) == told


@pytest.mark.parametrize("name", ["Nobody", "", "UNet2DModel(ModelMixin, ConfigMixin", "../x"])
def test_a_part_that_diffusers_lacks_takes_nothing_that_is_known(name):
    assert defaults_of(name) == {}


@pytest.mark.parametrize("text", [None, "{", "5"])
def test_a_scheduler_that_says_nothing_is_listed_with_its_problem(folder, text):
    file = folder / "scheduler" / "scheduler_config.json"
    file.unlink() if text is None else file.write_text(text)
    (entry,) = engine.list_backbones(folder)[1:]
    assert f"{file} is " in entry.problem


@pytest.mark.parametrize(
    ("shard", "sentence"),
    [
        ("../x.safetensors", r"points at \.\./x\.safetensors, outside its folder; it is refused, use a trusted copy"),
        ("/etc/x.safetensors", "outside its folder"),
        ("gone.safetensors", r"gone\.safetensors is missing; download this shard"),
        ("code.bin", "code.bin, which is no safetensors file"),
    ],
)
def test_a_shard_that_is_missing_or_elsewhere(folder, shard, sentence):
    (folder / "transformer" / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    refused(folder, sentence)


def test_a_shard_that_leads_out_of_the_folder_through_a_link(folder, tmp_path):
    outside = tmp_path / "outside.safetensors"
    (folder / "transformer" / WEIGHTS).rename(outside)
    (folder / "transformer" / WEIGHTS).symlink_to(outside)
    engine.load(str(folder), device="cpu")  # download caches keep weights behind links: those are the owner's own
    (folder / "transformer" / WEIGHTS).unlink()
    (folder / "transformer" / WEIGHTS).symlink_to(tmp_path / "nowhere.safetensors")
    refused(folder, "is missing")


def test_pickled_weights(folder):
    weights = folder / "transformer" / WEIGHTS
    weights.rename(weights.with_suffix(".bin"))
    refused(folder, "transformer holds only pickled weights, which can run code; download the .safetensors files")


def test_damaged_weights(folder):
    (folder / "transformer" / WEIGHTS).write_bytes(b"not weights")
    refused(folder, "safetensors is damaged; download the pipeline folder again")


@pytest.mark.parametrize(
    "table",
    [
        '{"a": {"shape": [1], "data_offsets": [9, 1]}}',
        '{"a": {"shape": [1], "data_offsets": ["0", 4]}}',
        '{"a": 5}',
        '{"a": {"shape": "ab"}}',
        '{"a": {"shape": [-1]}}',
        '{"a": {}}',
        "[1]",
        "[" * 9999,
    ],
)
def test_weights_whose_table_is_a_trap(folder, table):
    head = len(table).to_bytes(8, "little") + table.encode()
    (folder / "transformer" / WEIGHTS).write_bytes(head)
    refused(folder, "safetensors is damaged; download the pipeline folder again")
    assert engine.list_backbones(folder)[1].problem


def test_weights_differ_by_one_tensor_in_the_middle_of_a_file(tmp_path):
    """Megabytes before and after it stay: a LoRA that was melted into one layer."""
    weights = {name: torch.zeros(600, 1_000) for name in ("a", "b", "c")}
    found = set()
    for middle in (0.0, 1.0):
        save_file(weights | {"b": weights["b"] + middle}, tmp_path / "model.safetensors")
        found |= {identity(tmp_path), identity(tmp_path)}
    assert len(found) == 2


def test_weights_are_told_apart_by_little_reading(tmp_path, monkeypatch):
    save_file({str(n): torch.zeros(100_000) for n in range(50)}, tmp_path / "model.safetensors")
    read, real = [], Path.open

    def counted(self, *mode):
        file = real(self, *mode)
        return SimpleNamespace(read=lambda size=-1: read.append(data := file.read(size)) or data, seek=file.seek)

    monkeypatch.setattr(Path, "open", lambda self, *mode: nullcontext(counted(self, *mode)))
    identity(tmp_path)
    assert sum(map(len, read)) < 0.02 * (tmp_path / "model.safetensors").stat().st_size


def test_weights_that_claim_a_table_longer_than_any(folder):
    (folder / "transformer" / WEIGHTS).write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    refused(folder, "safetensors is damaged; download the pipeline folder again")


def test_a_link_to_nowhere_beside_good_weights_is_one_folders_problem(folder):
    """Half a download leaves such links; the other models of the folder are still listed."""
    (folder / "transformer" / "more.safetensors").symlink_to(folder / "nowhere")
    refused(folder, r"more\.safetensors is damaged; download the pipeline folder again")
    assert "more.safetensors is damaged" in engine.list_backbones(folder)[1].problem


@pytest.mark.parametrize("name", ["image_encoder", "transformer_2"])
def test_an_entry_of_the_index_that_names_nothing_is_no_part(folder, name):
    edit(folder / "model_index.json", **{name: []})
    assert engine.list_backbones(folder)[1].problem is None


def test_errors_that_say_nothing_are_told_by_their_name(folder, monkeypatch):

    def full(*_, **__):
        raise MemoryError  # as Python itself says it

    monkeypatch.setattr("diffusers.WanPipeline.from_pretrained", full)
    refused(folder, r"can't be loaded as a WanPipeline \(MemoryError\)")


def test_a_place_for_weights_that_there_is_not(tiny_pocket, folder):
    for name in (tiny_pocket, folder):
        with pytest.raises(ValueError, match="offload is 'disk'; it is one of none, model, group"):
            engine.load(str(name), device="cpu", offload="disk")


def test_code_of_a_part_is_never_run(folder):
    (folder / "scheduler" / "mine.py").write_text("raise SystemExit('ran')\nclass Mine: pass")
    edit(folder / "model_index.json", scheduler=["mine", "Mine"])
    refused(folder, "wan")


def test_weights_that_are_not_all_there(folder):
    weights = folder / "transformer" / WEIGHTS
    kept = load_file(weights)
    kept.pop("proj_out.weight")
    save_file(kept, folder / "less", metadata={"format": "pt"})
    (folder / "less").replace(weights)
    refused(folder, "transformer lacks some of its weights; download the folder again")


def test_code_in_a_folder_is_never_run(folder):
    edit(folder / "model_index.json", _class_name=["pipeline", "MyPipeline"])
    (folder / "pipeline.py").write_text("raise SystemExit('ran')")
    refused(folder, "MyPipeline")


@pytest.fixture
def spelled(tmp_path):
    """CogVideoX with its tokenizer as its authors ship it."""
    folder = tiny_pipelines.save("cogvideox-2b", tmp_path / "cogvideox")
    for file in (folder / "tokenizer").iterdir():
        file.unlink()
    (folder / "tokenizer" / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer", "extra_ids": 0}')
    (folder / "tokenizer" / "spiece.model").write_bytes(b"")
    edit(folder / "model_index.json", tokenizer=["transformers", "T5Tokenizer"])
    return folder


def test_a_tokenizer_that_wants_a_package_names_it(spelled, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    refused(spelled, "tokenizer can't be read without sentencepiece; pip install sentencepiece")


def test_a_sentencepiece_tokenizer_is_read(spelled):
    pieces = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    words = iter(["a red fox jumps on the beach at night", "the fox waves and walks"] * 50)
    special = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "hard_vocab_limit": False, "minloglevel": 2}
    with (spelled / "tokenizer" / "spiece.model").open("wb") as file:
        pieces.SentencePieceTrainer.train(
            sentence_iterator=words, model_writer=file, model_type="char", vocab_size=27, **special
        )
    tokenizer = engine.load(str(spelled), device="cpu").pipe.tokenizer
    assert tokenizer.decode(tokenizer("a red fox").input_ids, skip_special_tokens=True) == "a red fox"


def test_a_lora_that_is_none(folder):
    file = folder / "causal" / "pytorch_lora_weights.safetensors"
    save_file({f"unet.{name}": weight for name, weight in load_file(file).items()}, folder / "other")
    (folder / "damaged").write_bytes(b"not weights")
    backbone = engine.load(str(folder), device="cpu")
    (folder / "damaged").replace(file)
    with pytest.raises(ValueError, match="is no LoRA for wan"):
        backbone.tuned("causal")
    (folder / "other").replace(file)
    with pytest.raises(ValueError, match="is no LoRA for wan"):
        backbone.tuned("causal")


def test_a_lora_for_one_of_two_experts(tmp_path):
    folder = tiny_pipelines.save("wan-a14b", tmp_path / "two")
    shutil.rmtree(folder / "causal" / "transformer_2")
    backbone = engine.load(str(folder), device="cpu")
    asked = engine.Scene(prompt="", shots=(engine.Shot(prompt="a fox", frames=1),), height=16, width=16)
    *_, before = engine.generate(asked, backbone, steps=2)
    with pytest.raises(ValueError, match=r"transformer_2.*is missing; it holds the LoRA of the transformer_2"):
        backbone.tuned("causal")
    *_, after = engine.generate(asked, backbone, steps=2)
    assert torch.equal(before.takes[0].latents, after.takes[0].latents)


def test_a_name_of_the_hub_is_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    refused("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", r"nothing is downloaded here, so fetch it first \(hf download NAME")
    assert not list(tmp_path.iterdir())


def test_too_little_memory(folder, monkeypatch):
    monkeypatch.setattr(runtime, "free_memory", lambda _: 1000)
    refused(folder, "of main memory and 0.0 GiB are free; close other programs or take a smaller model")


def test_a_full_disk_leaves_no_half_of_an_adopted_folder(whole, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diffusers.WanTransformer3DModel.save_pretrained", full)
    weights = tmp_path / "weights.safetensors"
    shutil.copy(whole / "transformer" / WEIGHTS, weights)
    words = ["--adopt", "echoshot", "--weights", str(weights), "--backbone", str(whole), "-o", str(tmp_path / "new")]
    assert main(words) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]
