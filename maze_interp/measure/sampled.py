"""Sampled episodes in procgen itself: the slow, independent way to what `behaviour` computes.

Only procgen's own starts, pictures, rewards and ends are used, nothing of the Markov chain; the
network runs once for each distinct picture that procgen shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from maze_interp.arguments import checked, whole
from maze_interp.environment import state as states
from maze_interp.environment.simulator import procgen_environment
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, LevelSeed, Maze
from maze_interp.measure.behaviour import behaviours
from maze_interp.policies.moves import to_input
from maze_interp.policies.threads import one_thread

Count = Annotated[int, whole(1, 10**9)]


@dataclass(frozen=True)
class Episodes:
    """What happened in each of n episodes.

    Attributes:
        cheese: bool `[n]`, whether the cheese was reached.
        corner: bool `[n]`, whether the mouse stood on the top-right square.
        steps: int `[n]`, moves made, at most 500.
    """

    cheese: NDArray[np.bool_]
    corner: NDArray[np.bool_]
    steps: NDArray[np.int64]


@checked
def sample_episodes(
    policy: nn.Module,
    seed: LevelSeed,
    mode: DistributionMode,
    episodes: Count,
    rng: np.random.Generator,
    slots: Count = 50,
) -> Episodes:
    """Play level `seed`, cheese where procgen has it, with sampled actions.

    Every slot plays the same number of episodes to their end, so that long ones are not missed.

    Args:
        policy: a network from `[n, 3, 64, 64]` to (logits `[n, 15]`, value `[n]`).
        seed: the level.
        mode: `"easy"` or `"hard"`.
        episodes: how many, a multiple of `slots`.
        rng: draws the actions.
        slots: environments side by side.

    Raises:
        MazeInterpError: `episodes` is not a multiple of `slots`.
    """
    if episodes % slots:
        raise MazeInterpError(f"{episodes} episodes do not fill {slots} slots evenly")
    env = procgen_environment(slots, mode, start_level=seed, num_levels=1)
    views = _Views(policy, env)
    done: list[tuple[bool, bool, int]] = []
    finished, steps = np.zeros(slots, int), np.zeros(slots, int)
    corner = np.zeros(slots, bool)
    while len(done) < episodes:
        looks = [views.look(slot, picture) for slot, picture in enumerate(env.observe()[1]["rgb"])]
        corner |= np.array([at_corner for _, at_corner in looks])
        env.act(_draw(np.array([p for p, _ in looks]), rng))
        reward, _, first = env.observe()
        steps += 1
        for slot in np.flatnonzero(first):
            if finished[slot] < episodes // slots:
                done.append((bool(reward[slot] > 0), bool(corner[slot]), int(steps[slot])))
            finished[slot] += 1
            steps[slot], corner[slot] = 0, False
    env.close()
    cheese, corners, lengths = (np.array(column) for column in zip(*done, strict=True))
    return Episodes(cheese, corners, lengths)


def _draw(probabilities: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int32]:
    """One action for each row of `[n, 15]`."""
    cumulative = np.cumsum(probabilities, axis=1)
    return (rng.random((len(cumulative), 1)) * cumulative[:, -1:] > cumulative).sum(1).astype(np.int32)


class _Views:
    """For each distinct picture: action probabilities, and whether the mouse is in the corner."""

    def __init__(self, policy: nn.Module, env: Any) -> None:
        self._policy, self._env = policy, env
        self._known: dict[bytes, tuple[NDArray[np.float64], bool]] = {}
        self._buffer = env._ffi.new(f"char[{2**20}]")

    def look(self, slot: int, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float64], bool]:
        """What is known of a picture, found out when it first appears (in `slot`)."""
        key = picture.tobytes()
        if key not in self._known:
            with torch.inference_mode(), one_thread():
                logits, _ = self._policy(to_input(picture[None]))
            self._known[key] = logits[0].double().softmax(-1).numpy(), self._at_corner(slot)
        return self._known[key]

    def _at_corner(self, slot: int) -> bool:
        length = self._env.call_c_func("get_state", slot, self._buffer, 2**20)
        state = bytes(self._env._ffi.buffer(self._buffer, length))
        at = states.layout(state)
        edge = (at.world - at.size) // 2 + at.size - 1
        return states.read_mouse(state)[0] == (edge, edge)


@dataclass(frozen=True)
class Comparison:
    """An exact probability beside its sampled frequency on one level.

    Attributes:
        outcome: `"p_cheese"` or `"p_top_right"`.
        exact: the probability computed.
        sampled: the share of the episodes.
        z: their difference in standard errors; standard normal if `exact` is right.
    """

    seed: int
    outcome: str
    exact: float
    sampled: float
    z: float


@checked
def compare(
    policy: nn.Module, mode: DistributionMode, levels: Count, episodes: Count, first_seed: LevelSeed = 0
) -> Iterator[Comparison]:
    """Exact against sampled on the first `levels` levels where an outcome is open.

    Open means an exact probability of 0.05 to 0.95: elsewhere nearly all episodes end alike and a z-score says nothing.

    Yields:
        one comparison for each open outcome of each level.
    """
    rng = np.random.default_rng(first_seed)
    mazes = (Maze.from_seed(seed, mode) for seed in count(first_seed))
    used = 0
    for result in behaviours(policy, mazes):
        exact = {"p_cheese": result.p_cheese, "p_top_right": result.p_top_right}
        exact = {outcome: p for outcome, p in exact.items() if 0.05 < p < 0.95}
        if not exact:
            continue
        seed = result.maze.seed
        sampled = sample_episodes(policy, seed, mode, episodes, rng)
        for outcome, p in exact.items():
            share = float((sampled.cheese if outcome == "p_cheese" else sampled.corner).mean())
            yield Comparison(seed, outcome, p, share, (share - p) / math.sqrt(p * (1 - p) / episodes))
        used += 1
        if used == levels:
            return
