"""Logistic regressions on the eleven distances: one at a time, and several at once under an L1 penalty."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.results.estimates import Estimate, estimate, estimate_fit
from maze_interp.results.tables import cells
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.data import EPISODE, known, standardised
from maze_interp.studies.statistics.fits import FULL, Array, Effort, fit, held_out, ridge

SIX = tuple(name for name in published.SIX if name != "intercept")
THREE = tuple(name for name in published.THREE if name != "intercept")
MODELS: dict[str, Sequence[str]] = {"all eleven": FEATURE_NAMES, "six useful": SIX, "three stable": THREE}
"""The multiple regressions: on all distances and on the published selections of them."""

GUESS, CEILING = "majority guess", "knowing each level"
"""The bounds of every accuracy: always the likelier outcome overall, and the likelier outcome of each level."""


def lasso() -> LogisticRegression:
    """Logistic regression with an L1 penalty of scikit-learn's usual strength (C = 1), by liblinear.

    Liblinear penalises the intercept too; among hundreds of levels that does not show.
    """
    return LogisticRegression(C=1.0, l1_ratio=1.0, solver="liblinear", random_state=0)


def single_regressions(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """A logistic regression of the outcome on each distance alone.

    Args:
        levels: rows of `select`.
        outcome: one of `OUTCOMES`.
        effort: how much is computed.

    Returns:
        a row per distance, the best first: outcome, variable, n; held-out accuracy; `gain`, its
        difference from the majority guess, and `nats`, that of the held-out log-likelihood, both
        paired by level; the coefficient per standard deviation; each with interval; the published accuracy.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    rows = known(levels, FEATURE_NAMES, outcome)
    p = rows[outcome].to_numpy(float)
    guess = held_out(DummyClassifier(strategy="prior"), p[:, None], p, effort.repeats)
    table = []
    for variable in FEATURE_NAMES:
        x = standardised(rows, [variable])
        scores = held_out(ridge(), x, p, effort.repeats)
        coefficient = ridge_coefficients(x, p, effort.refits)[0]
        table.append(
            {
                "outcome": outcome,
                "variable": variable,
                "n": len(p),
                **cells("accuracy", estimate(scores["accuracy"])),
                **cells("gain", estimate(scores["accuracy"] - guess["accuracy"], "number")),
                **cells("nats", estimate(scores["log_likelihood"] - guess["log_likelihood"], "number")),
                **cells("coefficient", coefficient),
                "published": published.SINGLE_ACCURACY[variable] if outcome in EPISODE else None,
            }
        )
    return pd.DataFrame(table).sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def accuracies(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """Held-out accuracy and log-likelihood of the multiple regressions, between the guess and the ceiling.

    Returns:
        a row per model: outcome, model, n, accuracy, log_likelihood with intervals, published accuracy.
    """
    rows = known(levels, FEATURE_NAMES, outcome)
    p = rows[outcome].to_numpy(float)
    scores = {GUESS: held_out(DummyClassifier(strategy="prior"), p[:, None], p, effort.repeats)}
    scores |= {name: held_out(lasso(), standardised(rows, some), p, effort.repeats) for name, some in MODELS.items()}
    if outcome != "sampled_cheese":  # what was drawn is known only once it is drawn
        scores[CEILING] = _ceiling(p)
    return pd.DataFrame(
        {
            "outcome": outcome,
            "model": name,
            "n": len(p),
            **cells("accuracy", estimate(score["accuracy"])),
            **cells("log_likelihood", estimate(score["log_likelihood"], "number")),
            "published": published.ACCURACY.get(name) if outcome in EPISODE else None,
        }
        for name, score in scores.items()
    )


def coefficients(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """Coefficients of the multiple regressions per standard deviation, each on the levels it needs.

    Returns:
        a row per model and variable (and intercept): outcome, model, variable, n, coefficient with
        interval, the published coefficient where there is one.
    """
    others = {"six useful": published.SIX, "three stable": published.THREE} if outcome in EPISODE else {}
    table = []
    for model, variables in MODELS.items():
        rows = known(levels, variables, outcome)
        found = l1_coefficients(standardised(rows, variables), rows[outcome].to_numpy(float), effort.refits)
        for variable, one in zip((*variables, "intercept"), found, strict=True):
            theirs = others.get(model, {}).get(variable)
            row = {"outcome": outcome, "model": model, "variable": variable, "n": len(rows)}
            table.append({**row, **cells("coefficient", one), "published": theirs})
    return pd.DataFrame(table)


def l1_coefficients(x: Array, p: Array, refits: int = FULL.refits) -> list[Estimate]:
    """Coefficients of the L1 regression and, last, its intercept, with intervals over levels."""

    def statistic(counts: Array) -> Array:
        model = lasso()
        fit(model, x, p, counts)
        return np.append(model.coef_[0], model.intercept_)

    return estimate_fit(statistic, len(p), refits)


def ridge_coefficients(x: Array, p: Array, refits: int = FULL.refits) -> list[Estimate]:
    """Coefficients of the hardly penalised regression, without the intercept, with intervals over levels."""
    return estimate_fit(partial(fitted_coefficients, x, p), len(p), refits)


def fitted_coefficients(x: Array, p: Array, counts: Array) -> Array:
    """Coefficients of the hardly penalised regression where each level counts as often as said, `[variables]`."""
    model = ridge()
    fit(model, x, p, counts)
    return model.coef_[0]


def _ceiling(p: Array) -> pd.DataFrame:
    log = np.log(np.clip([p, 1 - p], 1e-300, 1))
    return pd.DataFrame({"accuracy": np.maximum(p, 1 - p), "log_likelihood": p * log[0] + (1 - p) * log[1]})
