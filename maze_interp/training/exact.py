"""Reinforcement learning without sampling: the exact gradient of the exact return, level by level.

A policy without memory makes a finite Markov chain of a maze. So the expected discounted return, the worth of
every state and how often each is visited follow from two linear systems, and the policy gradient theorem
(Sutton et al. 2000) gives the gradient with no episode played:

    ∇J = Σ_s d(s) Σ_a ∇π(a | s) γ V(s'), d the expected discounted visits.

A state costs one forward pass; the gradient is taken through a sample of states, drawn by how much they matter and
weighted so that nothing is biased. Every update is a function of (seed, number) alone, so a run that is stopped goes
on from its last checkpoint to the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import splu
from sklearn.linear_model import Ridge
from torch import Tensor
from tqdm import tqdm

from maze_interp.environment.levels import HELD_OUT, maze_from_seed, region_maze
from maze_interp.environment.observe import FACINGS, MazeView
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.chain import reach_within, successors
from maze_interp.measure.evaluate import BATCH, distinct_states, draw_states, run_observations
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures import new_network
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.checkpoint import load_checkpoint, save_checkpoint, take_up_log
from maze_interp.training.flops import forward_flops

Goal = Literal["cheese", "corner"]
Objective = Literal["return", "log"]
Floats = NDArray[np.float64]

_LEAST = 1e-12  # worth from which on the logarithm counts: below there is no way to the goal, or none to speak of

VALUE_LEVELS = 100
"""Levels that the value head is fitted on after training with the objective log."""


@dataclass(frozen=True)
class ExactConfig:
    """One run of exact policy gradients.

    Attributes:
        name: the agent's name.
        distribution_mode: `"easy"` or `"hard"`.
        region: the cheese lies in the top-right region × region squares; None for anywhere.
        goal: what is rewarded, once: reaching the cheese, or standing on the top-right corner. Either way the
            episode ends on the cheese.
        width: channel factor k of the network.
        updates: steps of the optimiser; the learning rate falls to zero over them by a cosine.
        levels: new levels in one update.
        states: drawn in one update for the gradient.
        learning_rate: AdamW's, at its peak.
        discount: of the return, per move.
        objective: `"return"`, the expected discounted return; or `"log"`, the mean of its logarithm over the states
            that episodes begin in. The return is the probability of getting there if every move ends the episode
            with probability 1 − discount, so that the second is the log-likelihood of success (Toussaint and
            Storkey 2006), whose gradient does not vanish where success is rare; without entropy, and with the value
            head fitted at the end (`fit_value`).
        entropy: weight of the entropy of the moves, per expected visit.
        elsewhere: share of episodes that begin in a random state instead of on the start.
        value_weight: of the value head's squared error, its target being the exact worth.
        seed: of the network's weights and of the levels drawn.
        start_from: agent or weights to begin with; None for new weights.
        bfloat16: take the gradient's passes in bfloat16: faster on a CPU with instructions for it, ten times slower
            on one without. Worth and visits are exact either way.
    """

    name: str
    distribution_mode: DistributionMode = "easy"
    region: int | None = None
    goal: Goal = "cheese"
    width: int = 1
    updates: int = 1000
    levels: int = 6
    states: int = 256
    learning_rate: float = 3e-4
    discount: float = 0.99
    objective: Objective = "return"
    entropy: float = 1e-3
    elsewhere: float = 0.2
    value_weight: float = 0.5
    seed: int = 0
    start_from: str | None = None
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.objective == "log" and (self.entropy or self.value_weight):
            raise MazeInterpError("with the objective log, entropy and value_weight are 0")


class Lesson(NamedTuple):
    """What a level says of the policy as it is; s distinct states, each perhaps of several (square, facing).

    Attributes:
        observations: uint8 `[s, 64, 64, 3]`.
        worth: float64 `[s]`, exact discounted worth, its mean over visits (over facings, if there are none).
        visits: float64 `[s]`, expected discounted visits; for the logarithm those of each episode over the worth
            of where it begins.
        gain: float64 `[s, 5]`, visits times the discounted worth of what each move leads to.
        probs: float64 `[s, 5]`, move probabilities.
        start_worth: worth of the start.
        success: probability of reaching the goal within an episode.
    """

    observations: NDArray[np.uint8]
    worth: Floats
    visits: Floats
    gain: Floats
    probs: Floats
    start_worth: float
    success: float


def train_exactly(config: ExactConfig, out: Path, checkpoint_every: int = 25) -> PolicyNetwork:
    """Run or resume a run; writes `checkpoint.pt` and `curve.jsonl` under `out` as it goes.

    Args:
        config: the run.
        out: its folder.
        checkpoint_every: updates between checkpoints, each with a line in the log.

    Returns:
        the trained network.

    Raises:
        MazeInterpError: the folder is another run's, or its checkpoint is damaged.
    """
    torch.manual_seed(config.seed)
    policy = new_network(config.name, width=config.width)
    if config.start_from is not None:
        policy.load_state_dict(load_network(config.start_from).state_dict())
    optimiser = torch.optim.AdamW(policy.parameters(), lr=config.learning_rate)
    start, spent = 0, {"steps": 0, "flops": 0}
    if (state := load_checkpoint(out, config)) is not None:
        policy.load_state_dict(state["policy"])
        optimiser.load_state_dict(state["optimiser"])
        start, spent = int(state["step"]), dict(state["spent"])
    take_up_log(out / "curve.jsonl", -(-start // checkpoint_every))
    forward, recent, clock, before = forward_flops(policy), [], time.monotonic(), spent["steps"]
    for step in tqdm(
        range(start, config.updates), initial=start, total=config.updates, desc=config.name, mininterval=10
    ):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * (0.5 + 0.5 * math.cos(math.pi * step / config.updates))
        evaluated, drawn, figures = update(policy, optimiser, config, np.random.default_rng([config.seed, step]))
        recent.append(figures)
        spent["steps"] += evaluated
        spent["flops"] += forward * (evaluated + 3 * drawn)  # a backward pass costs two forward ones
        if step + 1 == config.updates and config.objective == "log":
            evaluated = fit_value(policy, config)
            spent["steps"] += evaluated
            spent["flops"] += 2 * forward * evaluated
        if (step + 1) % checkpoint_every == 0 or step + 1 == config.updates:
            means = dict(zip(("return", "success", "entropy"), np.mean(recent, axis=0).tolist(), strict=True))
            rate = (spent["steps"] - before) / (time.monotonic() - clock)
            line = {"updates": step + 1, **spent, **means, "steps_per_second": rate}
            with (out / "curve.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            state = {"policy": policy.state_dict(), "optimiser": optimiser.state_dict()}
            save_checkpoint(out, config, {**state, "step": step + 1, "spent": spent})
            recent, clock, before = [], time.monotonic(), spent["steps"]
    return policy.eval()


def fit_value(policy: PolicyNetwork, config: ExactConfig) -> int:
    """Fit the value head alone, by least squares, to the exact worth of every state of `VALUE_LEVELS` new levels.

    Returns:
        the states evaluated.
    """
    rng = np.random.default_rng([config.seed, config.updates])
    features, worth = [], []
    for _ in range(VALUE_LEVELS):
        one = lesson(policy, _level(config, rng), config)
        with torch.inference_mode():
            parts = np.array_split(one.observations, -(-len(one.observations) // BATCH))
            for part in parts:
                _, _, cache = policy.run_with_cache(to_input(part), [policy.features])
                features.append(cache[policy.features].numpy())
        worth.append(one.worth)
    head = Ridge(alpha=0.1).fit(np.concatenate(features).astype(float), np.concatenate(worth))
    with torch.no_grad():
        layer = policy.linear(policy.value_head)
        layer.weight.copy_(torch.from_numpy(head.coef_[None]))
        layer.bias.fill_(float(head.intercept_))
    return sum(map(len, worth))


def update(
    policy: PolicyNetwork, optimiser: torch.optim.Optimizer, config: ExactConfig, rng: np.random.Generator
) -> tuple[int, int, tuple[float, float, float]]:
    """One step of the optimiser, on new levels.

    Returns:
        the number of states evaluated, of those drawn for the gradient, and (return, success, entropy).
    """
    lessons = [lesson(policy, _level(config, rng), config) for _ in range(config.levels)]
    observations = np.concatenate([one.observations for one in lessons])
    worth, visits = (np.concatenate([getattr(one, name) for one in lessons]) for name in ("worth", "visits"))
    gain, probs = (np.concatenate([getattr(one, name) for one in lessons]) for name in ("gain", "probs"))
    surprise = -np.log(np.maximum(probs, 1e-9))
    advantage = gain - (probs * gain).sum(axis=1, keepdims=True)
    matters = np.abs(probs * advantage).sum(axis=1) + config.entropy * visits
    chance = matters / matters.sum()
    counts = rng.multinomial(config.states, chance)
    drawn = np.flatnonzero(counts)
    weight = counts[drawn] / (config.states * chance[drawn]) / config.levels
    optimiser.zero_grad(set_to_none=True)
    for first in range(0, len(drawn), BATCH):
        some = drawn[first : first + BATCH]
        parts = gain[some], visits[some], worth[some], weight[first : first + BATCH]
        torch.autograd.backward(_loss(policy, config, observations[some], *parts))
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimiser.step()
    entropy = float((visits * (probs * surprise).sum(axis=1)).sum() / visits.sum())
    means = np.mean([(one.start_worth, one.success) for one in lessons], axis=0)
    return len(observations), len(drawn), (float(means[0]), float(means[1]), entropy)


def _loss(
    policy: PolicyNetwork,
    config: ExactConfig,
    observations: NDArray[np.uint8],
    gain: Floats,
    visits: Floats,
    worth: Floats,
    weight: Floats,
) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bfloat16):
        logits, value = policy(to_input(observations))
    probs = move_probabilities(logits)
    entropy = -(probs * probs.clamp_min(1e-9).log()).sum(1)
    often = torch.from_numpy(weight * visits)
    returns = (probs * torch.from_numpy(weight[:, None] * gain)).sum()
    error = (often * (value.double() - torch.from_numpy(worth)).square()).sum() * (1 - config.discount)
    return -returns - config.entropy * (often * entropy).sum() + config.value_weight * error


def lesson(policy: PolicyNetwork, maze: Maze, config: ExactConfig) -> Lesson:
    """Evaluate a policy on every state of a level, and solve for the worth of each and the visits to it."""
    view = MazeView(maze)
    squares = tuple(square for square in maze.squares if square != maze.cheese)
    states, rows = distinct_states(view, squares, FACINGS)
    observations = draw_states(view, states)
    probs = run_observations(policy, view, observations)[:, :5]
    row = rows.ravel()  # the distinct state of each (square, facing)
    after = successors(maze, squares)
    worth, visits, transitions, start = _solve(maze, squares, probs[row], after, config)
    by_state = np.bincount(row, visits, minlength=len(states)).astype(float)
    gain = np.zeros_like(probs)
    np.add.at(gain, row, visits[:, None] * config.discount * worth[after])
    weight = np.where(by_state[row] > 0, visits, 1.0)
    mean = np.bincount(row, weight * worth[:-1]) / np.bincount(row, weight)
    goal = np.append(_at_corner(maze, squares, config), config.goal == "cheese")
    success = reach_within(transitions, goal[:, None], HORIZON)[start, 0]
    return Lesson(observations, mean, by_state, gain, probs, float(worth[start]), float(success))


def _solve(
    maze: Maze, squares: tuple[tuple[int, int], ...], probs: Floats, after: NDArray[np.intp], config: ExactConfig
) -> tuple[Floats, Floats, csr_array, int]:
    """Worth of the states and, last, of the cheese `[n + 1]`; visits `[n]`; transitions; the start's number."""
    n = len(after)
    corner = _at_corner(maze, squares, config)
    pointers = np.append(np.arange(n + 1) * 5, n * 5)
    transitions = csr_array((probs.ravel(), after.ravel(), pointers), shape=(n + 1, n + 1))
    going = np.flatnonzero(~corner)  # the states in which the episode goes on
    worth = np.append(corner.astype(float), float(config.goal == "cheese"))
    among = transitions[going][:, going]
    solver = splu((eye_array(len(going)) - config.discount * among).tocsc())
    worth[going] = solver.solve(
        config.discount * (transitions[going] @ np.where(np.isin(np.arange(n + 1), going), 0, worth))
    )
    start = 2 * squares.index(maze.start)
    begin = np.full(len(going), config.elsewhere / len(going))
    begin[going == start] += 1 - config.elsewhere
    if config.objective == "log":
        begin = np.where(worth[going] > _LEAST, begin / np.maximum(worth[going], _LEAST), 0)
    visits = np.zeros(n)
    visits[going] = solver.solve(begin, trans="T")
    return worth, np.maximum(visits, 0), transitions, start


def _at_corner(maze: Maze, squares: tuple[tuple[int, int], ...], config: ExactConfig) -> NDArray[np.bool_]:
    """bool `[n]`: the states on the corner, if standing there is the goal."""
    return np.repeat([config.goal == "corner" and square == maze.top_right for square in squares], len(FACINGS))


def _level(config: ExactConfig, rng: np.random.Generator) -> Maze:
    """A new level below `HELD_OUT`, in which the goal is one: for the corner, the cheese lies elsewhere."""
    while True:
        seed = int(rng.integers(HELD_OUT))
        if config.region is None:
            maze = maze_from_seed(seed, config.distribution_mode)
        else:
            maze = region_maze(seed, config.region, config.distribution_mode)
        if config.goal == "cheese" or maze.top_right not in (maze.cheese, maze.start):
            return maze
