"""One target at one layer: fitted on some levels, scored on others, beside its controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from maze_interp.policies.network import PolicyNetwork
from maze_interp.probing.channels import channel_shares
from maze_interp.probing.controls import PIXELS, UNTRAINED, majority, random_per_type, shuffled, untrained_like
from maze_interp.probing.examples import per_square
from maze_interp.probing.scoring import error_map, gain, parts, score
from maze_interp.probing.targets import Labels
from maze_interp.results.estimates import estimate
from maze_interp.results.sums import all_or_none, estimate_sums, second_of_first
from maze_interp.studies.probe.plan import Plan
from maze_interp.studies.probe.saving import Saved, saved
from maze_interp.studies.probe.tables import NETWORKS, main_metric
from maze_interp.studies.probe.trial import Fitted, Row, Trial, predict

CURVE = (0.125, 0.25, 0.5)
"""Shares of the training levels at which the learning curve is measured, besides all of them."""


@dataclass(frozen=True)
class Measured:
    """What is measured of a target at a layer.

    Attributes:
        tables: rows by table: `scores`, `places` and `channels`, see `tables.Tables`.
        probes: the first fold's fitted probes with their cards, one per axis.
    """

    tables: dict[str, list[Row]]
    probes: list[Saved]


def measure(plan: Plan, job: tuple[str, str]) -> Measured:
    """Fit and score a target at a layer (the job), with its controls."""
    layer, target = job
    trial = Trial(plan, target, plan.examples(layer, target))
    fitted = trial.fit(trial.asked.y)
    guess = trial.guess(fitted)
    scores = [*trial.rows(guess), *_parts(trial, guess), *trial.rows(_majority(trial), labels="majority")]
    scores += _located(trial, fitted)
    if layer != PIXELS:  # which has no channels
        scores += _top_channels(trial)
    if plan.controls:
        scores += [*_random_labels(trial, fitted, guess), *_curve(trial, fitted)]
        if layer != PIXELS and isinstance(plan.policy, PolicyNetwork):
            other = Trial(plan, target, plan.examples(layer, target, untrained_like(plan.policy, plan.seed)))
            untrained = other.fit(other.asked.y)
            scores += other.rows(other.guess(untrained), network="untrained")
            scores += _top_channels(other, network="untrained")
            if layer == plan.policy.default_layer and not per_square(target):
                scores += _more_untrained(other, untrained, layer)
    y = trial.asked.y[trial.tested]
    right = (np.rint(guess)[:, : y.shape[1]] == y).all(axis=1)
    places = error_map(trial.asked.seen, trial.asked.observation[trial.tested], right).to_dict("records")
    tables = {"scores": scores, "places": places, "channels": [] if layer == PIXELS else _channels(trial, fitted)}
    named = {table: [{"layer": layer, "target": target, **row} for row in rows] for table, rows in tables.items()}
    return Measured(named, saved(plan, layer, target, [probe.probe for probe in fitted[0]], scores))


def _parts(trial: Trial, guess: Labels) -> Iterator[Row]:
    for name, mask in parts(trial.asked.seen, trial.plan.region):
        some = mask[trial.asked.observation[trial.tested]]
        if some.any():
            yield from trial.rows(guess, some=some, part=name)


def _majority(trial: Trial) -> Labels:
    """The guess that knows no features: the most frequent training label, or the mean of numbers."""
    y, number = trial.asked.y, trial.asked.kind == "number"
    constant = [y[fold.train].mean(axis=0) if number else majority(y[fold.train]) for fold in trial.folds]
    return np.concatenate([np.tile(one, (len(fold.test), 1)) for one, fold in zip(constant, trial.folds, strict=True)])


def _more_untrained(first: Trial, fitted: Fitted, layer: str) -> list[Row]:
    """The main score of `UNTRAINED` networks with random weights, over networks; penalties are those of the first."""
    plan, target, metric = first.plan, first.target, main_metric(first.target)
    assert isinstance(plan.policy, PolicyNetwork)
    means = []
    for draw in range(UNTRAINED):
        network = untrained_like(plan.policy, plan.seed + draw)
        trial = first if draw == 0 else Trial(plan, target, plan.examples(layer, target, network))
        guess = trial.guess(fitted if draw == 0 else trial.fit(trial.asked.y, like=fitted))
        tested = trial.tested
        means.append(score(trial.asked.kind, trial.asked.y[tested], guess, trial.asked.levels[tested])[metric].mean)
    known = [np.nan if mean is None else mean for mean in means]
    found = estimate(known, "number" if metric == "r2" else None, over="networks")
    return first.as_rows({metric: found}, network=NETWORKS)


def _random_labels(trial: Trial, fitted: Fitted, guess: Labels) -> Iterator[Row]:
    """Shuffled training labels; the control task, selectivity, and how far the control task is merely memorised."""
    asked, seed = trial.asked, trial.plan.seed
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


def _curve(trial: Trial, fitted: Fitted, channels: int | None = None, **where: Any) -> Iterator[Row]:
    """Scores after fitting to some of the training levels; left out where those have but one class."""
    part = "learning curve" if channels is None else f"learning curve, {top_part(channels)}"
    for share in CURVE:
        if trial.can_fit(share):
            guess = trial.guess(trial.fit(trial.asked.y, like=fitted, share=share, channels=channels))
            levels = round(share * trial.training_levels)
            yield from trial.rows(guess, part=part, training_levels=levels, **where)


def _top_channels(trial: Trial, **where: Any) -> Iterator[Row]:
    """Scores of probes of only so many best channels, chosen from the training part."""
    for k in trial.plan.top_channels:
        fitted = trial.fit(trial.asked.y, channels=k)
        yield from trial.rows(trial.guess(fitted), part=top_part(k), **where)
        yield from _located(trial, fitted, part=top_part(k), **where)
        if trial.plan.controls:
            yield from _curve(trial, fitted, k, **where)


def top_part(k: int) -> str:
    """What the table calls scores from the k best channels."""
    return f"{k} best channel{'s' * (k > 1)}"


def _located(trial: Trial, fitted: Fitted, **where: Any) -> list[Row]:
    """How often the position that looks most like the cheese is the cheese's, where that is asked."""
    if trial.target != "cheese_here":
        return []
    asked, best = trial.asked, []
    for fold, (one,) in zip(trial.folds, fitted, strict=True):
        scores = one.probe.decision_function(one.features(asked.X[fold.test]))
        order = np.lexsort([-scores, asked.observation[fold.test]])  # by observation, the highest first
        _, first = np.unique(asked.observation[fold.test][order], return_index=True)
        best.append(fold.test[order[first]])
    rows = np.concatenate(best)
    values = np.column_stack([np.ones(len(rows)), asked.y[rows, 0] == 1])
    located = estimate_sums(values, asked.levels[rows], {"located": second_of_first}, all_or_none)
    return trial.as_rows(located, **where)


def _channels(trial: Trial, fitted: Fitted) -> list[Row]:
    """What comes from each channel, by the first fold's probes on its test part; the mean of the axes."""
    X = trial.asked.X[trial.folds[0].test]
    shares = np.mean([channel_shares(one.probe.coef_, X, X.shape[1]) for one in fitted[0]], axis=0)
    return [{"channel": channel, "share": float(share)} for channel, share in enumerate(shares)]
