"""Shapes that P(cheese) may take over a distance: none, a step, a broken line, a logistic curve, a spline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from maze_interp.studies.statistics.fits import LEAST_LIKELY, Array, Classifier, predict, ridge

LEAST_SHARE = 0.02
"""Of the levels that must lie on either side of a change point."""

KNOTS = 5
"""Of the spline, at quantiles of the levels."""


class Curve:
    """A scikit-learn pipeline from a distance in squares to a probability, by some steps and a light penalty."""

    def __init__(self, *steps: object) -> None:
        self.pipeline: Pipeline = make_pipeline(*steps, ridge())

    def fit(self, X: Array, y: Array, sample_weight: Array) -> Curve:
        """See `Classifier`."""
        self.pipeline.fit(X, y, logisticregression__sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Array) -> Array:
        """See `Classifier`."""
        return self.pipeline.predict_proba(X)


@dataclass
class Step:
    """One probability within `at` squares, another beyond: "within 5, navigate; beyond, don't".

    `at` is the whole number that fits best; the probabilities are the shares on either side, each with half a
    success and half a failure added (Jeffreys), which keeps them off 0 and 1.

    Attributes:
        at: the change point in squares; the distance itself still belongs to the inside.
        inside, outside: the two probabilities.
    """

    at: float = np.nan
    inside: float = np.nan
    outside: float = np.nan

    def fit(self, X: Array, y: Array, sample_weight: Array) -> Step:
        """See `Classifier`."""
        places = change_places(X[:, 0], sample_weight)
        found = [self._sides(X[:, 0] <= place, y, sample_weight) for place in places]
        best = int(np.argmax([likelihood for likelihood, *_ in found]))
        self.at, (_, self.inside, self.outside) = float(places[best]), found[best]
        return self

    def predict_proba(self, X: Array) -> Array:
        """See `Classifier`."""
        p = np.where(X[:, 0] <= self.at, self.inside, self.outside)
        return np.stack([1 - p, p], axis=1)

    @staticmethod
    def _sides(within: Array, y: Array, weight: Array) -> tuple[float, float, float]:
        """The log-likelihood, and the probabilities inside and outside."""
        likelihood, shares = 0.0, []
        for side in (within, ~within):
            successes, total = weight[side] @ y[side], weight[side].sum()
            share = (successes + 0.5) / (total + 1)
            likelihood += successes * np.log(share) + (total - successes) * np.log1p(-share)
            shares.append(float(share))
        return likelihood, shares[0], shares[1]


@dataclass
class BrokenLine:
    """A line in the log-odds within `at` squares and another beyond, free to jump in between.

    Attributes:
        at: the change point in squares, the whole number that fits best.
    """

    at: float = np.nan
    line: LogisticRegression = field(default_factory=ridge)

    def fit(self, X: Array, y: Array, sample_weight: Array) -> BrokenLine:
        """See `Classifier`."""
        x, rows = np.unique(X[:, 0], return_inverse=True)  # fits by distance, not by level: far fewer rows
        weights = np.concatenate([np.bincount(rows, sample_weight * (y == one), len(x)) for one in (0, 1)])
        likelihoods = []
        places = change_places(X[:, 0], sample_weight)
        for place in places:
            p = predict(self._fit_at(place, x, weights), self._design(x, place))
            likelihoods.append(weights @ np.log(np.concatenate([1 - p, p]).clip(LEAST_LIKELY)))
        self.at = float(places[int(np.argmax(likelihoods))])
        self._fit_at(self.at, x, weights)
        return self

    def predict_proba(self, X: Array) -> Array:
        """See `Classifier`."""
        return self.line.predict_proba(self._design(X[:, 0], self.at))

    def _fit_at(self, place: float, x: Array, weights: Array) -> LogisticRegression:
        design = self._design(x, place)
        classes = np.repeat([0, 1], len(x))
        return self.line.fit(np.concatenate([design, design]), classes, sample_weight=weights)

    @staticmethod
    def _design(x: Array, at: float) -> Array:
        beyond = x > at
        return np.stack([x, beyond, beyond * (x - at)], axis=1)


def change_places(x: Array, weight: Array) -> Array:
    """The whole numbers that leave `LEAST_SHARE` of the weight within and as much beyond; the median if none does."""
    places = np.arange(np.floor(x.min()), np.ceil(x.max()) + 1)
    order = np.argsort(x, kind="stable")
    below = np.append(0, np.cumsum(weight[order]))[np.searchsorted(x[order], places, side="right")] / weight.sum()
    kept = places[(below >= LEAST_SHARE) & (below <= 1 - LEAST_SHARE)]
    return kept if len(kept) else np.array([np.median(x)])


def shapes() -> dict[str, Classifier]:
    """The shapes by name, unfitted; those of `SMOOTH` change gradually."""
    spline = SplineTransformer(KNOTS, knots="quantile", extrapolation="linear")
    return {
        "no change": DummyClassifier(strategy="prior"),
        "step": Step(),
        "broken line": BrokenLine(),
        "logistic": Curve(StandardScaler()),
        "spline": Curve(StandardScaler(), spline),
    }


SMOOTH = ("logistic", "spline")
