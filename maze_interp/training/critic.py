"""The value head as a critic: fitted to the exact discounted return of the network's own policy.

Features and policy stay as they are, bit for bit. Only the head's weights and bias are solved for, by ridge regression
over every state of many levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from sklearn.metrics import r2_score

from maze_interp.mazes.maze import Maze
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.curriculum import draw_level
from maze_interp.training.objective import ExactConfig
from maze_interp.training.returns import Floats, level_returns

_RIDGE = 0.1


def fit_value(policy: PolicyNetwork, config: ExactConfig, levels: int) -> int:
    """Fit the value head, in place, to the exact return of every state of new levels that the config's seed gives.

    Returns:
        the states evaluated.
    """
    rng = np.random.default_rng([config.seed, config.updates])
    width = policy.linear(policy.value_head).in_features
    squares, products, states = np.zeros((width + 1, width + 1)), np.zeros(width + 1), 0
    for _ in range(levels):
        features, value = _features_and_value(policy, draw_level(config, rng), config)
        with_one = np.column_stack([features, np.ones(len(features))])
        squares += with_one.T @ with_one
        products += with_one.T @ value
        states += len(value)
    penalty = _RIDGE * np.diag(np.append(np.ones(width), 0))
    solution = torch.from_numpy(np.linalg.solve(squares + penalty, products))
    with torch.no_grad():
        head = policy.linear(policy.value_head)
        head.weight.copy_(solution[None, :-1])
        head.bias.copy_(solution[-1:])
    return states


def value_r2(policy: PolicyNetwork, config: ExactConfig, mazes: Iterable[Maze]) -> float:
    """R² of the value head against the exact return, over every state of these levels."""
    predicted, exact = [], []
    head = policy.linear(policy.value_head)
    for maze in mazes:
        features, value = _features_and_value(policy, maze, config)
        with torch.inference_mode():
            predicted.append(head(torch.from_numpy(features)).numpy()[:, 0])
        exact.append(value)
    return float(r2_score(np.concatenate(exact), np.concatenate(predicted)))


def _features_and_value(policy: PolicyNetwork, maze: Maze, config: ExactConfig) -> tuple[Floats, Floats]:
    """Features `[s, f]` and exact value `[s]` of a level's states, from one pass of the network in float32."""
    collected: list[Floats] = []
    with policy.hooks({policy.features: lambda activation, layer: collected.append(activation.numpy().copy())}):
        level = level_returns(policy, maze, replace(config, bfloat16=False))
    return np.concatenate(collected), level.value
