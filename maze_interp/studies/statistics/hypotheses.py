"""Tests of hypotheses on distances: the sign of each with the others fixed; a preference or only a longer path."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import cells
from maze_interp.studies.statistics.data import known, standardised
from maze_interp.studies.statistics.fits import FULL, Array, Classifier, Effort, held_out, ridge
from maze_interp.studies.statistics.regression import THREE, ridge_coefficients

BOUND = ("steps_decision_square_top_right", "steps_cheese_top_right", "steps_cheese_decision_square")
"""Three step distances of which each is given by the other two: at most two can be held fixed."""

CHAIN = "steps_cheese_decision_square"
OUTCOMES = ("p_cheese", "exit_choice", "decision_p_cheese")
"""Outcomes by how many moves they rest on: a whole episode, leaving the decision square, one move there."""


def signs(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """For every distance, whether the agent takes the cheese more often the closer it is, the others held fixed.

    The hardly penalised regression on all distances but one of `BOUND`, three times over.

    Returns:
        a row per distance, for those in `BOUND` one for either of the others left out: outcome, variable,
        left_out, n, coefficient per standard deviation with interval, and `closer_more_often`: yes (the
        interval lies below zero), no (above), or unclear.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    rows = known(levels, FEATURE_NAMES, outcome)
    p = rows[outcome].to_numpy(float)
    table = []
    for left_out in BOUND:
        variables = [name for name in FEATURE_NAMES if name != left_out]
        found = ridge_coefficients(standardised(rows, variables), p, effort.refits)
        for variable, one in zip(variables, found, strict=True):
            if variable in BOUND or left_out == BOUND[0]:  # the others' do not depend on which is left out
                row = {"outcome": outcome, "variable": variable, "left_out": left_out, "n": len(p)}
                table.append({**row, **cells("coefficient", one), "closer_more_often": _answer(one.low, one.high)})
    return pd.DataFrame(table)


def chain(levels: pd.DataFrame, outcome: str, effort: Effort = FULL) -> pd.DataFrame:
    """How well the steps cheese–decision square predict a whole episode, and one move at the decision square.

    If they predict only because a longer path needs more moves to succeed, they predict the episode and not the one
    move.

    Returns:
        one row: outcome, n; the steps' coefficient per standard deviation `alone` and `given` the other two
        stable distances; and in held-out log-likelihood what they add to a constant (`nats_alone`) and to the
        other two (`nats_given`); each with interval.

    Raises:
        MazeInterpError: too few levels, or a constant outcome.
    """
    rows = known(levels, THREE, outcome)
    p = rows[outcome].to_numpy(float)
    steps, others = standardised(rows, [CHAIN]), standardised(rows, [name for name in THREE if name != CHAIN])
    three = np.hstack([steps, others])

    def score(model: Classifier, x: Array) -> pd.Series:
        return held_out(model, x, p, effort.repeats)["log_likelihood"]

    constant = DummyClassifier(strategy="prior")
    row = {
        "outcome": outcome,
        "n": len(p),
        **cells("alone", ridge_coefficients(steps, p, effort.refits)[0]),
        **cells("given", ridge_coefficients(three, p, effort.refits)[0]),
        **cells("nats_alone", estimate(score(ridge(), steps) - score(constant, steps), "number")),
        **cells("nats_given", estimate(score(ridge(), three) - score(ridge(), others), "number")),
    }
    return pd.DataFrame([row])


def _answer(low: float | None, high: float | None) -> str:
    if low is None or high is None or low <= 0 <= high:
        return "unclear"
    return "yes" if high < 0 else "no"
