"""Fit a probe of one axis: the estimator by name, the penalty chosen over levels, all channels or the best ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maze_interp.probing.design import Matrix
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Chosen
from maze_interp.probing.sparse import TopKProbe
from maze_interp.probing.targets import Kind, Labels

Estimator = LogisticProbe | RidgeClassProbe | RidgeProbe
"""Probes of one axis."""

ESTIMATORS: dict[ProbeKind, Callable[[Sequence[float], int], Estimator]] = {
    "ridge-classes": RidgeClassProbe,
    "logistic": LogisticProbe,
    "ridge": RidgeProbe,
}
"""From values of C or alpha, and folds, to an estimator."""

Features = Literal["layer", "channels", "position"]
"""What a probe is fitted to: a whole layer, some of its channels, or single positions of its map."""

PENALTIES: dict[tuple[ProbeKind, Features], tuple[float, ...]] = {
    ("logistic", "layer"): (1e-2, 1e-1),
    ("logistic", "channels"): (1e-2, 1e-1, 1.0),
    ("logistic", "position"): (1.0,),
    ("ridge-classes", "layer"): (1e-1, 1.0, 1e1, 1e2, 1e3, 1e4),
    ("ridge-classes", "channels"): (1e-1, 1.0, 1e1, 1e2, 1e3, 1e4),
    ("ridge", "layer"): (1.0, 1e1, 1e2, 1e3),
    ("ridge", "channels"): (1.0, 1e1, 1e2, 1e3),
    ("ridge", "position"): (1.0,),
}
"""Values of C (of a logistic probe) or alpha (of the others) to choose from. Whole layers have more features than there
are levels; at single positions there is nothing to choose."""

INNER_FOLDS = 3
"""In which the penalty is chosen, inside the training part."""


@dataclass(frozen=True)
class FittedProbe:
    """A fitted probe of one axis.

    Attributes:
        probe: the estimator.
        shares: of its classes among the labels that it was fitted to, `[classes]`; None for numbers.
        channels: int `[k]`, those that it takes; None for all.
    """

    probe: Estimator
    shares: NDArray[np.float64] | None
    channels: NDArray[np.intp] | None = None

    @property
    def penalty(self) -> float:
        """C or alpha."""
        return self.probe.C_ if isinstance(self.probe, LogisticProbe) else self.probe.alpha_

    def features(self, X: Matrix) -> Matrix:
        """What it takes of a layer."""
        return X if self.channels is None else Chosen(X, self.channels)

    def guess(self, X: Matrix, balanced: bool) -> Labels:
        """Guesses `[n, 1]`, or `[n, 2]`: the second column is the guess if all classes were equally frequent.

        That is the class whose probability most exceeds its share, which maximises balanced accuracy
        where classes are rare.
        """
        features = self.features(X)
        if self.shares is None or not balanced or not isinstance(self.probe, LogisticProbe):
            return np.asarray(self.probe.predict(features), float)[:, None]
        chances = self.probe.predict_proba(features)
        return self.probe.classes_[np.column_stack([chances.argmax(1), (chances / self.shares).argmax(1)])]


def kind_of_probe(target: Kind, coordinates: ProbeKind) -> ProbeKind:
    """The kind of probe for a kind of target; `coordinates` says how coordinates are predicted."""
    kinds: dict[Kind, ProbeKind] = {"number": "ridge", "class": "logistic", "coordinate": coordinates}
    return kinds[target]


def fit_axis(
    kind: ProbeKind,
    X: Matrix,
    labels: Labels,
    levels: NDArray[np.int64],
    position: bool = False,
    penalty: float | None = None,
    channels: int | None = None,
) -> FittedProbe:
    """Fit one axis.

    Args:
        kind: of the probe.
        X: features, m rows.
        labels: `[m]`.
        levels: `[m]`, the level of each row.
        position: whether a row is a single position of a map.
        penalty: C or alpha; chosen by cross-validation over the levels unless given.
        channels: take so many alone, the best ones; all unless given.
    """
    features: Features = "position" if position else "layer" if channels is None else "channels"
    estimator = ESTIMATORS[kind](PENALTIES[kind, features] if penalty is None else (penalty,), INNER_FOLDS)
    selected = None
    if channels is None:
        estimator.fit(X, labels, groups=levels)
    else:
        best = TopKProbe(channels, estimator).fit(X, labels, groups=levels)
        estimator, selected = best.probe_, best.selected_
    shares = None if isinstance(estimator, RidgeProbe) else (labels[:, None] == estimator.classes_).mean(axis=0)
    return FittedProbe(estimator, shares, selected)
