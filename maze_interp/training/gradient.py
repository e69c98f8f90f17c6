"""One update along the exact policy gradient (Sutton et al. 2000).

    ∇J = Σ_s d(s) Σ_a ∇π(a | s) γ V(s')

for J the mean of log V(b) over the states b in which episodes begin, and d the expected discounted visits of the
episodes, each weighted by 1 / V(b).

Every state costs one forward pass; the gradient is taken through a sample of states, drawn by how much they matter and
weighted so that nothing is biased.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.objective import ExactConfig
from maze_interp.training.returns import Floats, LevelReturns

_BATCH = 64  # observations in one pass


def draw_states(
    levels: Sequence[LevelReturns], draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Floats]:
    """Draw states of these levels by how much they matter to the gradient; those drawn repeatedly come once.

    Returns:
        observations `[n, 64, 64, 3]`, and their gain `[n, 5]`, weighted so that nothing is biased.
    """
    observations = [level.observations for level in levels]
    gain, probs = (np.concatenate([getattr(level, name) for level in levels]) for name in ("gain", "probs"))
    advantage = gain - (probs * gain).sum(axis=1, keepdims=True)
    matters = np.abs(probs * advantage).sum(axis=1)
    counts = _systematic(matters, draws, rng)
    drawn = np.flatnonzero(counts)
    weight = counts[drawn] * matters.sum() / (draws * matters[drawn]) / len(levels)
    first = np.cumsum([0, *map(len, observations)])
    level = np.searchsorted(first, drawn, side="right") - 1
    pictures = np.stack([observations[i][row - first[i]] for i, row in zip(level, drawn, strict=True)])
    return pictures, weight[:, None] * gain[drawn]


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
    """One step of the optimisers.

    Returns:
        the number of states drawn for the gradient.
    """
    observations, gain = draw_states(levels, config.states, rng)
    policy.zero_grad(set_to_none=True)
    for first in range(0, len(gain), _BATCH):
        rows = slice(first, first + _BATCH)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bfloat16):
            logits, _ = policy(to_input(observations[rows]))
        torch.autograd.backward(-(move_probabilities(logits) * torch.from_numpy(gain[rows])).sum())
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
    return len(gain)


def mean_entropy(levels: Sequence[LevelReturns]) -> float:
    """Entropy of the moves, mean over visits, in nats."""
    visits = np.concatenate([level.visits for level in levels])
    probs = np.concatenate([level.probs for level in levels])
    entropy = -(probs * np.log(np.maximum(probs, 1e-9))).sum(axis=1)
    return float((visits * entropy).sum() / visits.sum())
