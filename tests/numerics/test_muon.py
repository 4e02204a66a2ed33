"""Muon against torch's own, and what it promises of singular values."""

import pytest
import torch

from engine.training.muon import Muon, orthogonal

SHAPES = [(64, 64), (64, 192), (192, 64), (64, 64)]


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon since 2.9")
def test_steps_are_those_of_torch():
    draw = torch.Generator().manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape, generator=draw)) for shape in SHAPES]
    theirs = [torch.nn.Parameter(matrix.detach().clone()) for matrix in ours]
    one = Muon(ours, lr=0.02)
    two = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    begun = [matrix.detach().clone() for matrix in ours]
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=draw)
            b.grad = a.grad.clone()
        one.step()
        two.step()
    for a, b, start in zip(ours, theirs, begun, strict=True):
        walked = (b - start).norm()
        assert (a - b).norm() < 0.03 * walked  # torch's sums are in bfloat16
        assert walked > 0.1


@pytest.mark.parametrize("shape", [(3, 64, 64), (2, 64, 256), (2, 256, 64)])
def test_singular_values_become_about_one(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonal(matrices, torch.float32))
    assert values.median() > 0.7
    assert values.max() < 1.25
    assert torch.equal(orthogonal(torch.zeros(1, 64, 64), torch.float32), torch.zeros(1, 64, 64))
