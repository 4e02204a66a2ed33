"""Truths of the context layer on tiny real tensors."""

import inspect
from dataclasses import replace
from functools import partial

import pytest
import torch

from engine.context import (
    ECHOSHOT,
    GLOBAL,
    SHOTSTREAM,
    attend,
    attend_dense,
    both,
    causal,
    choose_attention,
    diagonal,
    dummy,
    isolated,
    joint,
    jumping,
    lay_out,
    phased,
    picture,
    rotate,
    rotation,
    shared,
    text,
)
from engine.context.attend import attend_by_blocks
from engine.context.kernels import attend_flex, attend_packed, block_mask


def scene(batch=2, shots=3, lengths=False):
    """A global pair and three shots with prompts of different lengths."""
    clean = torch.zeros(batch)
    blocks = [text(torch.randn(batch, 4, 8), shot=GLOBAL, noise=clean), dummy(clean)]
    for shot in range(shots):
        level = torch.rand(batch)
        true = torch.tensor([2, 3 + shot]) if lengths else None
        blocks.append(text(torch.randn(batch, 3 + shot, 8), shot=shot, noise=level, lengths=true))
        blocks.append(picture(torch.randn(batch, 4, 2, 4, 6), shot=shot, noise=level, patch=2))
    return blocks


def apart(query, key):
    """Blocks that are seen do not stand beside each other."""
    return key.shot in (query.shot, 0)


def heads(blocks, seed=0):
    length = sum(block.tokens for block in blocks)
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 2, length, 8, generator=draw, requires_grad=True) for _ in range(3)]


def test_positions_walk_the_diagonal_and_never_meet():
    blocks = scene()
    layout = lay_out(blocks)
    first_text, first_dummy = layout.positions[0, layout.spans[0]], layout.positions[0, layout.spans[1]]
    assert first_text.tolist() == [[i, i, i] for i in range(4)]
    assert first_dummy.tolist() == [[4, 4, 4]]
    assert layout.positions[0, layout.spans[2]][0].tolist() == [5, 5, 5]
    video = layout.positions[0, layout.spans[3]]
    assert video[0].tolist() == [8, 8, 8]
    assert video[-1].tolist() == [9, 9, 10]
    assert layout.positions[0, layout.spans[4]][0].tolist() == [11, 11, 11]
    rows = [tuple(p) for p in layout.positions[0].tolist()]
    assert len(set(rows)) == len(rows)


def test_relative_positions_inside_a_shot_do_not_depend_on_where_it_stands():
    blocks = scene()
    positions = diagonal(blocks).split([b.tokens for b in blocks], dim=1)
    alone = diagonal(blocks[4:6])
    together = torch.cat(positions[4:6], dim=1)
    assert torch.equal(together - together[:, :1], alone)


def test_shared_places_every_shot_alike():
    blocks = scene()
    positions = shared(blocks).split([b.tokens for b in blocks], dim=1)
    assert all(torch.equal(positions[i][:, 0], positions[2][:, 0]) for i in (2, 4, 6))


def test_one_clock_jumps_at_every_cut():
    blocks = scene()
    positions = jumping(ECHOSHOT)(blocks).split([b.tokens for b in blocks], dim=1)
    starts = [positions[i][0, 0, 0].item() for i in (3, 5, 7)]
    ends = [positions[i][0, -1, 0].item() for i in (3, 5, 7)]
    assert [start - end for start, end in zip(starts[1:], ends, strict=False)] == [1 + ECHOSHOT] * 2
    assert all(torch.equal(positions[i][..., 1:], positions[3][..., 1:]) for i in (5, 7))


def test_a_phase_turns_a_shot_in_time_and_in_nothing_else():
    blocks = [b for b in scene() if b.kind == "noisy"]
    layout = lay_out(blocks, place=phased(SHOTSTREAM))
    cos, _ = rotation(layout.positions, (4, 4, 4), theta=100.0)
    plain, _ = rotation(layout.positions[..., :3], (4, 4, 4), theta=100.0)
    turned = cos[:, 0, layout.spans[2]].acos() - plain[:, 0, layout.spans[2]].acos()
    assert torch.equal(cos[:, 0, layout.spans[0]], plain[:, 0, layout.spans[0]])
    assert torch.equal(cos[..., 2:], plain[..., 2:])
    slow = turned[..., 1]  # a rate so low that acos stays on its first branch
    assert torch.allclose(slow, torch.full_like(slow, 2 * SHOTSTREAM), atol=1e-4)


@pytest.mark.parametrize("asking", [1, 3, 5])
@pytest.mark.parametrize("rule", [joint, causal])
def test_the_last_blocks_may_ask_alone(rule, asking):
    blocks = scene()
    layout = lay_out(blocks, rule=rule)
    q, k, v = heads(blocks)
    tail = layout.spans[-asking].start
    for run in (attend, attend_dense):
        whole, alone = run(q, k, v, layout), run(q[:, :, tail:], k, v, layout)
        assert torch.allclose(whole[:, :, tail:], alone, atol=1e-6)


@pytest.mark.parametrize("rule", [joint, causal, isolated, both(causal, isolated)])
@pytest.mark.parametrize("lengths", [False, True])
def test_attention_by_blocks_equals_the_dense_oracle(rule, lengths):
    blocks = scene(lengths=lengths)
    layout = lay_out(blocks, rule=rule)
    keep = torch.ones(2, layout.positions.shape[1], dtype=torch.bool) if layout.keep is None else layout.keep
    grads = []
    for run in (attend, attend_dense):
        q, k, v = heads(blocks)
        out = run(q, k, v, layout) * keep[:, None, :, None]
        out.square().sum().backward()
        grads.append((out.detach(), q.grad, k.grad, v.grad))
    for fast, slow in zip(*grads, strict=True):
        assert torch.allclose(fast, slow, atol=1e-5)


def varlen(q, k, v, starts, told, *_):
    """What FlashAttention computes of packed tokens [N, H, D], one sequence after the other."""
    out = []
    for i in range(len(starts) - 1):
        parts = [x[a[i] : a[i + 1]].transpose(0, 1) for x, a in ((q, starts), (k, told), (v, told))]
        out.append(torch.nn.functional.scaled_dot_product_attention(*parts).transpose(0, 1))
    return torch.cat(out)


@pytest.mark.parametrize("rule", [joint, causal, isolated, apart], ids=["joint", "causal", "isolated", "apart"])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("asking", [8, 4])
@pytest.mark.parametrize("way", ["varlen", "flex"])
def test_what_runs_on_a_gpu_equals_blocks(rule, lengths, asking, way):
    blocks = scene(lengths=lengths)
    layout = lay_out(blocks, rule=rule)
    tail = layout.spans[-asking].start
    keep = torch.ones(2, layout.positions.shape[1], dtype=torch.bool) if layout.keep is None else layout.keep
    results = []
    for run in (attend_by_blocks, partial(attend_packed, kernel=varlen) if way == "varlen" else attend_flex):
        q, k, v = heads(blocks)
        if way == "flex":  # which has no gradients on a CPU
            q, k, v = (x.detach() for x in (q, k, v))
        out = run(q[:, :, tail:], k, v, layout) * keep[:, None, tail:, None]
        if way == "varlen":
            out.square().sum().backward()
        results.append([x for x in (out.detach(), q.grad, k.grad, v.grad) if x is not None])
    for one, two in zip(*results, strict=True):
        assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("rule", [causal, isolated, apart], ids=["causal", "isolated", "apart"])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("ask", ["all", "last shot"])
def test_flex_skips_and_takes_whole_the_tiles_that_torch_would(rule, lengths, ask):
    """Over several tiles, whose borders are not those of the shots, and never by way of the dense mask."""
    from torch.nn.attention.flex_attention import create_block_mask

    level = torch.zeros(2)
    blocks = []
    for shot, (words, frames) in enumerate(((130, 9), (7, 1), (60, 7))):
        true = torch.tensor([words, words - 5]) if lengths else None
        blocks.append(text(torch.zeros(2, words, 8), shot=shot, noise=level, lengths=true))
        blocks.append(picture(torch.zeros(2, 4, frames, 12, 20), shot=shot, noise=level, patch=2))
    layout = lay_out(blocks, rule=rule)
    before = 0 if ask == "all" else layout.spans[4].start
    found = block_mask(layout, 2, before, torch.device("cpu"))
    length = layout.spans[-1].stop
    expected = create_block_mask(found.mask_mod, 2, None, length - before, length, device="cpu")
    assert found.shape == expected.shape
    assert torch.equal(found.to_dense(), expected.to_dense())
    for name in ("kv_num_blocks", "full_kv_num_blocks", "q_num_blocks", "full_q_num_blocks"):
        assert torch.equal(getattr(found, name), getattr(expected, name))
    assert found.full_kv_num_blocks.sum() > 0
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 1, length, 16, generator=draw) for _ in range(3))
    q = q[:, :, before:]
    keep = 1 if layout.keep is None else layout.keep[:, None, before:, None]
    flexed, plainly = (run(q, k, v, layout) * keep for run in (attend_flex, attend_by_blocks))
    assert torch.allclose(flexed, plainly, atol=1e-5)


def test_a_layout_is_read_once_for_all_layers():
    blocks = scene()
    layout = lay_out(blocks, rule=causal)
    q, k, v = (x.detach() for x in heads(blocks))
    made = [attend_packed(q, k, v, layout, kernel=varlen) for _ in range(2)]
    assert torch.equal(*made)
    assert len(layout._kept) == 1


@pytest.fixture
def gpu(monkeypatch):
    """A GPU, as far as the choice asks for one."""
    choose_attention.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr("engine.context.kernels.find_spec", lambda _: True)
    yield torch.device("cuda")
    choose_attention.cache_clear()


def test_attention_is_chosen_with_its_reason(gpu):
    chosen = choose_attention(torch.device("cpu"), torch.bfloat16, 64)
    assert chosen.way == "blocks"
    assert "cpu" in chosen.reason
    assert choose_attention(gpu, torch.bfloat16, 128).way == "varlen"
    assert choose_attention(gpu, torch.float32, 128).way == "flex"
    for odd in (12, 8, 320):
        assert choose_attention(gpu, torch.bfloat16, odd).way == "blocks"


def test_the_kernel_of_a_gpu_is_called_as_torch_declares_it():
    from torch.nn.attention.varlen import varlen_attn

    inspect.signature(varlen_attn).bind(*range(7))  # q, k, v, where each begins, and the longest of both


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("rule", [causal, isolated, apart], ids=["causal", "isolated", "apart"])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("asking", [8, 4])
@pytest.mark.parametrize("way", ["varlen", "flex"])
def test_on_a_gpu_all_ways_agree(rule, lengths, asking, way):
    blocks = [on_gpu(block) for block in scene(lengths=lengths)]
    layout = lay_out(blocks, rule=rule)
    tail = layout.spans[-asking].start
    q, k, v = (torch.randn(2, 2, layout.spans[-1].stop, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    keep = 1 if layout.keep is None else layout.keep[:, None, tail:, None]
    one, two = (attend(q[:, :, tail:], k, v, layout, name) * keep for name in (way, "blocks"))
    assert torch.allclose(one, two, atol=2e-2)


def on_gpu(block):
    parts = {name: getattr(block, name) for name in ("data", "noise", "lengths")}
    return replace(block, **{name: part.cuda() for name, part in parts.items() if part is not None})


def test_under_the_causal_rule_later_shots_leave_earlier_ones_bit_identical():
    blocks = scene()
    layout = lay_out(blocks, rule=causal)
    q, k, v = (x.detach() for x in heads(blocks))
    before = attend(q, k, v, layout)
    last = layout.spans[6].start
    for x in (q, k, v):
        x[:, :, last:] += 1
    after = attend(q, k, v, layout)
    assert torch.equal(before[:, :, :last], after[:, :, :last])
    assert not torch.equal(before[:, :, last:], after[:, :, last:])


def test_padding_is_never_seen():
    blocks = scene(lengths=True)
    layout = lay_out(blocks)
    q, k, v = (x.detach() for x in heads(blocks))
    before = attend(q, k, v, layout)
    hidden = ~layout.keep[:, None, :, None]
    after = attend(q, k + 9 * hidden, v + 9 * hidden, layout)
    assert torch.allclose(before, after, atol=1e-6)


def test_rotation_sees_only_differences():
    positions = torch.randint(0, 50, (1, 6, 3))
    q, k = torch.randn(1, 1, 6, 16), torch.randn(1, 1, 6, 16)
    scores = []
    for offset in (0, 17):
        turn = rotation(positions + offset, (4, 6, 6), theta=1000.0)
        scores.append(rotate(q, turn) @ rotate(k, turn).transpose(-1, -2))
    assert torch.allclose(*scores, atol=1e-4)
