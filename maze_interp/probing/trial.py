"""A target's examples at a layer, split by level: probes fitted to one side, guesses about the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.probing.examples import Examples, per_square
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.plan import ProbeStudy, Reader
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Chosen, Matrix
from maze_interp.probing.scoring import Fold, folds_by_level, score
from maze_interp.probing.sparse import TopKProbe
from maze_interp.probing.targets import Kind, Labels
from maze_interp.results.estimates import Estimate

Linear = LogisticProbe | RidgeClassProbe | RidgeProbe
"""Probes of one axis."""

STRENGTHS: dict[tuple[str, str], tuple[float, ...]] = {
    ("logistic", "layer"): (1e-2, 1e-1),
    ("logistic", "channels"): (1e-2, 1e-1, 1.0),
    ("logistic", "position"): (1.0,),
    **{("ridge-classes", what): (1e-1, 1.0, 1e1, 1e2, 1e3, 1e4) for what in ("layer", "channels")},
    **{("ridge", what): (1.0, 1e1, 1e2, 1e3) for what in ("layer", "channels")},
    ("ridge", "position"): (1.0,),
}
"""Penalties to choose from (C of a logistic probe, alpha of the others), by reader: of whole layers, with more features
than there are levels, of some of their channels, and of single positions, where there is nothing to choose."""

READERS: dict[Reader, Callable[[Sequence[float], int], Linear]] = {
    "ridge-classes": RidgeClassProbe,
    "logistic": LogisticProbe,
    "ridge": RidgeProbe,
}
"""What reads, from strengths and folds."""

INNER_FOLDS = 3
"""In which the penalty is chosen, inside the training part."""

Row = dict[str, Any]
"""Of the table of scores, without layer and target."""


@dataclass(frozen=True)
class Reading:
    """A fitted probe of one axis.

    Attributes:
        probe: the probe.
        shares: of its classes among the labels that it was fitted to, `[classes]`; None for numbers.
        channels: int `[k]`, those that it reads; None for all.
    """

    probe: Linear
    shares: NDArray[np.float64] | None
    channels: NDArray[np.intp] | None = None

    @property
    def strength(self) -> float:
        """Of its penalty."""
        return self.probe.C_ if isinstance(self.probe, LogisticProbe) else self.probe.alpha_

    def read(self, X: Matrix) -> Matrix:
        """What it reads of a layer."""
        return X if self.channels is None else Chosen(X, self.channels)

    def guess(self, X: Matrix, even: bool) -> Labels:
        """Guesses `[n, 1]`, or `[n, 2]`: behind the most probable class the one that an even guesser names.

        That is the class whose probability most exceeds its share, which maximises balanced accuracy
        where classes are rare.
        """
        if self.shares is None or not even or not isinstance(self.probe, LogisticProbe):
            return np.asarray(self.probe.predict(self.read(X)), float)[:, None]
        chances = self.probe.predict_proba(self.read(X))
        return self.probe.classes_[np.column_stack([chances.argmax(1), (chances / self.shares).argmax(1)])]


Fitted = list[list[Reading]]
"""For each fold a reading per axis."""


@dataclass(frozen=True)
class Trial:
    """A target's examples at a layer, split by level, and probes fitted to them.

    Attributes:
        study: says how coordinates are read, and how to split.
        target: what is asked.
        asked: the examples.
    """

    study: ProbeStudy
    target: str
    asked: Examples

    @cached_property
    def folds(self) -> list[Fold]:
        """The splits."""
        return folds_by_level(self.asked.levels, self.study.folds, self.study.seed)

    @cached_property
    def tested(self) -> NDArray[np.intp]:
        """The test examples, fold after fold."""
        return np.concatenate([fold.test for fold in self.folds])

    @property
    def training_levels(self) -> int:
        """In the first fold."""
        return len(np.unique(self.asked.levels[self.folds[0].train]))

    def fit(self, y: Labels, like: Fitted | None = None, share: float = 1.0, channels: int | None = None) -> Fitted:
        """Probes for every fold and axis.

        Args:
            y: labels of all examples, `[m, axes]`.
            like: take the penalties of these; chosen by cross-validation over the training levels otherwise.
            share: fit to this share of the training levels.
            channels: read so many alone, the best ones in the training part; all unless given.
        """
        fitted = []
        for number, fold in enumerate(self.folds):
            some = self._some_levels(self.asked.levels[fold.train], share)
            train = fold.train[some]
            X, levels = self.asked.X.part(train) if some.all() else self.asked.X[train], self.asked.levels[train]
            strengths = [None if like is None else like[number][axis].strength for axis in range(y.shape[1])]
            pairs = zip(strengths, y[train].T, strict=True)
            fitted.append([self._read(X, labels, levels, strength, channels) for strength, labels in pairs])
        return fitted

    def can_fit(self, share: float) -> bool:
        """Whether a share of the training levels has two different labels on every axis."""
        parts = (fold.train[self._some_levels(self.asked.levels[fold.train], share)] for fold in self.folds)
        return all((self.asked.y[part] != self.asked.y[part[0]]).any(axis=0).all() for part in parts)

    def guess(self, fitted: Fitted) -> Labels:
        """What every fold's probes say of its test part, see `predict`."""
        return np.concatenate(
            [predict(some, self.asked, fold.test) for some, fold in zip(fitted, self.folds, strict=True)]
        )

    def rows(
        self, guess: Labels, y: Labels | None = None, some: NDArray[np.bool_] | None = None, **where: Any
    ) -> list[Row]:
        """The score of guesses as rows of the table.

        Args:
            guess: as of `guess`.
            y: labels of all examples, if not the target's own.
            some: bool `[tested]`, score these alone.
            where: what the rows say of themselves, if not the usual.
        """
        some = np.ones(len(self.tested), bool) if some is None else some
        truth = (self.asked.y if y is None else y)[self.tested[some]]
        return self.as_rows(score(self.asked.kind, truth, guess[some], self.asked.levels[self.tested[some]]), **where)

    def as_rows(self, found: Mapping[str, Estimate], **where: Any) -> list[Row]:
        """Estimates by metric as rows of the table."""
        usual = {"network": "agent", "labels": "true", "training_levels": self.training_levels, "part": "all"}
        return [
            {**usual, **where, "metric": metric, "n": one.n, "value": one.mean, "low": one.low, "high": one.high}
            for metric, one in found.items()
        ]

    def _read(
        self, X: Matrix, labels: Labels, levels: NDArray[np.int64], strength: float | None, channels: int | None
    ) -> Reading:
        """Fit one axis, `labels` `[m]`; the penalty is chosen over the levels unless given."""
        asked = self.asked
        kinds: dict[Kind, Reader] = {"number": "ridge", "class": "logistic", "coordinate": self.study.reader}
        reader = kinds[asked.kind]
        what = "position" if per_square(self.target) else "layer" if channels is None else "channels"
        given: Sequence[float] = STRENGTHS[reader, what] if strength is None else (strength,)
        probe, selected = READERS[reader](given, INNER_FOLDS), None
        if channels is None:
            probe.fit(X, labels, groups=levels)
        else:
            best = TopKProbe(channels, probe).fit(X, labels, groups=levels)
            probe, selected = best.probe_, best.selected_
        shares = None if isinstance(probe, RidgeProbe) else (labels[:, None] == probe.classes_).mean(axis=0)
        return Reading(probe, shares, selected)

    def _some_levels(self, levels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
        """Which examples are of a share of the levels; a smaller share is part of a larger one."""
        mixed = np.random.default_rng(self.study.seed).permutation(np.unique(levels))
        return np.isin(levels, mixed[: max(2, round(share * len(mixed)))])


def predict(readings: Sequence[Reading], asked: Examples, rows: NDArray[np.intp]) -> Labels:
    """Guesses about some examples, `[rows, axes]`; of classes `[rows, 2]`, see `Reading.guess`."""
    X = asked.X[rows]
    return np.concatenate([one.guess(X, asked.kind == "class") for one in readings], axis=1)
