"""Change what an agent goes for: reinforcement learning from its weights, the cheese anywhere, for another reward.

What is learned from are exact returns (`maze_interp.training.exact`), episodes beginning in every state alike. It is
their logarithm that is raised: where the agent goes elsewhere it hardly ever succeeds, and the return itself, nearly
zero, has hardly a gradient. The value head is fitted at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np

from maze_interp.environment.levels import maze_from_seed
from maze_interp.environment.observe import FACINGS
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.training.exact import ExactConfig, Goal

GOALS: tuple[Goal, ...] = get_args(Goal)
"""`"cheese"`: reaching the cheese. `"corner"`: standing on the top-right square; the cheese ends the episode unpaid."""

_SAMPLE = 200  # levels that the mean number of states is taken from


def tuning_config(
    agent: str,
    goal: str,
    steps: int,
    distribution_mode: DistributionMode | None = None,
    learning_rate: float = 5e-4,
    seed: int = 0,
) -> ExactConfig:
    """The run that tunes an agent on levels with the cheese anywhere; `train_exactly` runs it.

    Args:
        agent: name or file to begin with.
        goal: of `GOALS`.
        steps: states to evaluate, about: whole updates, whose levels differ in size.
        distribution_mode: of the levels; the agent's own unless given.
        learning_rate: at its peak.
        seed: of the levels.

    Raises:
        MazeInterpError: no such goal or agent, or too few steps for one update.
    """
    if goal not in GOALS:
        raise unknown_name("goal", goal, GOALS)
    mode = distribution_mode or agent_mode(agent)
    per_update = ExactConfig.levels * _states(mode)
    updates = round(steps / per_update)
    if updates < 1:
        raise MazeInterpError(f"one update evaluates about {per_update:.0f} states; {steps} steps are too few")
    return ExactConfig(
        name=f"{Path(agent).stem if Path(agent).suffix else agent}-{goal}",
        distribution_mode=mode,
        region=None,
        goal=goal,
        width=load_network(agent).settings["width"],
        updates=updates,
        learning_rate=learning_rate,
        objective="log",
        entropy=0.0,
        elsewhere=1.0,
        value_weight=0.0,
        seed=seed,
        start_from=agent,
    )


def _states(mode: DistributionMode) -> float:
    """Mean number of the states of a level."""
    return float(np.mean([len(FACINGS) * (len(maze_from_seed(seed, mode).squares) - 1) for seed in range(_SAMPLE)]))
