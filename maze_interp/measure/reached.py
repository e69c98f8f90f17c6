"""Evaluate the states that a policy reaches, in the order in which probability flows into them.

A trained policy hardly ever enters most dead ends. Were every state that is not evaluated an end, episodes would differ
from what they are in those alone that reach such a state: the probability of that bounds the error of every figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.linalg import splu
from torch import nn

from maze_interp.edits.base import Edits
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.chain import successors
from maze_interp.measure.evaluate import Evaluation, Runner, evaluations
from maze_interp.measure.states import States, states_of

Floats = NDArray[np.float64]

_AHEAD = 12  # moves beyond what is evaluated that a round looks ahead
_DECAY = 0.001  # share of the flow that a move ahead is taken to keep, in the first round; its root in each later one


def evaluate_reached(
    policy: nn.Module, mazes: Sequence[Maze], edits: Edits, horizon: int, tolerance: float
) -> list[Evaluation]:
    """Evaluate `policy` on so many states of each maze that the others change no figure by more than `tolerance`.

    The shortest paths to the cheese and to the top right are evaluated first, both facings; the mazes' states share
    batches. Evaluations are NaN on the states left out.
    """
    states = states_of(mazes)
    runner = Runner(policy, states, edits)
    outputs = np.full((len(states), 6), np.nan)
    flows = [_Flow.of_maze(states, number) for number in range(len(mazes))]
    wanted, rounds = np.unique(np.concatenate([flow.first for flow in flows])), 1
    while len(wanted):
        outputs[wanted] = runner.run(wanted)
        visits = _visits(flows, outputs, horizon)
        wanted_by = [
            flow.wanted(outputs, visit, horizon, tolerance, _DECAY ** (1 / rounds))
            for flow, visit in zip(flows, visits, strict=True)
        ]
        flows = [flow for flow, some in zip(flows, wanted_by, strict=True) if len(some)]
        wanted, rounds = np.unique(np.concatenate(wanted_by)), rounds + 1
    return list(evaluations(states, outputs))


@dataclass(frozen=True)
class _Flow:
    """The chain of one maze while it is evaluated.

    Attributes:
        rows: int `[s]`, the observation of each state.
        after: int `[s, 5]`, the state that each move leads to; s for the cheese.
        start: the state in which episodes begin.
        decision: the states on the decision square; none without one.
        first: observations to begin with.
    """

    rows: NDArray[np.intp]
    after: NDArray[np.intp]
    start: int
    decision: NDArray[np.intp]
    first: NDArray[np.intp]

    @classmethod
    def of_maze(cls, states: States, number: int) -> _Flow:
        maze, squares, rows = states.mazes[number], states.squares[number], states.rows[number]
        paths = _on_paths(maze)
        number_of = np.arange(rows.size).reshape(rows.shape)  # of each state
        decision = maze.decision_square if maze.cheese is not None else None
        return cls(
            rows=rows.ravel(),
            after=successors(maze, squares),
            start=int(number_of[squares.index(maze.start), 0]),
            decision=number_of[[square == decision for square in squares]].ravel(),
            first=rows[[square in paths for square in squares]].ravel(),
        )

    def wanted(self, outputs: Floats, visits: Floats, horizon: int, tolerance: float, decay: float) -> NDArray[np.intp]:
        """Observations to evaluate next; none if what flows into the others is little enough."""
        known = ~np.isnan(outputs[self.rows, 0])
        inflow = np.zeros(len(known) + 1)
        np.add.at(inflow, self.after[known], outputs[self.rows[known], :5] * visits[known, None])
        inflow[np.append(known, True)] = 0
        arrives = min(1.0, visits[self.decision].sum() / 4) if len(self.decision) else 1.0
        allowed = tolerance * min(1 / horizon, arrives)
        if inflow.sum() <= allowed:
            return np.empty(0, np.intp)
        least = allowed / np.count_nonzero(inflow)
        for _ in range(_AHEAD):
            sources = np.flatnonzero(~known & (inflow[:-1] > least))
            np.maximum.at(inflow, self.after[sources], decay * inflow[sources, None])
        return self.rows[~known & (inflow[:-1] > least)]


def _on_paths(maze: Maze) -> set[Square]:
    """The squares on shortest paths from the start to the cheese and to the top right; none beyond a cheese."""
    goals = [goal for goal in (maze.cheese, maze.top_right) if goal is not None and maze.open[goal[::-1]]]
    near, squares, beyond = maze.distances(maze.start), set[Square]([maze.start]), np.zeros_like(maze.open)
    for x, y in goals:
        if np.isfinite(near[y, x]) and not beyond[y, x]:
            from_goal = maze.distances((x, y))
            squares.update((x, y) for y, x in np.argwhere(near + from_goal == near[y, x]).tolist())
            beyond = near[y, x] + from_goal == near  # episodes end at the cheese, which comes first
    return squares


def _visits(flows: Sequence[_Flow], outputs: Floats, horizon: int) -> list[Floats]:
    """At least the expected visits to each evaluated state of each maze before an episode's last move.

    A visit after t moves is discounted by (horizon / (horizon + 1))^t, which is more than 1 / e, and counted e times:
    so one linear system holds for any horizon.
    """
    sizes = [len(flow.rows) + 1 for flow in flows]
    offsets = np.cumsum([0, *sizes])
    probs = np.nan_to_num(outputs[np.concatenate([flow.rows for flow in flows]), :5])
    after = np.concatenate([flow.after + offset for flow, offset in zip(flows, offsets[:-1], strict=True)])
    moves = np.insert(np.full(len(after), 5), offsets[1:] - np.arange(1, len(sizes) + 1), 0)  # none from the cheese
    pointers = np.concatenate([[0], np.cumsum(moves)])
    transitions = csr_array((probs.ravel(), after.ravel(), pointers), shape=(offsets[-1], offsets[-1]))
    begin = np.zeros(offsets[-1])
    begin[[offset + flow.start for flow, offset in zip(flows, offsets[:-1], strict=True)]] = math.e
    system = eye_array(offsets[-1]) - horizon / (horizon + 1) * transitions.T
    return [visits[:-1] for visits in np.split(splu(csc_array(system)).solve(begin), offsets[1:-1])]
