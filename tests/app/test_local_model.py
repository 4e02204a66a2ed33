"""The splitter by a transformers model on this machine: a tiny one whose every token is followed by the next."""

import threading
import time

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engine import Cancelled, CancelToken
from studio.drafts import Asked, finished
from studio.settings import Settings
from studio.splitter import Model, Rules, choose_splitter

ASKED = Asked(story="A red fox walks on the beach. It jumps. It waves.", shots=3)
ANSWER = (
    '{"prompt": "[Story] A fox.", "shots": [',
    '{"prompt": "One."}',
    ', {"prompt": "Two."}',
    ', {"prompt": "Three."}',
    "]}",
)
TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% endfor %}{% if add_generation_prompt %}<ask>{% endif %}"
)


def save(folder, *, endless=False, untrained=False, length=4096):
    """A Llama without attention that says ANSWER after <ask>: embedding k is followed by embedding k + 1."""
    words = ["<unk>", "<ask>", *ANSWER, "<eos>"]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    special = {"unk_token": "<unk>", "eos_token": "<eos>", "additional_special_tokens": ["<ask>"]}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=length, **special)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(vocab_size=len(words), eos_token_id=len(words) - 1, bos_token_id=None, **sizes)
        )
    if not untrained:
        following = torch.arange(len(words)).roll(-1)
        if endless:
            following[len(words) - 3] = len(words) - 3
        with torch.no_grad():
            for weight in (model.model.layers[0].self_attn.o_proj.weight, model.model.layers[0].mlp.down_proj.weight):
                weight.zero_()
            model.model.embed_tokens.weight.copy_(torch.eye(len(words), 16))
            model.lm_head.weight.zero_()
            model.lm_head.weight[following] = torch.eye(len(words), 16)
    model.save_pretrained(folder)
    return choose_splitter(Settings(llm_local=str(folder)))


def test_a_model_in_a_folder_splits_shot_by_shot(tmp_path):
    *partial, draft = save(tmp_path).drafts(ASKED)
    assert [shot.prompt for shot in draft.shots] == ["One.", "Two.", "Three."]
    assert (draft.prompt, draft.note) == ("[Story] A fox.", "")
    assert [sum(shot is not None for shot in one.shots) for one in partial][:3] == [0, 1, 2]


def test_an_untrained_model_leaves_it_to_the_rules(tmp_path):
    draft = finished(save(tmp_path, untrained=True, length=600).drafts(ASKED))
    assert draft.shots == finished(Rules().drafts(ASKED)).shots
    assert draft.note == "The language model gave no shot list; the shots were split by rules."


def test_cancel_stops_a_model_that_does_not_end(tmp_path):
    cancel = CancelToken()
    drafts = save(tmp_path, endless=True, length=10**6).drafts(ASKED, cancel=cancel)
    next(drafts), next(drafts)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(drafts)
    until = time.monotonic() + 10
    while any(thread.name == "splitter" for thread in threading.enumerate()):
        assert time.monotonic() < until, "the model still writes"
        time.sleep(0.02)


def test_a_story_too_long_for_the_model_is_said(tmp_path):
    draft = finished(save(tmp_path, length=50).drafts(ASKED))
    assert draft.note == f"The story is too long for the language model {tmp_path}; the shots were split by rules."


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(None, "there is no such model on this machine"), ("model.safetensors", "it can't be read (")],
)
def test_a_model_that_is_missing_or_damaged_is_said_and_nothing_is_downloaded(tmp_path, damage, sentence):
    save(tmp_path)
    if damage:
        (tmp_path / damage).write_bytes(b"not weights")
    name = str(tmp_path) if damage else "nobody/no-such-model"
    draft = finished(choose_splitter(Settings(llm_local=name)).drafts(ASKED))
    assert draft.shots == finished(Rules().drafts(ASKED)).shots
    assert sentence in draft.note
    assert name in draft.note


def test_an_endpoint_goes_before_a_local_model():
    both = choose_splitter(Settings(llm_base_url="http://127.0.0.1:9/v1", llm_local="x"))
    assert isinstance(both, Model)
    assert type(both._writer).__name__ == "Endpoint"
