"""P(cheese) by distance: a sudden change ("within 5, navigate; beyond, don't") or a gradual one, in both metrics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sklearn.preprocessing import SplineTransformer

from maze_interp.results.estimates import estimate, estimate_fit
from maze_interp.results.tables import cells
from maze_interp.studies.statistics.data import known, standardised
from maze_interp.studies.statistics.fits import FULL, Array, Effort, fit, held_out, predict, ridge
from maze_interp.studies.statistics.regression import ridge_coefficients
from maze_interp.studies.statistics.shapes import KNOTS, SMOOTH, Step, shapes
from maze_interp.sweeps.groups import BIN_WIDTH

DISTANCES = tuple(name for name in BIN_WIDTH if name != "size")
"""Cheese to decision square and to corner, in a straight line and along the maze."""

PAIR = ("euclidean_cheese_decision_square", "steps_cheese_decision_square")
"""The same distance in the two metrics."""

MARGIN = 0.005
"""Nats per level: smaller differences between shapes lie in how a curve is drawn, not in what an agent does."""

_TEN_TO_NINETY = 2 * math.log(9)  # of a logistic curve of slope 1


def compare_shapes(levels: pd.DataFrame, variable: str, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """Shapes of the outcome over a distance by how well they predict levels held out.

    Returns:
        a row per shape: outcome, variable, shape, n, log_likelihood per level, and its differences from the
        logistic curve's and from the spline's (`over_logistic`, `over_spline`), paired by level, with intervals.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    x, p = _xp(levels, variable, outcome)
    scores = {name: held_out(model, x, p, effort.repeats)["log_likelihood"] for name, model in shapes().items()}
    return pd.DataFrame(
        {
            "outcome": outcome,
            "variable": variable,
            "shape": name,
            "n": len(p),
            **cells("log_likelihood", estimate(score, "number")),
            **cells("over_logistic", estimate(score - scores["logistic"], "number")),
            **cells("over_spline", estimate(score - scores["spline"], "number")),
        }
        for name, score in scores.items()
    )


def fit_step(levels: pd.DataFrame, variable: str, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """The best step over a distance.

    Returns:
        one row: outcome, variable, n; the change point `at` in squares, the probabilities `inside` and
        `outside` it, and the `width` in squares over which the logistic curve goes from 10% to 90%,
        all with bootstrap intervals over levels.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    x, p = _xp(levels, variable, outcome)

    def statistic(counts: Array) -> Array:
        step, curve = Step(), ridge()
        fit(step, x, p, counts)
        fit(curve, x, p, counts)
        return np.array([step.at, step.inside, step.outside, _TEN_TO_NINETY / max(abs(curve.coef_[0, 0]), 1e-6)])

    found = estimate_fit(statistic, len(p), effort.refits)
    row: dict[str, object] = {"outcome": outcome, "variable": variable, "n": len(p)}
    for name, one in zip(("at", "inside", "outside", "width"), found, strict=True):
        row |= cells(name, one)
    return pd.DataFrame([row])


def change_points(steps: pd.DataFrame, shapes: pd.DataFrame) -> pd.DataFrame:
    """Rows of `fit_step` with the `verdict` of the same distance's and outcome's rows of `compare_shapes`."""
    said = [
        verdict(shapes.query("outcome == @row.outcome and variable == @row.variable"), row.width_high)
        for row in steps.itertuples()
    ]
    return steps.assign(verdict=said)


def verdict(compared: pd.DataFrame, width: float) -> str:
    """Whether an outcome changes over a distance suddenly or gradually.

    From the table of `compare_shapes`, and the upper end of the logistic curve's width in `fit_step`.

    Returns:
        one of the words below; a shape is better than another if the whole interval is, by `MARGIN`.
        `"change point"`: the step is better than the logistic curve and than the spline; or neither is
        better than it and the logistic curve itself goes from 10% to 90% within a square. `"broken line"`:
        not so, but the broken line is better than both. `"gradual"`: the logistic curve or the spline is
        better than the step. `"undecided"`: none of these. `"no change"`: not the first, and neither
        logistic curve nor spline is better than a constant by any margin.
    """
    rows = compared.set_index("shape")

    def better(shape: str) -> bool:
        return all(rows.loc[shape, f"over_{smooth}_low"] > MARGIN for smooth in SMOOTH)

    def worse(shape: str, margin: float = MARGIN) -> bool:
        return any(rows.loc[shape, f"over_{smooth}_high"] < -margin for smooth in SMOOTH)

    if better("step") or (not worse("step") and width < 1):
        return "change point"
    if not worse("no change", margin=0):
        return "no change"
    if better("broken line"):
        return "broken line"
    return "gradual" if worse("step") else "undecided"


def fitted_curves(levels: pd.DataFrame, variable: str, outcome: str) -> pd.DataFrame:
    """The shapes fitted to all levels, at every distance that occurs: columns distance and, by name, each shape."""
    x, p = _xp(levels, variable, outcome)
    grid = np.unique(x)
    curves = {"distance": grid}
    for name, model in shapes().items():
        fit(model, x, p)
        curves[name] = predict(model, grid[:, None])
    return pd.DataFrame(curves)


def jointly(levels: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Mean outcome by both metrics of cheese to decision square.

    Returns:
        a row per bin that holds levels: outcome, euclidean, steps (lower edges of bins as wide as
        `BIN_WIDTH`), n, mean, low, high.
    """
    rows = known(levels, PAIR, outcome)
    edges = [(rows[name] // BIN_WIDTH[name] * BIN_WIDTH[name]).astype(int) for name in PAIR]
    return pd.DataFrame(
        {"outcome": outcome, "euclidean": euclidean, "steps": steps, **estimate(some[outcome]).as_dict()}
        for (euclidean, steps), some in rows.groupby(edges)
    )


def at_fixed(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """What one metric of cheese to decision square adds at a fixed value of the other.

    A logistic regression on the one with a spline of the other.

    Returns:
        two rows: outcome, variable, fixed, n, coefficient per standard deviation with interval.
    """
    rows = known(levels, PAIR, outcome)
    p = rows[outcome].to_numpy(float)
    table = []
    for variable, fixed in (PAIR, PAIR[::-1]):
        spline = SplineTransformer(KNOTS, knots="quantile").fit_transform(standardised(rows, [fixed]))
        one = ridge_coefficients(np.hstack([standardised(rows, [variable]), spline]), p, effort.refits)[0]
        row = {"outcome": outcome, "variable": variable, "fixed": fixed, "n": len(p)}
        table.append({**row, **cells("coefficient", one)})
    return pd.DataFrame(table)


def _xp(levels: pd.DataFrame, variable: str, outcome: str) -> tuple[Array, Array]:
    """The distance `[levels, 1]` and the outcome `[levels]` where both are known."""
    rows = known(levels, [variable], outcome)
    return rows[[variable]].to_numpy(float), rows[outcome].to_numpy(float)
