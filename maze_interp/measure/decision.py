"""A policy under edits at its decision square or in every state, and with a cheese that it cannot see."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maze_interp.edits.base import Edit
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import Evaluation
from maze_interp.measure.field import VectorField
from maze_interp.measure.targets import visits

DECISION = ("decision_p_cheese", "decision_p_top_right", "decision_p_other")
"""Columns of move probabilities at the decision square."""


def evaluate_at(
    policy: nn.Module, layer: str, square: Square | None, maze: Maze, edits: Collection[Sequence[Edit]]
) -> list[Evaluation]:
    """The policy under each combination of edits on one square, facing left, NaN elsewhere; None for all states."""
    if square is None:
        return evaluate_edits(policy, maze, layer, list(edits))
    squares = [each for each in maze.squares if each != maze.cheese]
    wanted = np.zeros((len(edits), len(squares), 1), bool)
    wanted[:, squares.index(square)] = True
    return evaluate_edits(policy, maze, layer, list(edits), wanted, facings=("left",))


def decision(result: Evaluation) -> tuple[float | None, ...]:
    """The probabilities in `DECISION`."""
    field = VectorField(result.maze, result.squares, result.probs[:, 0], result.value[:, 0])
    return field.p_cheese, field.p_top_right, field.p_other


def unseen(maze: Maze, without: Evaluation) -> Evaluation:
    """The policy of a maze without cheese where the cheese, unseen, ends the episode all the same."""
    kept = [square != maze.cheese for square in without.squares]
    squares = tuple(square for square in without.squares if square != maze.cheese)
    return Evaluation(maze, squares, without.probs[kept], without.value[kept])


def visited(results: Sequence[Evaluation], square: Square | None) -> NDArray[np.float64]:
    """For each evaluation of one maze, the probability of standing on `square` in an episode."""
    assert square is not None
    return visits(results, range(len(results)), [square] * len(results), HORIZON)
