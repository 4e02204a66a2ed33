"""Prompts of the big models are encoded once, and what goes wrong with the disk costs no film."""

import pytest
import tiny_pipelines
import torch

import engine
from engine.backbones import prompts
from engine.backbones.prompts import PromptCache


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return PromptCache("an encoder")


def counted(calls, seed=0):
    def encode(prompt):
        calls.append(prompt)
        return torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(seed)).to(torch.bfloat16)

    return encode


def test_a_prompt_is_encoded_once_to_the_bit(cache):
    calls = []
    one, two = (cache("a fox 🦊", counted(calls)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.dtype == two.dtype
    assert calls == ["a fox 🦊"]
    cache("another", counted(calls))
    PromptCache("another encoder")("a fox 🦊", counted(calls))
    assert len(calls) == 3


@pytest.mark.parametrize("damage", [b"", b"not tensors"])
def test_a_damaged_file_is_made_again(cache, damage):
    calls = []
    cache("a fox", counted(calls))
    (file,) = prompts.folder().iterdir()
    file.write_bytes(damage)
    cache("a fox", counted(calls))
    cache("a fox", counted(calls))
    assert len(calls) == 2


def test_a_disk_that_takes_nothing_costs_only_the_time(cache, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    calls = []
    assert cache("a fox", counted(calls)).shape == (1, 4, 8)
    assert cache("a fox", counted(calls)).shape == (1, 4, 8)
    assert len(calls) == 2


def test_the_least_recently_used_make_room(cache, monkeypatch):
    calls = []
    cache("one", counted(calls))
    (file,) = prompts.folder().iterdir()
    monkeypatch.setattr(prompts, "LIMIT", 2 * file.stat().st_size)
    cache("two", counted(calls))
    cache("one", counted(calls))
    cache("three", counted(calls))
    assert len(list(prompts.folder().iterdir())) == 2
    cache("one", counted(calls))
    assert calls == ["one", "two", "three"]


def test_what_is_kept_is_weighed_and_forgotten(cache):
    calls = []
    assert engine.kept_prompts() == 0
    cache("one", counted(calls))
    cache("two", counted(calls))
    assert engine.kept_prompts() == sum(file.stat().st_size for file in prompts.folder().iterdir()) > 0
    engine.forget_prompts()
    assert engine.kept_prompts() == 0
    cache("one", counted(calls))
    assert calls == ["one", "two", "one"]


@pytest.mark.parametrize("kind", ["wan", "cogvideox-2b", "hunyuanvideo"])
def test_a_second_film_needs_no_text_encoder(kind, cache, tmp_path, monkeypatch):
    folder = str(tiny_pipelines.save(kind, tmp_path / kind))
    asked = engine.Scene(prompt="night", shots=(engine.Shot(prompt="a fox", frames=1),), height=32, width=32)
    films = []
    for _ in range(2):
        backbone = engine.load(folder, device="cpu")
        *_, done = engine.generate(asked, backbone, steps=1)
        films.append(done.takes[0].latents)
        monkeypatch.setattr(type(backbone.pipe), "encode_prompt", None)
    assert torch.equal(*films)


def test_what_reads_a_prompt_is_told_apart_and_nothing_else(cache, tmp_path):
    """Another tokenizer or encoder reads anew; another transformer, or a LoRA on it, reads the same."""
    folder = tiny_pipelines.save("wan", tmp_path / "wan")
    first = engine.load(str(folder), device="cpu")
    first.encode_text(["a fox"])
    assert len(list(prompts.folder().iterdir())) == 1
    first.tuned("causal").encode_text(["a fox"])
    (folder / "transformer" / "config.json").write_text((folder / "transformer" / "config.json").read_text() + "\n")
    engine.load(str(folder), device="cpu").encode_text(["a fox"])
    assert len(list(prompts.folder().iterdir())) == 1
    for part, name in (("tokenizer", "tokenizer.json"), ("text_encoder", "config.json")):
        file = folder / part / name
        file.write_text(file.read_text() + "\n")
        engine.load(str(folder), device="cpu").encode_text(["a fox"])
    assert len(list(prompts.folder().iterdir())) == 3


@pytest.mark.parametrize("kind", ["wan", "hunyuanvideo"])
def test_the_mark_of_a_cut_is_for_weights_that_learned_it(kind, cache, tmp_path):
    plain = engine.load(str(tiny_pipelines.save(kind, tmp_path / kind)), device="cpu")
    tuned = plain.tuned("causal")
    for read in ("encode_text", "pool_text"):
        marked, bare = (getattr(plain, read)([words])[0] for words in ("[SHOT CUT] a fox", "a fox"))
        assert marked is bare is None or torch.equal(marked, bare)
    assert plain.text_tokens("[SHOT CUT] a fox") == plain.text_tokens("a fox")
    marked, bare = (tuned.encode_text([words])[0] for words in ("[SHOT CUT] a fox", "a fox"))
    assert marked.shape != bare.shape or not torch.equal(marked, bare)
