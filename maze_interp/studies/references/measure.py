"""What an agent and the reference policies do on every square of many levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import unknown_name
from maze_interp.mazes.features import maze_features
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import behaviour
from maze_interp.measure.effects import EFFECTS, effects, free_moves
from maze_interp.measure.field import vector_field
from maze_interp.policies.references import PREFIX, UNIFORM, Reference
from maze_interp.sweeps.experiment import Experiment

CHEESE, CORNER, RANDOM = "shortest-to-cheese", "shortest-to-corner", "random"

COMPARED = (
    CHEESE,
    CORNER,
    "local-search-5",
    "local-search-8",
    "local-search-12",
    "greedy-euclidean",
    "left-wall",
    "right-wall",
)
"""The reference policies that an agent is compared with, without their prefix; `RANDOM` is always among them."""

CONTEXTS = (
    "euclidean_cheese_mouse",
    "steps_cheese_mouse",
    "euclidean_cheese_decision_square",
    "steps_cheese_decision_square",
    "euclidean_cheese_top_right",
)
"""Distances known on every square; those from the decision square are NaN in levels without one."""

SQUARES = {
    "all": "all squares alike",
    "visited": "squares by the agent's expected visits",
    "apart": "squares where the paths to cheese and corner differ, by expected visits",
}
"""Which squares of a level count, and how much."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceMoves(Experiment):
    """A row for every square that the mouse can be on; none in a level without cheese.

    The agent's effects are those of its vector field (un-mirrored), `visits` the expected number of times in an episode
    that it is there. Of each reference policy the effects that its rule leaves open, as a number whose bits are
    `EFFECTS`, and `free`, likewise, those that the maze leaves open; a wall follower's are those of its first arrival.
    """

    name: ClassVar[str] = "reference_moves"
    columns: ClassVar[Sequence[str]] = ("x", "y", "visits", *EFFECTS, "free", *COMPARED, *CONTEXTS)

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.cheese is None:
            return []
        result = behaviour(self.policy, maze)
        free = free_moves(maze)
        agent = effects(result.field.probs, free)
        rules = {name: vector_field(Reference(PREFIX + name), maze).probs > 0 for name in COMPARED}
        features = maze_features(maze)
        steps = maze.distances(maze.cheese)
        return [
            {
                "x": x,
                "y": y,
                "visits": result.occupancy[y, x],
                **dict(zip(EFFECTS, agent[i], strict=True)),
                "free": _bits(free[i]),
                **{name: _bits(moves[i]) for name, moves in rules.items()},
                **{name: features.get(name) for name in CONTEXTS},
                "euclidean_cheese_mouse": math.dist(maze.cheese, (x, y)),
                "steps_cheese_mouse": steps[y, x],
            }
            for i, (x, y) in enumerate(result.field.squares)
            if np.isfinite(maze.distances(maze.start)[y, x])
        ]


def reference_effects(rows: pd.DataFrame, reference: str) -> Floats:
    """A reference policy's probabilities of `EFFECTS` `[n, 5]` on the squares of `ReferenceMoves`.

    Raises:
        MazeInterpError: an unknown reference.
    """
    if reference == RANDOM:
        free = _from_bits(rows["free"])
        return effects(np.tile(UNIFORM, (len(rows), 1)), free)
    if reference not in COMPARED:
        raise unknown_name("reference", reference, (*COMPARED, RANDOM))
    chosen = _from_bits(rows[reference])
    found: Floats = chosen / chosen.sum(axis=1, keepdims=True)
    return found


def weights(rows: pd.DataFrame, squares: str, within: Sequence[str] = ("seed",)) -> pd.Series:
    """How much each square counts: those of a level together 1, or 0 where none counts.

    Args:
        rows: of `ReferenceMoves`.
        squares: of `SQUARES`.
        within: columns that name the groups whose weights sum to 1.

    Raises:
        MazeInterpError: an unknown choice of squares.
    """
    if squares not in SQUARES:
        raise unknown_name("choice of squares", squares, SQUARES)
    raw = rows["visits"] if squares != "all" else pd.Series(1.0, rows.index)
    if squares == "apart":
        raw = raw.where((rows[CHEESE] & rows[CORNER]) == 0, 0.0)
    total = raw.groupby([rows[name] for name in within]).transform("sum")
    return (raw / total).where(total > 0, 0.0)


def _bits(chosen: NDArray[np.bool_]) -> int:
    return int(chosen @ (1 << np.arange(len(EFFECTS))))


def _from_bits(numbers: pd.Series) -> NDArray[np.bool_]:
    """bool `[n, 5]`."""
    found: NDArray[np.bool_] = (numbers.to_numpy(int)[:, None] >> np.arange(len(EFFECTS)) & 1).astype(bool)
    return found
