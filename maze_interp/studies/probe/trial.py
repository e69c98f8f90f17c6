"""A target's examples at a layer, split by level: probes fitted to one side, guesses about the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.probing.examples import Examples, per_square
from maze_interp.probing.fitting import FittedProbe, fit_axis, kind_of_probe
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.scoring import Fold, folds_by_level, score
from maze_interp.probing.targets import Labels
from maze_interp.results.estimates import Estimate
from maze_interp.studies.probe.plan import Plan

Row = dict[str, Any]
"""Of the table of scores, without layer and target."""


Fitted = list[list[FittedProbe]]
"""For each fold a probe per axis."""


@dataclass(frozen=True)
class Trial:
    """A target's examples at a layer, split by level, and probes fitted to them as the plan says."""

    plan: Plan
    target: str
    asked: Examples

    @cached_property
    def folds(self) -> list[Fold]:
        """The splits."""
        return folds_by_level(self.asked.levels, self.plan.folds, self.plan.seed)

    @cached_property
    def tested(self) -> NDArray[np.intp]:
        """The test examples, fold after fold."""
        return np.concatenate([fold.test for fold in self.folds])

    @property
    def kind(self) -> ProbeKind:
        """Of the probes."""
        return kind_of_probe(self.asked.kind, self.plan.probe)

    @property
    def training_levels(self) -> int:
        """In the first fold."""
        return len(np.unique(self.asked.levels[self.folds[0].train]))

    def fit(self, y: Labels, like: Fitted | None = None, share: float = 1.0, channels: int | None = None) -> Fitted:
        """Probes for every fold and axis, of labels `[m, axes]`.

        C and alpha are those `like` others, or chosen by cross-validation over the training levels, of which a share
        may be taken; `channels` takes so many alone, the best ones in the training part.
        """
        fitted = []
        for number, fold in enumerate(self.folds):
            some = self._some_levels(self.asked.levels[fold.train], share)
            train = fold.train[some]
            X, levels = self.asked.X.part(train) if some.all() else self.asked.X[train], self.asked.levels[train]
            penalties = [None if like is None else like[number][axis].penalty for axis in range(y.shape[1])]
            fitted.append(
                [
                    fit_axis(self.kind, X, labels, levels, per_square(self.target), penalty, channels)
                    for penalty, labels in zip(penalties, y[train].T, strict=True)
                ]
            )
        return fitted

    def can_fit(self, share: float) -> bool:
        """Whether a share of the training levels has two different labels on every axis."""
        parts = (fold.train[self._some_levels(self.asked.levels[fold.train], share)] for fold in self.folds)
        return all((self.asked.y[part] != self.asked.y[part[0]]).any(axis=0).all() for part in parts)

    def guess(self, fitted: Fitted) -> Labels:
        """What every fold's probes say of its test part, see `predict`."""
        return np.concatenate(
            [predict(probes, self.asked, fold.test) for probes, fold in zip(fitted, self.folds, strict=True)]
        )

    def rows(
        self, guess: Labels, y: Labels | None = None, some: NDArray[np.bool_] | None = None, **where: Any
    ) -> list[Row]:
        """The score of guesses as rows of the table.

        Of labels y if not the target's own, of some (bool `[tested]`) of those tested if not all; `where` is what the
        rows say of themselves, if not the usual.
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

    def _some_levels(self, levels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
        """Which examples are of a share of the levels; a smaller share is part of a larger one."""
        mixed = np.random.default_rng(self.plan.seed).permutation(np.unique(levels))
        return np.isin(levels, mixed[: max(2, round(share * len(mixed)))])


def predict(fitted: Sequence[FittedProbe], asked: Examples, rows: NDArray[np.intp]) -> Labels:
    """Guesses about some examples, `[rows, axes]`; of classes `[rows, 2]`, see `FittedProbe.guess`."""
    X = asked.X[rows]
    return np.concatenate([probe.guess(X, asked.kind == "class") for probe in fitted], axis=1)
