"""Truths of the pocket transformer on a tiny real one."""

import pytest
import torch
from torch.nn.functional import gelu, layer_norm, rms_norm, scaled_dot_product_attention, silu

import engine
from engine.backbones.pocket_text import PocketTextEncoder, build_tokenizer, pad_ids
from engine.backbones.pocket_transformer import PocketTransformer
from engine.context import causal, isolated, joint, lay_out
from engine.methods import METHODS, Picture, Texts
from engine.samplers import denoise, noise_levels


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


@pytest.mark.parametrize(("method", "told"), [("independent", False), ("lct", True)])
def test_a_one_shot_scene_is_the_model_called_plainly(model, method, told):
    texts, pictures = scene(1)
    made = run(model, METHODS[method].blocks(texts, pictures, patch=2))[0]
    with torch.no_grad():
        plain = by_hand(model, pictures[0].latents, 0.2, texts.shots[0][0], texts.scene[0] if told else None)
    assert (made - plain).abs().max() < 1e-5 * plain.abs().max()


@pytest.mark.parametrize(("method", "told"), [("independent", False), ("lct", True)])
def test_a_film_of_one_shot_is_the_model_in_a_bare_sampler(plain, method, told):
    shot = engine.Shot(prompt="Character 1 jumps.", frames=9, seed=5)
    asked = engine.Scene(prompt="[Character] Character 1: a red fox.", shots=(shot,), height=32, width=48)
    *_, done = engine.generate(asked, plain, method=method, guidance=1, steps=4)
    text, above = plain.encode_text([f"[SHOT CUT] {shot.prompt}", asked.prompt])

    def velocity(samples, level):
        return {0: by_hand(plain.transformer, samples[0], level, text[0], above[0] if told else None)}

    start = torch.randn((1, 16, 3, 4, 6), generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        *_, (_, samples, _) = denoise({0: start}, velocity, noise_levels(4, shift=3.0))
    assert (done.takes[0].latents - samples[0][0]).abs().max() < 1e-5


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


def by_hand(model, latents, level, text, scene=None):
    """Velocity of one shot [1, C, t, h, w] by the definition: one sequence, one attention over all of it a layer.

    Its text [N, D] stands on the diagonal of (t, h, w), behind a scene's text and dummy where there is one; its
    pictures start where the text ended.
    """
    _, _, t, h, w = latents.shape
    opening = [] if scene is None else [model.text_in(scene), model.dummy[0]]
    before = sum(len(piece) for piece in opening)
    cells = torch.tensor([(i, j, k) for i in range(t) for j in range(h // 2) for k in range(w // 2)])
    patches = [latents[0, :, i, 2 * j : 2 * j + 2, 2 * k : 2 * k + 2].flatten() for i, j, k in cells.tolist()]
    pictures = model.patch_in(torch.stack(patches)) + model.place.linear(waves(cells, 32 ** -(torch.arange(8) / 7)))
    x = torch.cat([*opening, model.text_in(text), pictures])
    start = before + len(text)
    places = torch.cat([torch.arange(start)[:, None].expand(-1, 3), start + cells])
    is_text = torch.tensor([n < start and n != before - 1 for n in range(len(x))])[:, None]
    levels = torch.tensor([0.0] * before + [level] * (len(x) - before))[:, None]

    half = x.shape[1] // 2
    about = silu(model.noise.mlp(waves(1_000 * levels, 10_000 ** -(torch.arange(half) / half))))
    for layer in model.layers:
        x = through(layer, x, model.levels(about), turns(places, model.config.axes), is_text)
    drawn = modulated(x, *model.levels_out(about).chunk(2, dim=-1))[start:]

    def unpatched(tokens):
        return tokens.view(t, h // 2, w // 2, -1, 2, 2).permute(0, 1, 4, 2, 5, 3).reshape(t, h, w, -1)

    fine = torch.cat([latents[0].permute(1, 2, 3, 0), unpatched(model.detail.known(drawn))], dim=-1)
    velocity = unpatched(model.patch_out(drawn)) + model.detail.out(model.detail.mix(fine))
    return velocity.permute(3, 0, 1, 2)[None]


def through(layer, x, levels, turn, is_text):
    """A layer: one stream for all tokens, or one for text and one for the others."""

    def each(run):
        return torch.where(is_text, run(layer.streams[0]), run(layer.streams[-1]))

    def turned(part, weight):  # [L, D] to [H, L, D / H]
        normal = rms_norm(part.unflatten(-1, (heads, -1)), weight.shape[-1:], eps=1e-6) * weight[:, None]
        pairs = torch.complex(*normal.chunk(2, dim=-1)) * turn[:, None]
        return torch.cat([pairs.real, pairs.imag], dim=-1).transpose(0, 1)

    heads = layer.streams[0].heads
    table = (levels + each(lambda stream: stream.table.flatten())).chunk(6, dim=-1)
    q, k, v = each(lambda stream: stream.qkv(modulated(x, *table[:2]))).chunk(3, dim=-1)
    q, k = turned(q, each(lambda stream: stream.norm_q)), turned(k, each(lambda stream: stream.norm_k))
    seen = scaled_dot_product_attention(q, k, v.unflatten(-1, (heads, -1)).transpose(0, 1)).transpose(0, 1).flatten(1)
    x = x + table[2] * each(lambda stream: stream.out(seen))
    fed = modulated(x, *table[3:5])
    return x + table[5] * each(lambda stream: stream.down(gelu(stream.up(fed))))


def modulated(x, shift, scale):
    return layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def waves(values, rates):
    """Cosines, then sines, of values [L, n] at every rate."""
    angle = (values[..., None] * rates).flatten(1)
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def turns(places, axes):
    """Complex numbers [L, D / 2H] on the unit circle."""
    angle = [places[:, i, None] * 1_000 ** -(torch.arange(0, n, 2) / n) for i, n in enumerate(axes)]
    return torch.exp(1j * torch.cat(angle, dim=-1))
