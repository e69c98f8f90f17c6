"""Fits to probabilities, and how well they predict levels held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedKFold

Array = NDArray[np.float64]

FOLDS = 5
"""Of the cross-validation: every level is held out once in each repeat."""

LEAST_LIKELY = 1e-9
"""Predicted probabilities are clipped to this, so that the loss on one level is bounded."""


@dataclass(frozen=True)
class Effort:
    """How much is computed: repeats of the cross-validation, and resamples of levels for intervals of coefficients."""

    repeats: int = 5
    refits: int = 200


FULL = Effort()


class Classifier(Protocol):
    """As scikit-learn has it; fitting again forgets the earlier fit."""

    def fit(self, X: Array, y: Array, sample_weight: Array) -> Any:
        """Fit to classes 0 and 1."""

    def predict_proba(self, X: Array) -> Array:
        """`[n, 2]`."""


def ridge(C: float = 100.0) -> LogisticRegression:
    """Logistic regression with a penalty on squares, the intercept free.

    As it stands the penalty is too weak to show, and only keeps coefficients finite where a rule is perfect.
    """
    return LogisticRegression(C=C, solver="newton-cholesky")


def fit(model: Classifier, X: Array, p: Array, counts: Array | None = None) -> None:
    """Fit to probabilities by maximum likelihood: every level is a success with weight p and a failure with 1 − p.

    This is the fractional logistic regression of Papke and Wooldridge (1996); on outcomes of 0 and 1 it is
    the usual one.

    Args:
        model: fitted in place.
        X: `[levels, variables]`.
        p: `[levels]`, in 0 … 1.
        counts: how often each level counts; once unless given.
    """
    often = np.ones(len(p)) if counts is None else counts
    used = often > 0
    X, p, often = X[used], p[used], often[used]
    classes = np.repeat([1.0, 0.0], len(p))
    weights = np.concatenate([often * p, often * (1 - p)])
    with config_context(assume_finite=True, skip_parameter_validation=True):  # a quarter of the time of small fits
        model.fit(np.concatenate([X, X]), classes, sample_weight=weights)


def predict(model: Classifier, X: Array) -> Array:
    """The fitted probability of each row, `[rows]`."""
    return model.predict_proba(X)[:, 1]


def held_out(model: Classifier, X: Array, p: Array, repeats: int = FULL.repeats, seed: int = 0) -> pd.DataFrame:
    """What a model predicts of levels it was not fitted on, by repeated five-fold cross-validation.

    The same levels are held out together whatever the model, so two models can be compared level by level.

    Returns:
        per level, means over the repeats: `accuracy`, the probability that the likelier outcome by the
        model is what happens; `log_likelihood`, expected, in nats.
    """
    scores = np.zeros((2, len(p)))
    for train, test in RepeatedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(X):
        fit(model, X[train], p[train])
        guess, truth = predict(model, X[test]), p[test]
        sure = np.clip(guess, LEAST_LIKELY, 1 - LEAST_LIKELY)
        scores[0, test] += np.where(guess > 0.5, truth, 1 - truth)
        scores[1, test] += truth * np.log(sure) + (1 - truth) * np.log1p(-sure)
    return pd.DataFrame(scores.T / repeats, columns=["accuracy", "log_likelihood"])
