"""What an agent and the reference policies do on every square of many levels, and how often they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.features import maze_features
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import behaviour
from maze_interp.measure.effects import EFFECTS, effects, free_moves
from maze_interp.measure.field import vector_field
from maze_interp.policies.references import PREFIX, UNIFORM, Reference
from maze_interp.results.estimates import estimate
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
"""The reference policies an agent is set against, without their prefix; beside them always `RANDOM`."""

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
    "apart": "where the ways to cheese and corner part, by expected visits",
}
"""Which squares of a level count, and how much."""

SOFTNESS = 0.05
"""The share of random moves that a reference policy is given, so that no move of the agent's is impossible."""

DISTANCES = (0, 2, 4, 8, 16, 32, math.inf)
"""Edges of the bins of steps from mouse to cheese, each with its upper edge."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceMoves(Experiment):
    """A row for every square that the mouse can be on; none in a level without cheese.

    The agent's effects are those of its vector field (un-mirrored), `visits` the expected number of
    times in an episode that it is there. Of each reference policy the effects that its rule leaves
    open, as a number whose bits are `EFFECTS`, and `free`, likewise, those that the maze leaves open; a
    wall follower's are those of its first arrival.
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


def log_likelihood(agent: Floats, predicted: Floats) -> Floats:
    """Expected log-probability `[n]`, in nats, that a prediction gives to what the agent does; both `[n, 5]`."""
    found: Floats = xlogy(agent, predicted).sum(axis=1)
    return found


def agreement_table(rows: pd.DataFrame) -> pd.DataFrame:
    """How well each reference policy, as it is, foretells the agent's moves: by squares and by steps to the cheese.

    Returns:
        columns squares, steps ("any", or a bin), reference, quantity; n, mean, low, high over levels.
        Quantities are `agreement`, the probability that the reference gives to the agent's most probable
        effect, and `log_likelihood`, in nats per move, of the reference with `SOFTNESS`; a level's squares
        are averaged first, with their weights.

    Raises:
        MazeInterpError: there are no rows.
    """
    if not len(rows):
        raise MazeInterpError("no level has a cheese for the reference policies to go to")
    rows = rows.reset_index(drop=True)
    agent = rows[list(EFFECTS)].to_numpy(float)
    random, names = reference_effects(rows, RANDOM), (*COMPARED, RANDOM)
    values = {}
    for name in names:
        probs = reference_effects(rows, name)
        values[name, "agreement"] = probs[np.arange(len(rows)), agent.argmax(axis=1)]
        values[name, "log_likelihood"] = log_likelihood(agent, (1 - SOFTNESS) * probs + SOFTNESS * random)
    labels = [
        f"{low + 1:g}–{high:g}" if math.isfinite(high) else f"{low + 1:g} or more" for low, high in pairwise(DISTANCES)
    ]
    binned = rows[["seed"]].assign(steps=pd.cut(rows["steps_cheese_mouse"], DISTANCES, labels=labels).astype(str))
    found = []
    for squares in SQUARES:
        for steps in ("any", *labels):
            some = rows if steps == "any" else rows[binned["steps"] == steps]
            weight = weights(some, squares)
            counted = weight.groupby(some["seed"]).sum() > 0
            for (name, quantity), value in values.items():
                by_level = (weight * value[some.index]).groupby(some["seed"]).sum()[counted]
                key = {"squares": squares, "steps": steps, "reference": name, "quantity": quantity}
                found.append({**key, **estimate(by_level).as_dict()})
    return pd.DataFrame(found)


def _bits(chosen: NDArray[np.bool_]) -> int:
    return int(chosen @ (1 << np.arange(len(EFFECTS))))


def _from_bits(numbers: pd.Series) -> NDArray[np.bool_]:
    """bool `[n, 5]`."""
    found: NDArray[np.bool_] = (numbers.to_numpy(int)[:, None] >> np.arange(len(EFFECTS)) & 1).astype(bool)
    return found
