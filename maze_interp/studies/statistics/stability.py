"""How far a regression's coefficients can be trusted: collinearity, stability of signs, what each variable adds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.outliers_influence import variance_inflation_factor

from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import cells
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.data import known, standardised
from maze_interp.studies.statistics.fits import FULL, Array, Effort, fit, held_out
from maze_interp.studies.statistics.regression import MODELS, THREE, lasso

SUBSETS = 200
"""Random subsets of the distances on which the L1 regression is fitted."""


def correlations(levels: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlations of the eleven distances over levels: a column `variable` and one per distance."""
    return levels[list(FEATURE_NAMES)].corr().rename_axis("variable").reset_index()


def unidentified(levels: pd.DataFrame, variables: Sequence[str] = FEATURE_NAMES) -> list[str]:
    """The variables that are a linear function of the others in all of these levels, by the rank of their matrix.

    No regression on all of them identifies their coefficients. In a maze without loops the steps cheese–corner are
    the sum of the steps from either to the decision square.
    """
    rows = levels[np.isfinite(levels[list(variables)].astype(float)).all(axis=1)]
    x = standardised(rows, variables)
    return [variable for place, variable in enumerate(variables) if _bound(x, place)]


def inflation(levels: pd.DataFrame) -> pd.DataFrame:
    """Variance inflation factors in each of the multiple regressions: columns model, variable, n, factor, published.

    A variable that is not identified, as `unidentified` has it, has an infinite factor.
    """
    table = []
    for model, variables in MODELS.items():
        rows = levels[np.isfinite(levels[list(variables)].astype(float)).all(axis=1)]
        x = standardised(rows, variables)
        for place, variable in enumerate(variables):
            factor = np.inf if _bound(x, place) else _factor(x, place)
            theirs = published.INFLATION[variable] if model == "three stable" else None
            table.append({"model": model, "variable": variable, "n": len(rows), "factor": factor, "published": theirs})
    return pd.DataFrame(table)


def sign_stability(levels: pd.DataFrame, outcome: str, subsets: int = SUBSETS, seed: int = 0) -> pd.DataFrame:
    """Signs of the L1 coefficients when the other variables come and go.

    Each distance is in a random subset with probability one half; subsets of fewer than two are drawn again.

    Returns:
        a row per distance: outcome, variable, n, subsets it was in, and the shares of them in which
        its coefficient was negative, zero and positive.
    """
    rows = known(levels, FEATURE_NAMES, outcome)
    x, p = standardised(rows, FEATURE_NAMES), rows[outcome].to_numpy(float)
    signs = np.full((subsets, len(FEATURE_NAMES)), np.nan)
    rng = np.random.default_rng(seed)
    for place in range(subsets):
        chosen = rng.random(len(FEATURE_NAMES)) < 0.5
        while chosen.sum() < 2:
            chosen = rng.random(len(FEATURE_NAMES)) < 0.5
        model = lasso()
        fit(model, x[:, chosen], p)
        signs[place, chosen] = np.sign(model.coef_[0])
    table = pd.DataFrame({"outcome": outcome, "variable": FEATURE_NAMES, "n": len(p)})
    table["subsets"] = np.isfinite(signs).sum(axis=0)
    for name, sign in {"negative": -1, "zero": 0, "positive": 1}.items():
        table[name] = (signs == sign).sum(axis=0) / table["subsets"]
    return table


def add_and_drop(
    levels: pd.DataFrame, outcome: str, base: Sequence[str] = THREE, effort: Effort = FULL
) -> pd.DataFrame:
    """What every distance adds to a regression: dropped if it is in it, added if not.

    Returns:
        a row per distance: outcome, change (`"drop"` or `"add"`), variable, n, and the differences
        of held-out accuracy and log-likelihood (nats) from the base's, paired by level, with intervals.
    """
    rows = known(levels, FEATURE_NAMES, outcome)
    p = rows[outcome].to_numpy(float)
    start = held_out(lasso(), standardised(rows, base), p, effort.repeats)
    table = []
    for variable in FEATURE_NAMES:
        within = variable in base
        variables = [name for name in base if name != variable] if within else [*base, variable]
        change = held_out(lasso(), standardised(rows, variables), p, effort.repeats) - start
        row = {"outcome": outcome, "change": "drop" if within else "add", "variable": variable, "n": len(p)}
        table.append(
            {
                **row,
                **cells("accuracy", estimate(change["accuracy"], "number")),
                **cells("nats", estimate(change["log_likelihood"], "number")),
            }
        )
    return pd.DataFrame(table).sort_values("change", ascending=False, kind="stable", ignore_index=True)


def _bound(x: Array, place: int) -> bool:
    """Whether a column is a linear function of the others."""
    return bool(np.linalg.matrix_rank(x) == np.linalg.matrix_rank(np.delete(x, place, axis=1)))


def _factor(x: Array, place: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the others may be bound to each other, which this factor does not mind
        return float(variance_inflation_factor(x, place))
