"""An update along the exact policy gradient (Sutton et al. 2000).

    ∇J = Σ_s d(s) Σ_a ∇π(a | s) γ V(s')

for J the mean of log V(b) over the states b in which episodes begin, and d the expected discounted visits of the
episodes, each weighted by 1 / V(b).

Every state costs one forward pass; the gradient is taken through a sample of states, drawn by how much they matter and
weighted so that nothing is biased. Evaluating the levels costs several times what a step does, so an update may take
several steps: the later ones go along the gains of the policy before the first, which is right to first order (Kakade
and Langford 2002). The value head learns from the same states, by the squared error to their exact returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.objective import ExactConfig
from maze_interp.training.returns import Floats, LevelReturns

_BATCH = 64  # observations in one pass
_UNIFORM = 0.33  # draws by chance alone, over those by gain, where the value head learns from the states too


class DrawnStates(NamedTuple):
    """n states drawn for a gradient.

    Attributes:
        observations: uint8 `[n, 64, 64, 3]`.
        gain: float64 `[n, 5]`, weighted so that nothing is biased.
        value: float64 `[n]`, the exact discounted return.
        share: float64 `[n]`, of each state in a mean over all states.
    """

    observations: NDArray[np.uint8]
    gain: Floats
    value: Floats
    share: Floats

    def rows(self, first: int, end: int) -> DrawnStates:
        """Those from number `first` up to `end`."""
        rows = slice(first, end)
        return DrawnStates(self.observations[rows], self.gain[rows], self.value[rows], self.share[rows])


def draw_states(
    levels: Sequence[LevelReturns], draws: int, rng: np.random.Generator, uniform: float = 0.0
) -> DrawnStates:
    """Draw states of these levels by how much they matter to the gradient; those drawn repeatedly come once.

    Of the draws, repetitions counted, `uniform` are by chance alone, over those by how much a state matters.
    """
    observations = [level.observations for level in levels]
    gain, probs, value = (
        np.concatenate([getattr(level, name) for level in levels]) for name in ("gain", "probs", "value")
    )
    advantage = gain - (probs * gain).sum(axis=1, keepdims=True)
    matters = np.abs(probs * advantage).sum(axis=1)
    matters += uniform * matters.mean()
    counts = _systematic(matters, draws, rng)
    drawn = np.flatnonzero(counts)
    weight = counts[drawn] * matters.sum() / (draws * matters[drawn])
    first = np.cumsum([0, *map(len, observations)])
    level = np.searchsorted(first, drawn, side="right") - 1
    pictures = np.stack([observations[i][row - first[i]] for i, row in zip(level, drawn, strict=True)])
    gain = (weight / len(levels))[:, None] * gain[drawn]
    return DrawnStates(pictures, gain, value[drawn], weight / len(matters))


def _systematic(weights: Floats, draws: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """How often each is drawn, `draws` in all: its expected number, rounded up or down (systematic sampling)."""
    edges = np.cumsum(weights / weights.sum()) * draws
    edges[-1] = draws
    return np.diff(np.floor(edges + rng.random()).astype(np.intp), prepend=0)


def update(
    policy: PolicyNetwork,
    optimisers: Sequence[torch.optim.Optimizer],
    levels: Sequence[LevelReturns],
    config: ExactConfig,
    rng: np.random.Generator,
) -> int:
    """Steps of the optimisers, `config.steps` of them, all along gains and values of the policy before the first.

    Returns:
        the number of states drawn for the gradients.
    """
    drawn = 0
    for _ in range(config.steps):
        states = draw_states(levels, config.states, rng, _UNIFORM if config.value_loss else 0.0)
        policy.zero_grad(set_to_none=True)
        for first in range(0, len(states.gain), _BATCH):
            torch.autograd.backward(_loss(policy, states.rows(first, first + _BATCH), config))
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        drawn += len(states.gain)
    return drawn


def _loss(policy: PolicyNetwork, states: DrawnStates, config: ExactConfig) -> Tensor:
    """What these states add to the loss: less the gain of the moves, plus the value head's squared error."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bfloat16):
        logits, value = policy(to_input(states.observations))
    loss = -(move_probabilities(logits) * torch.from_numpy(states.gain)).sum()
    if config.value_loss:
        error = (value.double() - torch.from_numpy(states.value)).square()
        loss = loss + config.value_loss * (error * torch.from_numpy(states.share)).sum()
    return loss


def mean_entropy(levels: Sequence[LevelReturns]) -> float:
    """Entropy of the moves, mean over visits, in nats."""
    visits = np.concatenate([level.visits for level in levels])
    probs = np.concatenate([level.probs for level in levels])
    entropy = -(probs * np.log(np.maximum(probs, 1e-9))).sum(axis=1)
    return float((visits * entropy).sum() / visits.sum())
