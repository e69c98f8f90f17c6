"""Where the training region is in parts that meet only outside it: is the cheese's part chosen at a distance?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.decision import decision, evaluate_at
from maze_interp.policies.hooks import DEFAULT_LAYER
from maze_interp.sweeps.experiment import Experiment

INSIDE, OUTSIDE = "inside", "outside"
"""In the column `cheese`: in a part of the region without the corner, or where procgen put it, outside the region."""


@dataclass(frozen=True)
class RegionParts(Experiment):
    """P(towards cheese) at the decision square, a row for each place of the cheese that gives a level one.

    In levels whose region is in several parts the cheese is put on a random square of a part without
    the corner; in all levels it is also left where procgen put it, if that is outside the region.

    Attributes:
        region: the agent's training region n.
    """

    name: ClassVar[str] = "region_parts"
    columns: ClassVar[Sequence[str]] = ("cheese", "distance", "decision_p_cheese", "decision_p_top_right")

    region: int

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        placed: dict[str, Maze] = {}
        if squares := apart_from_corner(maze, self.region):
            drawn = squares[np.random.default_rng(maze.seed).integers(len(squares))]
            placed[INSIDE] = maze.with_cheese(drawn)
        if maze.cheese not in maze.region(self.region):
            placed[OUTSIDE] = maze
        rows = []
        for name, one in placed.items():
            square = one.decision_square
            if square is None or one.cheese is None:
                continue
            towards, corner, _ = decision(evaluate_at(self.policy, DEFAULT_LAYER, square, one, [()])[0])
            rows.append(
                {
                    "cheese": name,
                    "distance": round(math.dist(square, one.cheese), 6),
                    "decision_p_cheese": towards,
                    "decision_p_top_right": corner,
                }
            )
        return rows


def apart_from_corner(maze: Maze, region: int) -> list[Square]:
    """Squares of the region in parts that do not meet the corner's within it; none if it is in one part.

    The corner's part is that of the open square nearest to the corner; the start never counts.
    """
    first = maze.size - min(region, maze.size)
    parts, _ = label(maze.open[first:, first:])
    squares = [square for square in maze.region(region) if square != maze.start]
    part = {(x, y): int(parts[y - first, x - first]) for x, y in squares}
    if len(set(part.values())) < 2:
        return []
    corner = part[min(squares, key=lambda square: (math.dist(square, maze.top_right), square))]
    return [square for square in squares if part[square] != corner]


def matched_difference(rows: pd.DataFrame, weights: NDArray[np.float64] | None = None, width: float = 1.0) -> float:
    """Mean P(towards cheese) inside less outside, at equal distances from decision square to cheese.

    Of the rows of `RegionParts`, which count `weights` times. Distances are matched in bins of a width in squares; a
    bin weighs as much as it has cheeses inside. NaN if no bin has both.
    """
    often = np.ones(len(rows)) if weights is None else weights
    bins = (rows["distance"] // width).to_numpy(int)
    p = rows["decision_p_cheese"].to_numpy(float)
    count, total = {}, {}
    for name in (INSIDE, OUTSIDE):
        own = often * (rows["cheese"] == name).to_numpy()
        count[name] = np.bincount(bins, own)
        total[name] = np.bincount(bins, own * p)
    both = (count[INSIDE] > 0) & (count[OUTSIDE] > 0)
    if not both.any():
        return float("nan")
    means = {name: total[name][both] / count[name][both] for name in count}
    return float(np.average(means[INSIDE] - means[OUTSIDE], weights=count[INSIDE][both]))
