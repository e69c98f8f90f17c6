"""Where writing at a target's position sends the agent: every target of many levels, beside moving the cheese there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from maze_interp.edits.base import Edit
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.retarget import Retargeting, retarget, retarget_by_cheese
from maze_interp.measure.targets import paths_to
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.results.estimates import estimate, estimate_statistic, ratio
from maze_interp.studies.steering import Mark
from maze_interp.sweeps.experiment import Experiment

OUTCOMES = ("path_probability", "p_visit")

DISTANCES = (-1, 0, 4, 8, 16, math.inf)
"""Edges of the bins of distances from the top-right path: 0, 1 to 4, and so on, each with its upper edge."""

PUBLISHED = {
    "size": (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25),
    "all 11": (0.800, 0.778, 0.780, 0.759, 0.741, 0.696, 0.643, 0.655, 0.582, 0.583, 0.617, 0.530),
    "effective 7": (0.761, 0.704, 0.769, 0.702, 0.709, 0.704, 0.650, 0.660, 0.604, 0.619, 0.637, 0.576),
    "channel 55": (0.700, 0.737, 0.701, 0.672, 0.675, 0.648, 0.594, 0.611, 0.541, 0.547, 0.585, 0.502),
}
"""Mean normalised path probability by size in the published study (arXiv 2310.08043): another agent, wider and on hard
levels."""


@dataclass(frozen=True)
class Targets(Experiment):
    """A row per condition and target, the start left out: no cheese can lie there, and going there is standing still.

    Conditions are `"unedited"`, the marks by their names, and `"cheese"`, the cheese itself moved to
    the target. Elsewhere there is no cheese.

    Attributes:
        marks: what is written at each target's position.
        layer: a layer with a map.
        visits: targets of each level, drawn by its seed, whose exact `p_visit` is measured; None for
            every one. It needs every square and facing for every position, where the normalised
            path probability needs the squares of the paths.
        squares: these targets alone, open in every level; None for all within reach.
        edits: other changes in force throughout, under every condition.
    """

    name: ClassVar[str] = "targets"
    columns: ClassVar[Sequence[str]] = ("condition", "size", "x", "y", "steps", "top_right_path_distance", *OUTCOMES)

    marks: tuple[Mark, ...]
    layer: str = DEFAULT_LAYER
    visits: int | None = 8
    squares: tuple[Square, ...] | None = None
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        maze = maze.with_cheese(None)
        try:
            targets = [target for target in paths_to(maze, self.squares) if target != maze.start]
        except MazeInterpError as error:
            raise MazeInterpError(f"level {maze.seed}: {error}") from error
        order = np.random.default_rng(maze.seed).permutation(len(targets))
        visited = [targets[i] for i in sorted(order[: self.visits])]
        rows: list[dict[str, Any]] = []
        for mark in self.marks:
            run = partial(
                retarget,
                self.policy,
                maze,
                channels=mark.channels,
                value=mark.value,
                layer=self.layer,
                edits=self.edits,
            )
            rows += _rows(mark.name, run(targets, p_visit=False), run(visited) if visited else None)
        by_cheese = partial(retarget_by_cheese, self.policy, maze, edits=self.edits)
        result, some = by_cheese(targets, p_visit=False), by_cheese(visited) if visited else None
        return [*_rows("unedited", result, some), *rows, *_rows("cheese", result, some)]


def _rows(condition: str, result: Retargeting, visited: Retargeting | None) -> list[dict[str, Any]]:
    """The rows of one condition; `visited` holds the targets whose p_visit was measured."""
    which = "_unedited" if condition == "unedited" else ""
    reached = {} if visited is None else {(row["x"], row["y"]): row[f"p_visit{which}"] for row in visited.rows()}
    kept = ("x", "y", "steps", "top_right_path_distance")
    return [
        {
            "condition": condition,
            "size": result.maze.size,
            **{name: row[name] for name in kept},
            "path_probability": row[f"path_probability{which}"],
            "p_visit": reached.get((row["x"], row["y"])),
        }
        for row in result.rows()
    ]


def random_as_one(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the random sets as one condition `"random"`: their mean, target by target."""
    random = rows["condition"].str.startswith("random_")
    key = [name for name in rows.columns if name not in ("condition", *OUTCOMES)]
    mean = rows[random].groupby(key, sort=False, dropna=False)[list(OUTCOMES)].mean().reset_index()
    return pd.concat([rows[~random], mean.assign(condition="random")], ignore_index=True)[list(rows.columns)]


def reach_table(rows: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Each condition over levels, targets averaged within the level first.

    Args:
        rows: of `Targets`, random sets taken together.
        by: `"size"`, or `"distance"` for bins of the distance from the top-right path; None overall.

    Returns:
        columns `by` (if given), condition, outcome; n, mean, low, high over levels; the ratio of the
        mean to the unedited agent's on the same targets: ratio, ratio_low, ratio_high (a ratio per
        level would run off to infinity where the agent hardly ever goes by itself); and the
        difference from it: difference, difference_low, difference_high.
    """
    if by == "distance":
        names = ["0", *(_between(low + 1, high) for low, high in pairwise(DISTANCES[1:]))]
        rows = rows.assign(distance=pd.cut(rows["top_right_path_distance"], DISTANCES, labels=names))
    groups = [("", rows)] if by is None else list(rows.groupby(by, observed=True))
    found = []
    for group, some in groups:
        means = some.groupby(["condition", "seed"], sort=False)[list(OUTCOMES)].mean()
        unedited = means.loc["unedited"]
        for condition in some["condition"].unique():
            mine = means.loc[condition]
            for outcome in OUTCOMES:
                known = mine[outcome].dropna()
                plain = unedited.loc[known.index, outcome]
                row = {**({by: group} if by else {}), "condition": condition, "outcome": outcome}
                row |= estimate(known).as_dict()
                compared = {"ratio": estimate_statistic(ratio, known, plain), "difference": estimate(known - plain)}
                for name, one in compared.items():
                    row |= {name: one.mean, f"{name}_low": one.low, f"{name}_high": one.high}
                found.append(row)
    return pd.DataFrame(found)


def _between(low: float, high: float) -> str:
    return f"{low:g}–{high:g}" if math.isfinite(high) else f"{low:g} or more"
