"""A run that was killed goes on as if it had not been."""

import pytest
import torch
from torch import nn

from engine.training import checkpoint
from engine.training.ahead import Ahead
from engine.training.trainer import Plan, Trainer


class Fit:
    """A small regression: every step draws its own data from its number."""

    def __init__(self):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(8, 80), nn.GELU(), nn.Linear(80, 80), nn.GELU(), nn.Linear(80, 1))

    def loss(self, step, device):
        x = torch.randn(32, 8, generator=torch.Generator().manual_seed(step)).to(device)
        loss = (self.model(x).float() - x.sum(1, keepdim=True)).square().mean()
        return loss, {"error": loss.detach()}, len(x)


def trainer(folder, steps=40):
    plan = Plan(steps=steps, warmup=5, muon=0.02, adam=5e-3)
    return Trainer(recipe=Fit(), plan=plan, folder=folder, device=torch.device("cpu"))


def run(folder, until):
    one = trainer(folder)
    while one.step < until:
        one._step()
    one.save()
    return one


def test_resume_is_exact_to_the_bit(tmp_path):
    whole = run(tmp_path / "whole", 30)
    for stop in (1, 7, 19):
        run(tmp_path / f"cut{stop}", stop)
        resumed = run(tmp_path / f"cut{stop}", 30)
        assert (resumed.step, resumed.samples) == (whole.step, whole.samples)
        weights, same = whole.recipe.model.state_dict(), resumed.recipe.model.state_dict()
        assert all(torch.equal(weights[k], same[k]) for k in weights)
        assert all(torch.equal(whole.averaged[k], resumed.averaged[k]) for k in weights)


def test_a_log_tells_of_every_step_once_after_a_kill(tmp_path):
    one = run(tmp_path, 7)
    for step in (8, 9):  # not saved
        one._log(one._step() | {"lost": step})
    two = trainer(tmp_path)
    while two.step < 10:
        two._log(two._step())
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert head.startswith("step,")
    assert [int(row.split(",")[0]) for row in rows] == [8, 9, 10]
    assert "lost" not in "".join(rows)


def test_training_learns_and_both_optimizers_take_part(tmp_path):
    one = trainer(tmp_path, 150)
    assert set(one.optimizers) == {"adam", "muon"}
    losses = [one._step()["loss"] for _ in range(150)]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_a_checkpoint_survives_a_kill_between_its_two_renames(tmp_path):
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {"step": 1})
    (tmp_path / "c").rename(tmp_path / "c.old")
    tensors, numbers = checkpoint.load(tmp_path / "c")
    assert numbers == {"step": 1}
    assert torch.equal(tensors["x"], torch.ones(2))
    assert checkpoint.load(tmp_path / "none") is None


def test_shards_are_small_and_come_back_whole(tmp_path):
    tensors = {str(i): torch.full((1024, 1024), float(i)) for i in range(9)}
    checkpoint.save(tmp_path / "c", tensors, {})
    files = list((tmp_path / "c").glob("*.safetensors"))
    assert len(files) == 3
    assert max(file.stat().st_size for file in files) < 16 * 1024**2
    found, _ = checkpoint.load(tmp_path / "c")
    assert all(torch.equal(found[k], tensors[k]) for k in tensors)


def test_batches_drawn_ahead_are_the_same_batches():
    draws = []

    def draw(step):
        draws.append(step)
        return torch.randn(3, generator=torch.Generator().manual_seed(step))

    plain, helped = Ahead(draw, helped=False), Ahead(draw, helped=True)
    assert all(torch.equal(plain(step), helped(step)) for step in (5, 6, 7, 20))
    assert max(draws) > 20


def test_two_kills_between_renames_lose_nothing(tmp_path, monkeypatch):
    folder, numbers = tmp_path / "c", {"step": 3}
    checkpoint.save(folder, {"x": torch.ones(2)}, numbers)
    folder.rename(tmp_path / "c.old")  # the first kill
    monkeypatch.setattr(type(folder), "replace", lambda *_: 1 / 0)  # the second
    with pytest.raises(ZeroDivisionError):
        checkpoint.save(folder, {"x": torch.zeros(2)}, {"step": 4})
    tensors, found = checkpoint.load(folder)
    assert found == numbers
    assert torch.equal(tensors["x"], torch.ones(2))
