"""Levels in which only the cheese moves: to another branch, farther in one metric, along a branch, everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from maze_interp.mazes.constructed import METRICS, cheese_everywhere, detours, equal_pair, fork_of, swapped_branches
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import behaviours
from maze_interp.measure.field import VectorField, move_between
from maze_interp.policies.moves import MOVES, STEPS
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import Experiment

SWAP, DETOUR = "swap", "detour"
KINDS = {
    SWAP: "two long branches that end in the region, the cheese in the one or the other",
    "equal euclidean": "two places equally far in a straight line, the second farther along the maze",
    "equal steps": "two places equally far along the maze, the second farther in a straight line",
    DETOUR: "the cheese so many steps off the way to the corner, along one branch",
}
"""The constructions, in words."""

OUTCOMES = {
    "p_cheese": "P(cheese)",
    "towards": "P(into the cheese's branch | leaves the fork)",
    "elsewhere": "P(into the other branch | leaves the fork)",
}
"""What is measured, in words. The fork is where the two ways part: to the two ends, or to cheese and corner; "the
other branch" leads to the other end, or to the corner."""


OFF_THE_WAY = (2, 4, 8, 16, 32)
"""Steps off the way to the corner at which a detour is measured; procgen's branches are of even length."""


@dataclass(frozen=True)
class Constructed(Experiment):
    """A row for every place of the cheese in every construction that a level allows; exact.

    `variant` is 0 or 1 in a pair, in a detour the steps off the way; `euclidean` and `steps` are the distances
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
        results = behaviours(self.policy, [one for _, _, one, _ in made])
        rows = []
        for (kind, variant, one, (fork, other)), result in zip(made, results, strict=True):
            assert one.cheese is not None
            towards, elsewhere = leaving(result.field, fork, (one.cheese, other))
            rows.append(
                {
                    "kind": kind,
                    "variant": variant,
                    "euclidean": round(math.dist(fork, one.cheese), 6),
                    "steps": one.steps(fork, one.cheese),
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


def cheese_map(policy: nn.Module, maze: Maze) -> NDArray[np.float64]:
    """P(cheese) by the cheese's place, `[size, size]` indexed `[y, x]`; NaN in walls and on the start."""
    mazes = list(cheese_everywhere(maze))
    grid = np.full(maze.open.shape, np.nan)
    for one, result in zip(mazes, behaviours(policy, mazes), strict=True):
        x, y = _cheese(one)
        grid[y, x] = result.p_cheese
    return grid


def pair_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Both variants of each kind of pair, and their difference, paired by level.

    Returns:
        columns kind, outcome, variant ("0", "1", or "1 − 0"); n, mean, low, high over levels.
    """
    found = []
    for kind, some in rows[rows["kind"] != DETOUR].groupby("kind", sort=False):
        wide = some.pivot(index="seed", columns="variant", values=list(OUTCOMES))
        for outcome in OUTCOMES:
            parts = {"0": wide[outcome, 0], "1": wide[outcome, 1], "1 − 0": wide[outcome, 1] - wide[outcome, 0]}
            found += [
                {"kind": kind, "outcome": outcome, "variant": variant, **estimate(values).as_dict()}
                for variant, values in parts.items()
            ]
    return pd.DataFrame(found, columns=["kind", "outcome", "variant", "n", "mean", "low", "high"])


def swap_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """By level: `follows`, the mean chance of taking the cheese's branch; `switch`, that less the branch's without it.

    Args:
        rows: of `Constructed`.

    Returns:
        index seed; both are means over the two placements, of moves off the fork.
    """
    some = rows[rows["kind"] == SWAP]
    wide = some.pivot(index="seed", columns="variant", values=["towards", "elsewhere"])
    follows = (wide["towards", 0] + wide["towards", 1]) / 2
    without = (wide["elsewhere", 0] + wide["elsewhere", 1]) / 2  # the same two branches, the cheese in the other
    return pd.DataFrame({"follows": follows, "switch": follows - without})


def detour_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns steps (off the way), outcome; n, mean, low, high over levels."""
    some = rows[rows["kind"] == DETOUR]
    return pd.DataFrame(
        {"steps": steps, "outcome": outcome, **estimate(mine[outcome]).as_dict()}
        for steps, mine in some.groupby("variant")
        for outcome in OUTCOMES
    )


def detour_slope(rows: pd.DataFrame) -> Estimate:
    """Change of P(cheese) per step off the way: the slope within each level that has three places, mean over levels."""
    slopes = [
        np.polyfit(mine["variant"], mine["p_cheese"], 1)[0]
        for _, mine in rows[rows["kind"] == DETOUR].groupby("seed")
        if len(mine) >= 3
    ]
    return estimate(slopes)


def _cheese(maze: Maze) -> Square:
    assert maze.cheese is not None
    return maze.cheese


def _fork(maze: Maze) -> Square:
    assert maze.decision_square is not None
    return maze.decision_square
