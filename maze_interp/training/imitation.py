"""Train a network on the shortest path to the cheese, before or instead of reinforcement learning.

Every batch is a function of (seed, batch number) alone, so a run that is stopped goes on from its
last checkpoint to the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from maze_interp.bundled import HELD_OUT
from maze_interp.environment.observe import FACINGS, MazeView
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.moves import STEPS, move_probabilities, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.average import AveragedWeights
from maze_interp.training.checkpoint import load_checkpoint, save_checkpoint, take_up_log
from maze_interp.training.critic import fit_value
from maze_interp.training.muon import make_optimisers
from maze_interp.training.objective import ExactConfig
from maze_interp.training.run import Region, Share, Training
from maze_interp.validation import Finite, Positive, Probability


@dataclass(frozen=True)
class ImitationConfig(Training):
    """One imitation run.

    Attributes:
        samples: observations in all; the learning rate falls to zero over them by a cosine.
        batch: observations in one step.
        on_path: share of squares drawn from the path start → cheese, the rest from all squares.
        squares_per_sample: a maze lends one observation for every so many open squares, so that
            every square of every maze is as likely as any other.
        discount: of the return that the value head learns: during the run discount ** (steps to the cheese), at its
            end the exact return of the policy itself.
        muon: learning rate of Muon at its peak, which then trains the matrices of the embedder instead of AdamW
            (`maze_interp.training.muon`); 0 for AdamW alone.
        average: decay per step of the moving average of the weights that the agent is made of; 0 takes the last
            weights.
    """

    region: Region | None = 3
    samples: Positive = 2_000_000
    batch: Positive = 512
    learning_rate: Finite = 1e-3
    on_path: Probability = 0.4
    squares_per_sample: Positive = 8
    muon: Finite = 0.0
    average: Share = 0.0


Batch = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]


class ShortestPaths(Dataset[Batch]):
    """Batches of (observations `[b, 64, 64, 3]`, right move `[b]`, value `[b]`), by number."""

    def __init__(self, config: ImitationConfig) -> None:
        self.config = config

    def __len__(self) -> int:
        return self.config.samples // self.config.batch

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        rng = np.random.default_rng([config.seed, number])
        observations = np.empty((config.batch, 64, 64, 3), np.uint8)
        moves = np.empty(config.batch, np.int64)
        values = np.empty(config.batch, np.float32)
        for row, (view, square) in enumerate(self._examples(rng)):
            view.draw(observations[row], square, FACINGS[rng.integers(2)])
            moves[row], values[row] = _target(view.maze, square, config.discount)
        return observations, moves, values

    def _examples(self, rng: np.random.Generator) -> Iterator[tuple[MazeView, Square]]:
        config = self.config
        drawn = 0
        while drawn < config.batch:
            maze = config.level(int(rng.integers(HELD_OUT)))
            view = MazeView(maze)
            count = min(math.ceil(len(maze.squares) / config.squares_per_sample), config.batch - drawn)
            drawn += count
            for square in _draw_squares(maze, count, config.on_path, rng):
                yield view, square


def _draw_squares(maze: Maze, count: int, on_path: float, rng: np.random.Generator) -> list[Square]:
    assert maze.cheese is not None
    path = maze.path(maze.start, maze.cheese)[:-1]
    anywhere = [square for square in maze.squares if square != maze.cheese]
    pools = [path if draw < on_path else anywhere for draw in rng.random(count)]
    return [pool[rng.integers(len(pool))] for pool in pools]


def _target(maze: Maze, square: Square, discount: float) -> tuple[int, float]:
    """The move that leads towards the cheese, and the value of the square for the shortest path."""
    assert maze.cheese is not None
    to_cheese = maze.distances(maze.cheese)
    here = to_cheese[square[1], square[0]]
    for move, (dx, dy) in enumerate(STEPS[:4]):
        x, y = square[0] + dx, square[1] + dy
        if 0 <= x < maze.size and 0 <= y < maze.size and to_cheese[y, x] == here - 1:
            return move, float(discount**here)
    raise AssertionError("every square of a procgen maze but the cheese's has a next one")


def imitate(config: ImitationConfig, out: Path, checkpoint_every: int = 200) -> PolicyNetwork:
    """Run or resume imitation; writes `checkpoint.pt` and `curve.jsonl` under `out` as it goes.

    So many steps lie between checkpoints, each with a line in the log.

    Raises:
        MazeInterpError: the folder is another run's, or its checkpoint is damaged.
    """
    torch.manual_seed(config.seed)
    learner = _Learner(config)
    if (state := load_checkpoint(out, config)) is not None:
        learner.load_state_dict(state)
    start, data = learner.step, ShortestPaths(config)
    take_up_log(out / "curve.jsonl", -(-start // checkpoint_every))
    loader = DataLoader(data, batch_size=None, sampler=range(start, len(data)), num_workers=1, prefetch_factor=4)
    clock = time.monotonic()
    recent: list[Tensor] = []
    for batch in tqdm(loader, initial=start, total=len(data), desc=config.name, mininterval=10):
        recent.append(learner.learn(batch))
        if learner.step % checkpoint_every == 0 or learner.step == len(data):
            rate = len(recent) * config.batch / (time.monotonic() - clock)
            _log(out / "curve.jsonl", learner.step * config.batch, recent, rate)
            save_checkpoint(out, config, learner.state_dict())
            recent, clock = [], time.monotonic()
    policy = learner.finished()
    fit_value(policy, value_task(config), config.value_levels)
    return policy.eval()


class _Learner:
    """The state of a run: what a checkpoint keeps."""

    def __init__(self, config: ImitationConfig) -> None:
        self._steps = config.samples // config.batch
        self._policy = config.first_network()
        self._optimisers = make_optimisers(self._policy, config.learning_rate, config.muon)
        self._peaks = [optimiser.param_groups[0]["lr"] for optimiser in self._optimisers]
        self._average = AveragedWeights(self._policy, config.average)
        self.step = 0

    def learn(self, batch: list[Tensor]) -> Tensor:
        """One step of the optimisers; see `imitate_batch`."""
        for optimiser, peak in zip(self._optimisers, self._peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * (0.5 + 0.5 * math.cos(math.pi * self.step / self._steps))
        figures = imitate_batch(self._policy, self._optimisers, batch)
        self._average.update(self._policy, self.step)
        self.step += 1
        return figures

    def finished(self) -> PolicyNetwork:
        """The network with the averaged weights."""
        self._policy.load_state_dict(self._average.state_dict())
        return self._policy

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        optimisers = [optimiser.state_dict() for optimiser in self._optimisers]
        weights = {"policy": self._policy.state_dict(), "average": self._average.state_dict()}
        return {**weights, "optimisers": optimisers, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint."""
        self._policy.load_state_dict(state["policy"])
        self._average.load_state_dict(state["average"])
        for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step = int(state["step"])


def value_task(config: ImitationConfig) -> ExactConfig:
    """The task whose return the value head is fitted to."""
    return ExactConfig(config.name, config.distribution_mode, config.region, seed=config.seed, discount=config.discount)


def _log(path: Path, samples: int, recent: list[Tensor], samples_per_second: float) -> None:
    figures = dict(
        zip(("loss", "greedy_accuracy", "mean_probability"), torch.stack(recent).mean(0).tolist(), strict=True)
    )
    with path.open("a") as file:
        file.write(json.dumps({"samples": samples, **figures, "samples_per_second": samples_per_second}) + "\n")


def imitate_batch(policy: PolicyNetwork, optimisers: Sequence[torch.optim.Optimizer], batch: list[Tensor]) -> Tensor:
    """One step; returns (loss, greedy accuracy, mean probability of the right move), float64 `[3]`."""
    observations, moves, values = batch
    logits, value = outputs(policy, observations)
    probabilities = move_probabilities(logits)
    right = probabilities.gather(1, moves[:, None]).clamp_min(1e-9)
    loss = -right.log().mean() + 0.5 * (value.float() - values).square().mean()
    policy.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
    accuracy = (probabilities.argmax(1) == moves).double().mean()
    return torch.stack([loss.detach().double(), accuracy, right.detach().mean()])


def outputs(policy: PolicyNetwork, observations: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and value of uint8 `[b, 64, 64, 3]`, run in bfloat16."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, value = policy(to_input(observations.numpy()))
    return logits, value
