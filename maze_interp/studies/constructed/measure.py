"""Levels in which only the cheese moves: to another branch, farther in one metric, along a branch, everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from maze_interp.mazes.constructed import METRICS, detours, equal_pair, fork_of, swapped_branches
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import behaviours
from maze_interp.measure.field import VectorField, move_between
from maze_interp.policies.moves import MOVES, STEPS
from maze_interp.sweeps.experiment import Experiment

SWAP, DETOUR = "swap", "detour"
KINDS = {
    SWAP: "two long branches that end in the region, the cheese in the one or the other",
    "equal euclidean": "two places equally far in a straight line, the second farther along the maze",
    "equal steps": "two places equally far along the maze, the second farther in a straight line",
    DETOUR: "the cheese so many steps off the path to the corner, along one branch",
}
"""The constructions, in words."""

OUTCOMES = {
    "p_cheese": "P(cheese)",
    "towards": "P(into the cheese's branch | leaves the fork)",
    "elsewhere": "P(into the other branch | leaves the fork)",
}
"""What is measured, in words. The fork is the last square that two paths share: those to the two ends, or to cheese
and corner. The other branch leads to the other end, or to the corner."""

OFF_THE_WAY = (2, 4, 8, 16, 32)
"""Steps off the path to the corner at which a detour is measured; procgen's branches are of even length."""


@dataclass(frozen=True)
class ConstructedLevels(Experiment):
    """A row for every place of the cheese in every construction that a level allows; exact.

    `variant` is 0 or 1 in a pair, in a detour the steps off the path; `euclidean` and `steps` are the distances
    from the fork to the cheese.

    Attributes:
        region: the agent's training region n.
        shortest: least length of a branch in a swap, in steps.
        kinds: of `KINDS`, which to make.
    """

    name: ClassVar[str] = "constructed"
    columns: ClassVar[Sequence[str]] = ("kind", "variant", "euclidean", "steps", *OUTCOMES)

    region: int
    shortest: int = 6
    kinds: tuple[str, ...] = tuple(KINDS)

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        made = self._made(maze)
        results = behaviours(self.policy, [moved for _, _, moved, _ in made])
        rows = []
        for (kind, variant, moved, (fork, other)), result in zip(made, results, strict=True):
            cheese = _cheese(moved)
            towards, elsewhere = leaving(result.field, fork, (cheese, other))
            rows.append(
                {
                    "kind": kind,
                    "variant": variant,
                    "euclidean": round(math.dist(fork, cheese), 6),
                    "steps": moved.steps(fork, cheese),
                    "p_cheese": result.p_cheese,
                    "towards": towards,
                    "elsewhere": elsewhere,
                }
            )
        return rows

    def _made(self, maze: Maze) -> list[tuple[str, int, Maze, tuple[Square, Square]]]:
        """Kind, variant, maze, and (fork, where its other branch leads)."""
        found: list[tuple[str, int, Maze, tuple[Square, Square]]] = []
        if SWAP in self.kinds and (pair := swapped_branches(maze, self.region, self.shortest)):
            ends = [_cheese(one) for one in pair]
            fork = fork_of(maze, *ends)
            found += [(SWAP, i, one, (fork, ends[1 - i])) for i, one in enumerate(pair)]
        for metric in METRICS:
            if (kind := f"equal {metric}") in self.kinds and (pair := equal_pair(maze, metric, self.region)):
                found += [(kind, i, one, (_fork(one), maze.top_right)) for i, one in enumerate(pair)]
        if DETOUR in self.kinds:
            found += [
                (DETOUR, k, one, (_fork(one), maze.top_right)) for k, one in detours(maze).items() if k in OFF_THE_WAY
            ]
        return found


def leaving(field: VectorField, fork: Square, goals: Sequence[Square]) -> list[float]:
    """For each goal the probability of the move towards it on the fork, given that the mouse moves off."""
    moves = [MOVES.index(move_between(fork, field.maze.path(fork, goal)[1])) for goal in goals]
    probs = field.probs[field.squares.index(fork)]
    x, y = fork
    open_ = np.pad(field.maze.open, 1)
    off = [i for i, (dx, dy) in enumerate(STEPS) if (dx or dy) and open_[y + 1 + dy, x + 1 + dx]]
    return [float(probs[move] / probs[off].sum()) for move in moves]


def _cheese(maze: Maze) -> Square:
    assert maze.cheese is not None
    return maze.cheese


def _fork(maze: Maze) -> Square:
    assert maze.decision_square is not None
    return maze.decision_square
