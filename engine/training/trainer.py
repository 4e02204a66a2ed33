"""One loop for every recipe: mixed precision, schedule, averaged weights, log, and exact resume.

Data is a pure function of (seed, step), so a checkpoint holds weights, optimizers and the step, and a run that was
killed goes on as if it had not been. Works alike on CPU and CUDA.
"""

from __future__ import annotations

import csv
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.runtime import choose_runtime
from engine.training import checkpoint
from engine.training.muon import Muon

MUON_ROWS = 64  # matrices at least this big in both directions go to Muon, all else to AdamW


class Recipe(Protocol):
    """What is trained and on what. ``model`` holds all trained weights."""

    model: nn.Module

    def loss(self, step: int, device: torch.device) -> tuple[Tensor, dict[str, Tensor], int]:
        """Loss, its parts for the log, and the samples seen, of one step; random numbers come from the step alone."""
        ...

    def export(self, folder: Path, averaged: dict[str, Tensor], facts: dict[str, object]) -> None:
        """Write shippable weights."""
        ...


@dataclass(kw_only=True)
class Plan:
    """How long and how fast. The run ends after ``steps``, or after ``minutes`` of training in all if given."""

    steps: int = 10_000
    minutes: float | None = None
    muon: float = 0.01
    adam: float = 1.5e-3
    warmup: int = 100
    decay: float = 0.4  # the last share of the run, in which the learning rate falls to zero
    average: float = 0.998
    clip: float = 1.0
    save_minutes: float = 4.0


@dataclass
class Trainer:
    """Runs a recipe under a plan in a folder of its own."""

    recipe: Recipe
    plan: Plan
    folder: Path
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    samples: int = 0
    stop: bool = False
    optimizers: dict[str, torch.optim.Optimizer] = field(init=False)
    averaged: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runtime = choose_runtime(self.device.type)
        self.recipe.model.to(self.device)
        self.optimizers = _optimizers(self.recipe.model, self.plan)
        self.averaged = {k: v.detach().clone() for k, v in self.recipe.model.state_dict().items()}
        self._restore()

    def run(self) -> None:
        """Train until the plan is done or a signal asks to stop; always leaves a checkpoint."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stop", True))
        saved = time.monotonic()
        while not self.stop and self.progress() < 1:
            started = time.monotonic()
            row = self._step()
            self.seconds += time.monotonic() - started
            self._log(row)
            if time.monotonic() - saved > 60 * self.plan.save_minutes:
                self.save()
                saved = time.monotonic()
        self.save()

    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        if self.plan.minutes is not None:
            return self.seconds / (60 * self.plan.minutes)
        return self.step / self.plan.steps

    def save(self) -> None:
        tensors = {f"model/{k}": v for k, v in self.recipe.model.state_dict().items()}
        tensors |= {f"average/{k}": v for k, v in self.averaged.items()}
        for name, optimizer in self.optimizers.items():
            tensors |= checkpoint.flatten_optimizer(name, optimizer)
        numbers = {"step": self.step, "seconds": self.seconds, "samples": self.samples}
        checkpoint.save(self.folder / "checkpoint", tensors, numbers)

    def _restore(self) -> None:
        found = checkpoint.load(self.folder / "checkpoint")
        if found is None:
            return
        tensors, numbers = found
        self.step, self.seconds, self.samples = numbers["step"], numbers["seconds"], numbers["samples"]
        self.recipe.model.load_state_dict(checkpoint.under("model/", tensors))
        self.averaged = {k: v.to(self.device) for k, v in checkpoint.under("average/", tensors).items()}
        for name, optimizer in self.optimizers.items():
            checkpoint.restore_optimizer(name, optimizer, tensors)
        self._forget_later_rows()

    def _forget_later_rows(self) -> None:
        """What a kill cut off since the checkpoint is done again, and logged again."""
        if (log := self.folder / "log.csv").exists():
            rows = enumerate(log.read_text().splitlines(keepends=True))
            log.write_text("".join(row for i, row in rows if i == 0 or int(row.split(",")[0]) <= self.step))

    def _step(self) -> dict[str, float]:
        rate = min(1.0, (self.step + 1) / self.plan.warmup) * min(1.0, (1 - self.progress()) / self.plan.decay)
        with self.runtime.autocast():
            loss, parts, count = self.recipe.loss(self.step, self.device)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.recipe.model.parameters(), self.plan.clip)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * rate
            if torch.isfinite(norm):
                optimizer.step()
            optimizer.zero_grad()
        self._average()
        self.step += 1
        self.samples += count
        return {"loss": loss.item(), "norm": norm.item(), "rate": rate} | {k: float(v) for k, v in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
        for name, value in self.recipe.model.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, 1 - keep)
            else:
                self.averaged[name].copy_(value)

    def _log(self, row: dict[str, float]) -> None:
        path = self.folder / "log.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(["step", "seconds", "samples", "values"])
            values = " ".join(f"{k}={v:.4g}" for k, v in row.items())
            writer.writerow([self.step, round(self.seconds, 1), self.samples, values])


def _optimizers(model: nn.Module, plan: Plan) -> dict[str, torch.optim.Optimizer]:
    """Muon for matrices inside the network, AdamW for everything else."""
    matrices, rest = [], []
    for name, value in model.named_parameters():
        inner = value.ndim == 2 and min(value.shape) >= MUON_ROWS and "words" not in name and "places" not in name
        (matrices if inner and value.requires_grad else rest).append(value)
    optimizers: dict[str, torch.optim.Optimizer] = {
        "adam": torch.optim.AdamW(rest, lr=plan.adam, betas=(0.9, 0.98), weight_decay=0.0)
    }
    if matrices:
        optimizers["muon"] = Muon(matrices, lr=plan.muon)
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["base"] = group["lr"]
    return optimizers
