"""Real parts at the smallest size."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # tests run side by side: a thread for each, and for what it starts
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test leaves anything in the caches of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_pocket(tmp_path_factory):
    """A folder with a pocket backbone of random weights: every real part, small enough for a film in a second."""
    from peft import LoraConfig

    from engine.backbones.pocket_codec import PocketCodec
    from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer
    from engine.backbones.pocket_transformer import PocketTransformer
    from engine.world.caption import vocabulary

    folder = tmp_path_factory.mktemp("tiny") / "pocket"
    tokenizer = build_tokenizer(vocabulary())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = {
            "codec": PocketCodec(widths=(16, 32, 32), encoder=(1, 1, 1), decoder=(1, 1, 1)),
            "text_encoder": PocketTextEncoder(vocabulary=tokenizer.get_vocab_size(), width=32, heads=2, depth=1),
            "transformer": PocketTransformer(
                width=32, heads=1, depth=2, dual=1, text_width=32, axes=(8, 12, 12), cells=24
            ),
        }
        for weight in parts["transformer"].parameters():
            torch.nn.init.normal_(weight, std=0.1)  # a fresh one predicts zero and would hide its context
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    parts["transformer"].add_adapter(LoraConfig(r=2, target_modules=["qkv"], init_lora_weights=False), "causal")
    parts["transformer"].save_lora_adapter(folder / "causal", "causal")
    (folder / "tokenizer").mkdir()
    tokenizer.save(str(folder / "tokenizer" / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def plain(tiny_pocket):
    """The tiny backbone in float32, wherever this runs."""
    from tiny_pipelines import load_plain

    return load_plain(tiny_pocket)
