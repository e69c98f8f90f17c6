"""One target put to one layer: fitted on some levels, scored on others, and held against its controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.policies.impala import Impala
from maze_interp.probing.channels import channel_shares
from maze_interp.probing.controls import PIXELS, majority, random_per_type, shuffled, untrained_like
from maze_interp.probing.examples import Examples, per_square
from maze_interp.probing.keeping import save_fitted
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.scoring import Fold, bootstrap_levels, error_map, folds_by_level, gain, parts, score
from maze_interp.probing.targets import Labels
from maze_interp.sweeps.intervals import Estimate

CURVE = (0.125, 0.25, 0.5)
"""Shares of the training levels at which the learning curve is measured, besides all of them."""

STRENGTHS: dict[tuple[str, bool], tuple[float, ...]] = {
    ("logistic", False): (1e-2, 1e-1),
    ("ridge", False): (1.0, 1e1, 1e2, 1e3),
    ("logistic", True): (1.0,),
    ("ridge", True): (1.0,),
}
"""Penalties to choose from (C of a logistic probe, alpha of a ridge one): of whole layers, with more features than
there are levels, and of single positions, where there is nothing to choose."""

INNER_FOLDS = 3
"""In which the penalty is chosen, inside the training part."""

Row = dict[str, Any]
Probe = LogisticProbe | RidgeProbe
Fitted = list[list[Probe]]
"""For each fold a probe per axis."""


def measure(study: ProbeStudy, job: tuple[str, str]) -> dict[str, list[Row]]:
    """A (layer, target): the rows of the tables of a study, by table; see `study.Tables`."""
    layer, target = job
    trial = Trial(study, target, study.examples(layer, target))
    fitted = trial.fit(trial.asked.y)
    guess = trial.guess(fitted)
    scores = [*trial.rows(guess), *_parts(trial, guess), *trial.rows(_majority(trial), labels="majority")]
    if target == "cheese_here":
        scores += _located(trial, fitted)
    if study.controls:
        scores += [*_random_labels(trial, fitted, guess), *_curve(trial, fitted)]
        if layer != PIXELS and isinstance(study.policy, Impala):
            other = Trial(study, target, study.examples(layer, target, untrained_like(study.policy, study.seed)))
            scores += other.rows(other.guess(other.fit(other.asked.y)), network="untrained")
    right = (np.rint(guess) == trial.asked.y[trial.tested]).all(axis=1)
    places = error_map(trial.asked.seen, trial.asked.observation[trial.tested], right).to_dict("records")
    if study.save is not None:
        save_fitted(study, layer, target, fitted[0], scores)
    tables = {"scores": scores, "places": places, "channels": [] if layer == PIXELS else _channels(trial, fitted)}
    return {table: [{"layer": layer, "target": target, **row} for row in rows] for table, rows in tables.items()}


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

    def fit(self, y: Labels, like: Fitted | None = None, share: float = 1.0) -> Fitted:
        """Probes for every fold and axis.

        Args:
            y: labels of all examples, `[m, axes]`.
            like: take the penalties of these; chosen by cross-validation over the training levels otherwise.
            share: fit to this share of the training levels.
        """
        fitted = []
        for number, fold in enumerate(self.folds):
            some = self._some_levels(self.asked.levels[fold.train], share)
            train = fold.train[some]
            X, levels = self.asked.X.part(train) if some.all() else self.asked.X[train], self.asked.levels[train]
            empty = [self._probe(None if like is None else like[number][axis]) for axis in range(y.shape[1])]
            fitted.append(
                [probe.fit(X, labels, groups=levels) for probe, labels in zip(empty, y[train].T, strict=True)]
            )
        return fitted

    def can_fit(self, share: float) -> bool:
        """Whether a share of the training levels has two different labels on every axis."""
        parts = (fold.train[self._some_levels(self.asked.levels[fold.train], share)] for fold in self.folds)
        return all((self.asked.y[part] != self.asked.y[part[0]]).any(axis=0).all() for part in parts)

    def guess(self, fitted: Fitted) -> Labels:
        """Of every fold's probes on its test part, `[tested, axes]`."""
        return np.concatenate(
            [predict(probes, self.asked, fold.test) for probes, fold in zip(fitted, self.folds, strict=True)]
        )

    def rows(
        self, guess: Labels, y: Labels | None = None, some: NDArray[np.bool_] | None = None, **where: Any
    ) -> list[Row]:
        """The score of guesses as rows of the table.

        Args:
            guess: `[tested, axes]`.
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

    def _probe(self, like: Probe | None) -> Probe:
        asked, study = self.asked, self.study
        ridge = asked.kind == "number" or (asked.kind == "coordinate" and study.reader == "ridge")
        strengths: Sequence[float] = STRENGTHS["ridge" if ridge else "logistic", per_square(self.target)]
        if like is not None:
            strengths = (like.alpha_ if isinstance(like, RidgeProbe) else like.C_,)
        return RidgeProbe(strengths, INNER_FOLDS) if ridge else LogisticProbe(strengths, INNER_FOLDS)

    def _some_levels(self, levels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
        """Which examples are of a share of the levels; a smaller share is part of a larger one."""
        mixed = np.random.default_rng(self.study.seed).permutation(np.unique(levels))
        return np.isin(levels, mixed[: max(2, round(share * len(mixed)))])


def predict(probes: Sequence[Probe], asked: Examples, rows: NDArray[np.intp]) -> Labels:
    """Guesses about some examples, `[rows, axes]`."""
    X = asked.X[rows]
    return np.column_stack([probe.predict(X) for probe in probes])


def _parts(trial: Trial, guess: Labels) -> Iterator[Row]:
    for name, mask in parts(trial.asked.seen, trial.study.region):
        some = mask[trial.asked.observation[trial.tested]]
        if some.any():
            yield from trial.rows(guess, some=some, part=name)


def _majority(trial: Trial) -> Labels:
    """The guess that knows no features: the most frequent training label, or the mean of numbers."""
    y, number = trial.asked.y, trial.asked.kind == "number"
    constant = [y[fold.train].mean(axis=0) if number else majority(y[fold.train]) for fold in trial.folds]
    return np.concatenate([np.tile(one, (len(fold.test), 1)) for one, fold in zip(constant, trial.folds, strict=True)])


def _random_labels(trial: Trial, fitted: Fitted, guess: Labels) -> Iterator[Row]:
    """Shuffled training labels; the control task, selectivity, and how far the control task is merely memorised."""
    asked, seed = trial.asked, trial.study.seed
    yield from trial.rows(trial.guess(trial.fit(shuffled(asked.y, seed), like=fitted)), labels="shuffled")
    types = np.arange(len(asked.y)) if per_square(trial.target) else asked.levels
    task = random_per_type(asked.y, types, seed)
    probes = trial.fit(task, like=fitted)
    control = trial.guess(probes)
    yield from trial.rows(control, task, labels="random")
    tested, train = trial.tested, trial.folds[0].train
    found = gain(asked.kind, asked.levels[tested], (asked.y[tested], guess), (task[tested], control))
    yield from trial.as_rows({"selectivity": found})
    memorised = score(asked.kind, task[train], predict(probes[0], asked, train), asked.levels[train])
    yield from trial.as_rows(memorised, labels="random", part="fitted to")


def _curve(trial: Trial, fitted: Fitted) -> Iterator[Row]:
    """Scores after fitting to some of the training levels; left out where those have but one class."""
    for share in CURVE:
        if not trial.can_fit(share):
            continue
        guess = trial.guess(trial.fit(trial.asked.y, like=fitted, share=share))
        yield from trial.rows(guess, part="learning curve", training_levels=round(share * trial.training_levels))


def _located(trial: Trial, fitted: Fitted) -> list[Row]:
    """How often the position that looks most like the cheese is the cheese's: one guess per observation."""
    asked, best = trial.asked, []
    for fold, (probe,) in zip(trial.folds, fitted, strict=True):
        scores = probe.decision_function(asked.X[fold.test])
        order = np.lexsort([-scores, asked.observation[fold.test]])  # by observation, the highest first
        _, first = np.unique(asked.observation[fold.test][order], return_index=True)
        best.append(fold.test[order[first]])
    rows = np.concatenate(best)
    values = np.column_stack([np.ones(len(rows)), asked.y[rows, 0] == 1])
    share = bootstrap_levels(values, asked.levels[rows], {"located": lambda sums: sums[:, 1] / sums[:, 0]})
    return trial.as_rows(share)


def _channels(trial: Trial, fitted: Fitted) -> list[Row]:
    """What comes from each channel, by the first fold's probes on its test part; the mean of the axes."""
    X = trial.asked.X[trial.folds[0].test]
    channels = X.shape[1] // trial.study.kernel**2 if per_square(trial.target) else X.shape[1]
    shares = np.mean([channel_shares(probe.coef_, X, channels) for probe in fitted[0]], axis=0)
    return [{"channel": channel, "share": float(share)} for channel, share in enumerate(shares)]
