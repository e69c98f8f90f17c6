"""Reinforcement learning without sampling: the exact gradient of the exact return, level by level.

No episode is played: the return of a level and its gradient follow from the policy's Markov chain
(`maze_interp.training.returns`, `maze_interp.training.gradient`). Every update is a function of (seed, number) and of
the checkpoint before it, so a run that is stopped goes on from its last checkpoint to the same weights as one that was
not.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from maze_interp.policies.network import PolicyNetwork
from maze_interp.training import history
from maze_interp.training.average import AveragedWeights
from maze_interp.training.checkpoint import load_checkpoint, save_checkpoint, take_up_log
from maze_interp.training.compute import forward_flops
from maze_interp.training.critic import fit_value
from maze_interp.training.curriculum import Curriculum
from maze_interp.training.gradient import mean_entropy, update
from maze_interp.training.muon import make_optimisers
from maze_interp.training.objective import ExactConfig, Goal
from maze_interp.training.returns import level_returns

__all__ = ["ExactConfig", "Goal", "train_exactly"]


def train_exactly(config: ExactConfig, out: Path, checkpoint_every: int = 25) -> PolicyNetwork:
    """Run or resume a run; writes `checkpoint.pt` and `curve.jsonl` under `out` as it goes.

    So many updates lie between checkpoints, each with a line in the log.

    Raises:
        MazeInterpError: the folder is another run's, or its checkpoint is damaged.
    """
    run = _Run(config, out)
    take_up_log(out / "curve.jsonl", -(-run.step // checkpoint_every))
    steps = range(run.step, config.updates)
    for step in tqdm(steps, initial=run.step, total=config.updates, desc=config.name, mininterval=10):
        run.update()
        if (step + 1) % checkpoint_every == 0 or step + 1 == config.updates:
            run.save()
    return run.policy.eval()


class _Run:
    """The state of a run: what a checkpoint keeps, and what has happened since the last one."""

    def __init__(self, config: ExactConfig, out: Path) -> None:
        torch.manual_seed(config.seed)
        self._config, self._out = config, out
        self.policy = config.first_network()
        self._optimisers = make_optimisers(self.policy, config.learning_rate, config.muon)
        self._peaks = [group["lr"] for group in self._groups()]
        self._average = AveragedWeights(self.policy, config.average)
        self._curriculum = Curriculum(config)
        self._kept = history.kept(config.updates, config.history) if config.history else []
        self.step, self._spent = 0, {"steps": 0, "flops": 0, "core_seconds": 0.0}
        if (state := load_checkpoint(out, config)) is not None:
            self._load(state)
        self._forward = forward_flops(self.policy)
        self._recent: list[tuple[float, float, float]] = []
        self._clock = time.process_time()

    def _load(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self._average.load_state_dict(state["average"])
        self._curriculum = Curriculum(self._config, state["by_size"], state["failed"])
        self.step, self._spent = int(state["step"]), dict(state["spent"])

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimiser in self._optimisers for group in optimiser.param_groups]

    def update(self) -> None:
        """Evaluate levels and take the optimiser's steps."""
        config = self._config
        rng = np.random.default_rng([config.seed, self.step])
        for group, peak in zip(self._groups(), self._peaks, strict=True):
            group["lr"] = peak * _schedule(self.step / config.updates, config.decay)
        mazes = self._curriculum.draw(rng)
        levels = [level_returns(self.policy, maze, config) for maze in mazes]
        drawn = update(self.policy, self._optimisers, levels, config, rng)
        self._curriculum.learn(mazes, levels)
        self._average.update(self.policy, self.step)
        self.step += 1
        means = np.mean([(level.start_value, level.success) for level in levels], axis=0)
        self._recent.append((float(means[0]), float(means[1]), mean_entropy(levels)))
        self._spend(sum(len(level.value) for level in levels), drawn)
        if self.step in self._kept:
            history.keep(self._average.state_dict(), self._out, self.step)
        if self.step == config.updates:
            self._finish()

    def _spend(self, evaluated: int, drawn: int = 0) -> None:
        self._spent["steps"] += evaluated
        self._spent["flops"] += self._forward * (evaluated + 3 * drawn)  # a backward pass costs two forward ones

    def save(self) -> None:
        """Write a checkpoint and a line of the curve about the updates since the last one."""
        means = dict(zip(("return", "success", "entropy"), np.mean(self._recent, axis=0).tolist(), strict=True))
        curriculum = self._curriculum
        self._spent["core_seconds"] += time.process_time() - self._clock
        line = {"updates": self.step, **self._spent, **means, f"{curriculum.measure}_by_size": curriculum.by_size}
        with (self._out / "curve.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        state = {
            "policy": self.policy.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "average": self._average.state_dict(),
            "by_size": curriculum.by_size,
            "failed": curriculum.failed,
            "step": self.step,
            "spent": self._spent,
        }
        save_checkpoint(self._out, self._config, state)
        self._recent, self._clock = [], time.process_time()

    def _finish(self) -> None:
        """Make the network the agent: the averaged weights, the value head fitted to the agent's own return."""
        self.policy.load_state_dict(self._average.state_dict())
        self._spend(fit_value(self.policy, self._config, self._config.value_levels))


def _schedule(progress: float, decay: float) -> float:
    """The learning rate over its peak: 1, then a cosine to 0 over the last share of the updates."""
    into = (progress - (1 - decay)) / decay if decay else 0.0
    return 0.5 + 0.5 * math.cos(math.pi * max(into, 0.0))
