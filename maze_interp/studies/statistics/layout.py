"""How P(cheese) depends on a maze's layout beside distance: size, walls, branching, turns, a region in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import label
from scipy.special import expit
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import SplineTransformer

from maze_interp.mazes.maze import Maze, Square
from maze_interp.results.estimates import estimate, estimate_fit
from maze_interp.results.tables import cells
from maze_interp.studies.statistics.data import FinishedSweep, known
from maze_interp.studies.statistics.fits import FULL, Array, Effort, fit, held_out, ridge

DISTANCES = (
    "euclidean_cheese_top_right",
    "euclidean_cheese_decision_square",
    "steps_cheese_decision_square",
    "euclidean_decision_square_top_right",
    "steps_decision_square_top_right",
)
"""Of the eleven, those from which, with the place of the cheese and the size, the others nearly follow."""

ATTRIBUTES = {
    "size": "size of the maze (squares per side)",
    "cheese_left": "cheese to the left wall (squares)",
    "cheese_bottom": "cheese to the bottom wall (squares)",
    "region_parts": "disconnected parts of the region",
    "junctions": "junctions in the maze",
    "junctions_to_cheese": "junctions on the path to the cheese",
    "junctions_to_corner": "junctions on the path to the corner",
    "turns_to_cheese": "turns on the path to the cheese",
    "turns_to_corner": "turns on the path to the corner",
}
"""The attributes fitted. The other walls follow from these and the size, and so, procgen centring its mazes, does
how far the maze's corner and walls are from the world's."""

_KNOTS, _STRENGTH = 4, 1.0  # of the additive model: splines that bend only where many levels ask for it
_GRID = 12  # values of a curve


def layout(maze: Maze, region: int) -> dict[str, int]:
    """Attributes of a maze with cheese and no loops.

    Returns:
        `ATTRIBUTES` and `cheese_right`, `cheese_top` and `to_world_wall` (squares of wall between maze
        and world's edge, on every side; the corner's distance to the absolute corner is √2 times
        that). Paths are from the start. A junction is an open square with three open neighbours or
        more; the path's ends count. `region_parts` counts the parts of the open squares of the top-right
        n×n that are connected within it.
    """
    assert maze.cheese is not None
    x, y = maze.cheese
    to_cheese, to_corner = (maze.path(maze.start, goal) for goal in (maze.cheese, maze.top_right))
    junctions = _junctions(maze)
    edge = maze.size - min(region, maze.size)
    return {
        "size": maze.size,
        "cheese_left": x,
        "cheese_bottom": y,
        "cheese_right": maze.size - 1 - x,
        "cheese_top": maze.size - 1 - y,
        "to_world_wall": maze.padding,
        "region_parts": int(label(maze.open[edge:, edge:])[1]),
        "junctions": len(junctions),
        "junctions_to_cheese": len(junctions.intersection(to_cheese)),
        "junctions_to_corner": len(junctions.intersection(to_corner)),
        "turns_to_cheese": _turns(to_cheese),
        "turns_to_corner": _turns(to_corner),
    }


def with_layout(sweep: FinishedSweep, levels: pd.DataFrame) -> pd.DataFrame:
    """Rows of the sweep with the columns of `layout`, from their mazes."""
    rows = pd.DataFrame([layout(maze, sweep.region) for maze in sweep.mazes(levels)], index=levels.index)
    return levels.drop(columns=[name for name in rows if name in levels]).join(rows)


def predictive(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """What distances and layout predict of levels held out, alone and together.

    Args:
        levels: rows of `with_layout`.
        outcome: one of `OUTCOMES`.
        effort: how much is computed.

    Returns:
        a row per model and predictors: outcome, model, predictors, n, accuracy and log_likelihood, and
        `over_distances`, the latter's difference from the same model's on distances alone, with intervals.
        The additive model is a logistic regression on a spline of each predictor; the boosted trees
        (scikit-learn's) may also use what predictors do jointly.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    rows, names = _varying(levels, outcome)
    p = rows[outcome].to_numpy(float)
    sets = {"distances": set(DISTANCES), "layout": set(ATTRIBUTES), "both": {*DISTANCES, *ATTRIBUTES}}
    guess = held_out(DummyClassifier(strategy="prior"), p[:, None], p, effort.repeats)
    table = [_row("majority guess", "none", guess, guess)]
    for model in ("additive", "boosted trees"):
        scores = {}
        for predictors, some in sets.items():
            x = rows[[name for name in names if name in some]].to_numpy(float)
            scores[predictors] = (
                held_out(ridge(_STRENGTH), np.hstack(_bases(x)), p, effort.repeats)
                if model == "additive"
                else held_out(_trees(), x, p, effort.repeats)
            )
        table += [_row(model, predictors, score, scores["distances"]) for predictors, score in scores.items()]
    return pd.DataFrame([{"outcome": outcome, **row} for row in table])


def dependence(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """Partial dependence: the mean prediction over levels with one predictor set to a value, the others as they are.

    By the additive model on distances and layout, as scikit-learn's `partial_dependence` gives it. Values run from
    a predictor's 2nd to its 98th percentile.

    Returns:
        a row per predictor and value: outcome, variable, value, n, probability with interval over levels.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    rows, names = _varying(levels, outcome)
    x, p = rows[names].to_numpy(float), rows[outcome].to_numpy(float)
    grids = [_values(column) for column in x.T]
    whole = _bases(np.concatenate([x, _padded(grids)]))
    bases, at_values = [basis[: len(p)] for basis in whole], [basis[len(p) :] for basis in whole]
    ends = np.cumsum([basis.shape[1] for basis in bases])[:-1]

    def statistic(counts: Array) -> Array:
        model = ridge(_STRENGTH)
        fit(model, np.hstack(bases), p, counts)
        parts = np.split(model.coef_[0], ends)
        own = [basis @ part for basis, part in zip(bases, parts, strict=True)]
        logit = np.sum(own, axis=0) + model.intercept_
        means = []
        for grid, values, part, mine in zip(grids, at_values, parts, own, strict=True):
            shifted = (logit - mine)[:, None] + values[: len(grid)] @ part
            means.append(counts @ expit(shifted) / counts.sum())
        return np.concatenate(means)

    found = iter(estimate_fit(statistic, len(p), effort.refits))
    return pd.DataFrame(
        {"outcome": outcome, "variable": name, "value": value, "n": len(p), **cells("probability", next(found))}
        for name, grid in zip(names, grids, strict=True)
        for value in grid
    )


def _varying(levels: pd.DataFrame, outcome: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows with everything known, and the predictors that are not the same in all of them."""
    rows = known(levels, [*DISTANCES, *ATTRIBUTES], outcome)
    return rows, [name for name in (*DISTANCES, *ATTRIBUTES) if rows[name].nunique() > 1]


def _row(model: str, predictors: str, score: pd.DataFrame, distances: pd.DataFrame) -> dict[str, Any]:
    return {
        "model": model,
        "predictors": predictors,
        "n": len(score),
        **cells("accuracy", estimate(score["accuracy"])),
        **cells("log_likelihood", estimate(score["log_likelihood"], "number")),
        **cells("over_distances", estimate(score["log_likelihood"] - distances["log_likelihood"], "number")),
    }


def _bases(x: Array) -> list[Array]:
    """A cubic spline basis of each column, knots spread evenly."""
    return [SplineTransformer(_KNOTS).fit_transform(column[:, None]) for column in x.T]


def _trees() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, early_stopping=False, random_state=0)


def _values(column: Array) -> Array:
    """Where a predictor's curve is computed: every value of one with few, else evenly spread ones."""
    low, high = np.quantile(column, [0.02, 0.98], method="nearest")
    values = np.unique(column[(column >= low) & (column <= high)])
    return values if len(values) <= _GRID else np.linspace(low, high, _GRID)


def _padded(grids: Sequence[Array]) -> Array:
    """The grids as columns of one array, the shorter ones filled up with their last values."""
    return np.stack([np.pad(grid, (0, _GRID - len(grid)), mode="edge") for grid in grids], axis=1)


def _junctions(maze: Maze) -> set[Square]:
    around = np.pad(maze.open, 1)
    ways = np.sum([np.roll(around, shift, axis) for shift in (1, -1) for axis in (0, 1)], axis=0)[1:-1, 1:-1]
    return {(int(x), int(y)) for y, x in np.argwhere(maze.open & (ways >= 3))}


def _turns(path: Sequence[Square]) -> int:
    moves = np.diff(np.array(path), axis=0)
    return int((moves[1:] != moves[:-1]).any(axis=1).sum())
