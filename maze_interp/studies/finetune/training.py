"""Change what an agent goes for: reinforcement learning from its weights, the cheese anywhere, for another reward.

It learns from exact returns (`maze_interp.training.exact`), episodes beginning in every state alike. The value head is
fitted at the end.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from maze_interp.environment.levels import maze_from_seed
from maze_interp.environment.observe import FACINGS
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.network import PolicyNetwork
from maze_interp.studies.finetune.study import Goal
from maze_interp.training.card import bundle_agent
from maze_interp.training.checkpoint import read_log
from maze_interp.training.exact import ExactConfig, train_exactly

TRAINING = "training"
"""Folder of the training in that of the run."""

LEARNING = ("updates", "steps", "flops", "return", "success", "entropy")
"""What the log says of the updates since its last line that depends on no clock."""

_SAMPLE = 200  # levels that the mean number of states is taken from


def tuning_config(
    agent: str,
    goal: Goal,
    steps: int,
    distribution_mode: DistributionMode | None = None,
    learning_rate: float = 5e-4,
    seed: int = 0,
) -> ExactConfig:
    """The run that tunes an agent on levels with the cheese anywhere; `train_exactly` runs it.

    It evaluates about so many states: whole updates, whose levels differ in size.

    Raises:
        MazeInterpError: no such agent, or too few steps for one update.
    """
    policy, mode = load_network(agent), distribution_mode or agent_mode(agent)
    per_update = ExactConfig.levels * _states(mode)
    updates = round(steps / per_update)
    if updates < 1:
        raise MazeInterpError(f"one update evaluates about {per_update:.0f} states; {steps} steps are too few")
    return ExactConfig(
        name=f"{policy.name}-{goal}",
        distribution_mode=mode,
        region=None,
        goal=goal,
        width=policy.settings["width"],
        updates=updates,
        value_levels=min(ExactConfig.value_levels, updates * ExactConfig.levels),  # no more than it learns from
        learning_rate=learning_rate,
        elsewhere=1.0,
        seed=seed,
        start_from=agent,
    )


def tuned_agent(config: ExactConfig, folder: Path, levels: int, threads: int = 1) -> PolicyNetwork:
    """Run or resume the training: checkpoint and log in `training/` of the study's folder, the agent in `<name>/`.

    The agent's card is of so many held-out levels.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        tuned = train_exactly(config, folder / TRAINING, checkpoint_every=10).requires_grad_(False)
    finally:
        torch.set_num_threads(before)
    bundle_agent(tuned, config, folder / TRAINING, folder / config.name, levels)
    return tuned


def curve_table(folder: Path) -> pd.DataFrame:
    """The log of the training: a row every ten updates with the `LEARNING` columns."""
    return pd.DataFrame(read_log(folder / TRAINING / "curve.jsonl"))[list(LEARNING)]


def _states(mode: DistributionMode) -> float:
    """Mean number of the states of a level."""
    return float(np.mean([len(FACINGS) * (len(maze_from_seed(seed, mode).squares) - 1) for seed in range(_SAMPLE)]))
