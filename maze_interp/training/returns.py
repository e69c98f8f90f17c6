"""The exact return of a policy in a level: the value of every state and the visits to it, by two linear systems.

A policy without memory makes a finite Markov chain of a maze. The value of its states solves one sparse linear
system, the expected discounted visits the transposed one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import splu

from maze_interp.environment.observe import FACINGS
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.chain import reach_within, successors
from maze_interp.measure.evaluate import Runner
from maze_interp.measure.states import states_of
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.objective import ExactConfig

Floats = NDArray[np.float64]

_LEAST = 1e-12  # below this value there is no way to the goal, or none to speak of


class LevelReturns(NamedTuple):
    """A policy in a level; s distinct states, each perhaps of several (square, facing).

    Attributes:
        observations: uint8 `[s, 64, 64, 3]`.
        value: float64 `[s]`, exact discounted return, its mean over the facings that look alike.
        visits: float64 `[s]`, expected discounted visits, those of each episode over the value of where it begins.
        gain: float64 `[s, 5]`, visits times the discounted value of what each move leads to.
        probs: float64 `[s, 5]`, move probabilities.
        start_value: value of the start.
        success: probability of reaching the goal within an episode.
        efficiency: moves of the shortest path over those whose discount is the start's value, in [0, 1]: 1 for a
            policy that takes the shortest path, 0 for one that never arrives.
    """

    observations: NDArray[np.uint8]
    value: Floats
    visits: Floats
    gain: Floats
    probs: Floats
    start_value: float
    success: float
    efficiency: float


def level_returns(policy: PolicyNetwork, maze: Maze, config: ExactConfig) -> LevelReturns:
    """Evaluate a policy on every state of a level, and solve for the value of each and the visits to it."""
    states = states_of([maze])
    (squares,), (rows,), every = states.squares, states.rows, np.arange(len(states))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bfloat16):
        probs = Runner(policy, states).run(every)[:, :5]
    row = rows.ravel()  # the distinct state of each (square, facing)
    after = successors(maze, squares)
    value, visits, transitions, start = _solve(maze, squares, probs[row], after, config)
    by_state = np.bincount(row, visits, minlength=len(states)).astype(float)
    gain = np.zeros_like(probs)
    np.add.at(gain, row, visits[:, None] * config.discount * value[after])
    mean = np.bincount(row, value[:-1]) / np.bincount(row)
    goal = np.append(_at_corner(maze, squares, config), config.goal == "cheese")
    success = reach_within(transitions, goal[:, None], HORIZON)[start, 0]
    efficiency = _efficiency(maze, float(value[start]), config)
    return LevelReturns(
        states.observations(every), mean, by_state, gain, probs, float(value[start]), float(success), efficiency
    )


def _solve(
    maze: Maze, squares: tuple[Square, ...], probs: Floats, after: NDArray[np.intp], config: ExactConfig
) -> tuple[Floats, Floats, csr_array, int]:
    """Value of the states and, last, of the cheese `[n + 1]`; visits `[n]`; transitions; the start's number."""
    n = len(after)
    corner = _at_corner(maze, squares, config)
    pointers = np.append(np.arange(n + 1) * 5, n * 5)
    transitions = csr_array((probs.ravel(), after.ravel(), pointers), shape=(n + 1, n + 1))
    going = np.flatnonzero(~corner)  # the states in which the episode goes on
    value = np.append(corner.astype(float), float(config.goal == "cheese"))
    among = transitions[going][:, going]
    solver = splu((eye_array(len(going)) - config.discount * among).tocsc())
    value[going] = solver.solve(
        config.discount * (transitions[going] @ np.where(np.isin(np.arange(n + 1), going), 0, value))
    )
    start = 2 * squares.index(maze.start)
    begin = np.full(len(going), config.elsewhere / len(going))
    begin[going == start] += 1 - config.elsewhere
    begin = np.where(value[going] > _LEAST, begin / np.maximum(value[going], _LEAST), 0)
    visits = np.zeros(n)
    visits[going] = solver.solve(begin, trans="T")
    return value, np.maximum(visits, 0), transitions, start


def _at_corner(maze: Maze, squares: tuple[Square, ...], config: ExactConfig) -> NDArray[np.bool_]:
    """bool `[n]`: the states on the corner, if standing there is the goal."""
    return np.repeat([config.goal == "corner" and square == maze.top_right for square in squares], len(FACINGS))


def _efficiency(maze: Maze, start_value: float, config: ExactConfig) -> float:
    goal = maze.cheese if config.goal == "cheese" else maze.top_right
    assert goal is not None
    moves = math.log(max(start_value, _LEAST)) / math.log(config.discount)
    return min(maze.steps(maze.start, goal) / moves, 1.0)
