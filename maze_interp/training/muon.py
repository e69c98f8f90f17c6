"""Muon: momentum whose update of every weight matrix is made nearly orthogonal (Jordan et al. 2024).

The states of a maze look almost alike, so that a few directions of the weights get nearly all of the gradient. With
every singular value of the update near 1 the others learn as fast: from random weights a policy leaves its plateau
after less than half the updates that AdamW takes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from maze_interp.policies.network import PolicyNetwork

_MOMENTUM = 0.9
_QUINTIC = (3.4445, -4.7750, 2.0315)  # the iteration that Muon's authors use
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For the weights of convolutions and linear layers, each as a matrix of outputs by inputs.

    The learning rate is the spectral norm of a step, times √(outputs / inputs) where that is larger than 1.
    """

    def __init__(self, weights: Iterable[nn.Parameter], learning_rate: float) -> None:
        super().__init__(weights, {"lr": learning_rate})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step along the gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - _MOMENTUM)
                direction = weight.grad.lerp(state["momentum"], _MOMENTUM)  # Nesterov's
                matrix = direction.reshape(len(weight), -1)
                factor = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                weight.add_(orthogonalised(matrix).reshape(weight.shape), alpha=-group["lr"] * factor)


def orthogonalised(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values near 1 (0.7 to 1.2), by Newton's iteration."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T).T
    a, b, c = _QUINTIC
    x = matrix / (matrix.norm() + 1e-9)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def make_optimisers(policy: PolicyNetwork, adamw: float, muon: float) -> list[torch.optim.Optimizer]:
    """AdamW for every parameter; with a learning rate for Muon, that for the matrices before the heads instead."""
    heads = (policy.policy_head, policy.value_head)
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in policy.named_parameters():
        (matrices if muon and weight.dim() > 1 and not name.startswith(heads) else others).append(weight)
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=adamw)]
    return [*optimisers, Muon(matrices, muon)] if muon else optimisers
