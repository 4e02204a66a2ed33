"""Muon (Jordan et al. 2024): momentum whose matrices are made nearly orthogonal before each step.

torch.optim.Muon does its sums in bfloat16 always; a processor without such instructions took 30 seconds a step for
them, where a whole step of training takes 2. This one uses the runtime's number format, and all matrices of one shape
at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.runtime import choose_runtime

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that pushes singular values towards 1
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """For matrices only. Steps are as long as AdamW's would be at the same rate (Liu et al. 2025, section 2.2)."""

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # a closure, which torch allows, has no use here
        for group in self.param_groups:
            alike = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for (rows, columns), matrices in alike.items():
                ahead = torch.stack([self._ahead(matrix, group["momentum"]) for matrix in matrices])
                length = group["lr"] * 0.2 * max(rows, columns) ** 0.5
                for matrix, direction in zip(matrices, orthogonal(ahead), strict=True):
                    matrix.sub_(direction, alpha=length)

    def _ahead(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        """Nesterov's look ahead; the momentum takes the gradient in."""
        state = self.state[matrix]
        kept = state.setdefault("momentum_buffer", torch.zeros_like(matrix))
        kept.lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(kept, momentum)


def orthogonal(matrices: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """The nearest matrices [N, R, C] whose singular values are all about 1 (0.7 to 1.2), by Newton and Schulz."""
    a, b, c = COEFFICIENTS
    x = matrices.to(dtype or choose_runtime(matrices.device.type).dtype)
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.mT).to(matrices.dtype)
