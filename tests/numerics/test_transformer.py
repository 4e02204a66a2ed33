"""Truths of the pocket transformer on a tiny real one."""

import pytest
import torch

from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer, pad_ids
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import causal, isolated, joint, lay_out
from engine.methods import METHODS, Picture, Texts


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    tiny = PocketTransformer(width=32, heads=2, depth=3, dual=1, text_width=16, axes=(4, 6, 6)).eval()
    for parameter in tiny.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return tiny


def scene(shots=3, rows=1):
    draw = torch.Generator().manual_seed(1)
    features = [torch.randn(rows, 3 + s, 16, generator=draw) for s in range(shots + 1)]
    pictures = {
        s: Picture(latents=torch.randn(rows, 16, 2, 4, 4, generator=draw), level=0.2 + 0.2 * s) for s in range(shots)
    }
    return Texts(scene=features[0], shots=tuple(features[1:])), pictures


def run(model, blocks, rule=joint):
    with torch.no_grad():
        return model(blocks, lay_out(blocks, rule=rule))[0]


def test_a_one_shot_scene_without_a_scene_prompt_is_the_model_called_plainly(model):
    texts, pictures = scene(1)
    blocks = METHODS["independent"].blocks(texts, pictures, patch=2)
    plain = METHODS["lct"].blocks(texts, pictures, patch=2)[2:]
    assert torch.equal(run(model, blocks)[0], run(model, plain)[0])


def test_predictions_have_the_latents_shape_and_only_pictures_get_one(model):
    texts, pictures = scene()
    out = run(model, METHODS["lct"].blocks(texts, pictures, patch=2))
    assert [v.shape for v in out] == [p.latents.shape for p in pictures.values()]


def test_under_the_causal_rule_editing_shot_three_leaves_shots_one_and_two_bit_identical(model):
    texts, pictures = scene()
    before = run(model, METHODS["lct"].blocks(texts, pictures, patch=2), causal)
    pictures[2] = Picture(latents=pictures[2].latents + 1, level=0.9)
    after = run(model, METHODS["lct"].blocks(texts, pictures, patch=2), causal)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[2], after[2])


def test_under_isolation_packed_shots_equal_separate_runs(model):
    texts, pictures = scene()
    blocks = [b for b in METHODS["lct"].blocks(texts, pictures, patch=2) if b.shot >= 0]
    packed = run(model, blocks, isolated)
    for s in pictures:
        alone = run(model, [b for b in blocks if b.shot == s])
        assert torch.allclose(packed[s], alone[0], atol=1e-4)


def test_memory_gives_the_outputs_and_gradients_of_computing_again(model):
    texts, pictures = scene()
    features = texts.scene.requires_grad_()
    blocks = METHODS["lct-causal"].blocks(texts, pictures, patch=2)
    layout = lay_out(blocks, rule=causal)
    last = next(i for i, block in enumerate(blocks) if block.shot == 2)
    whole = model(blocks, layout)[0][-1]
    past = model.remember(blocks[:last], layout.leading(last))
    remembered = model(blocks[last:], layout, past=past)[0][-1]
    assert torch.allclose(whole, remembered, atol=1e-5)
    weights = [features, *model.layers.parameters()]
    pairs = zip(*(torch.autograd.grad(v.square().mean(), weights) for v in (whole, remembered)), strict=True)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in pairs)
    assert torch.autograd.grad(model(blocks, layout)[0][-1].sum(), features)[0].abs().sum() > 0


def test_joint_shots_do_see_each_other(model):
    texts, pictures = scene()
    before = run(model, METHODS["lct"].blocks(texts, pictures, patch=2))
    pictures[2] = Picture(latents=pictures[2].latents + 1, level=pictures[2].level)
    after = run(model, METHODS["lct"].blocks(texts, pictures, patch=2))
    assert not torch.allclose(before[0], after[0])


def test_equal_levels_as_one_run_or_as_many_give_the_same(model):
    texts, pictures = scene()
    same = {s: Picture(latents=p.latents, level=torch.full((1,), 0.5)) for s, p in pictures.items()}
    shared = torch.full((1,), 0.5)
    once = {s: Picture(latents=p.latents, level=shared) for s, p in pictures.items()}
    one, two = (run(model, METHODS["lct"].blocks(texts, p, patch=2)) for p in (same, once))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one, two, strict=True))


def test_padding_a_prompt_changes_nothing(model):
    texts, pictures = scene(1)
    blocks = METHODS["lct"].blocks(texts, pictures, patch=2)
    longer = torch.cat([texts.shots[0], torch.randn(1, 5, 16)], dim=1)
    lengths = torch.tensor([[3], [4]])
    padded = Texts(scene=texts.scene, shots=(longer,), lengths=lengths)
    wide = METHODS["lct"].blocks(padded, pictures, patch=2)
    assert torch.allclose(run(model, blocks)[0], run(model, wide)[0], atol=1e-4)


def test_words_tags_and_unknown_words():
    tokenizer = build_tokenizer(["a", "red", "fox", "[shot cut]", "."])
    assert tokenizer.encode("[SHOT CUT] A red fox.").tokens == ["<start>", "[shot cut]", "a", "red", "fox", "."]
    assert tokenizer.encode("A 🦊 zebra").tokens == ["<start>", "a", "<unk>"]
    assert tokenizer.encode("").tokens == ["<start>"]


def test_the_text_encoder_ignores_padding():
    encoder = PocketTextEncoder(vocabulary=20, width=16, heads=2).eval()
    rows = [[1, 5, 6], [1, 5, 6, 7, 8]]
    ids, lengths = pad_ids(rows)
    with torch.no_grad():
        assert torch.allclose(encoder(ids, lengths)[0, :3], encoder(torch.tensor(rows[:1]))[0], atol=1e-5)
