"""Measuring an answer: from figures on a sample of levels to how likely each outcome is.

A figure's uncertainty is that of the sample: the levels are resampled (bootstrap), and the probability of an outcome is
the share of resamples in which the question's rule gives that outcome. So an interval across a threshold resolves to a
probability between 0 and 1, and a rule on several figures of one measurement uses the same resamples for all of them.

A resolver measures one word of the vocabulary: a function from a question's parameters to `Measured`, which raises
`Unmeasurable` where an agent cannot be measured so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from maze_interp.errors import Unmeasurable
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Figure, Resolution
from maze_interp.questions.rules import rule_holds
from maze_interp.results.estimates import RESAMPLES

METHOD = "share of bootstrap resamples of the levels in which the rule gives the outcome"
"""How outcomes get their probabilities, for the record; see `mean_draws` for shares, `outcome` for what is searched."""

DIGITS = 6
"""Significant digits of numbers in a resolution file."""


@dataclass(frozen=True)
class Draws:
    """One figure: its value, and what it is under resamples of the levels.

    Attributes:
        value: on all levels.
        resamples: float64 `[r]`; figures of one measurement share the resamples, in order. `[1]` for a figure
            that does not depend on the levels.
        n: levels it is measured on.

    Raises:
        Unmeasurable: it is not finite.
    """

    value: float
    resamples: NDArray[np.float64]
    n: int

    @classmethod
    def of_sets(cls, values: ArrayLike, n: int) -> Draws:
        """From the figure on the rows of `level_sets`, `[1 + r]`."""
        whole, *resamples = np.asarray(values, float).tolist()
        return cls(whole, np.array(resamples), n)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and np.isfinite(self.resamples).all()):
            raise Unmeasurable(f"the figure is not finite on these {self.n} levels or on resamples of them")


@dataclass(frozen=True)
class Measured:
    """What a resolver hands back.

    Attributes:
        figures: all figures that the vocabulary gives the measurement.
        seeds: of the levels reported on, `first:end`.
        command: what makes the figures, or the nearest command that does.
        chosen: what was chosen on other levels (an edit, channels), in words; None where nothing is.
        evidence: folders with the tables behind the figures, in the folder of the run.
    """

    figures: Mapping[str, Draws]
    seeds: str
    command: str
    chosen: str | None = None
    evidence: Sequence[str] = ()


Resolver = Callable[[Mapping[str, Any]], Measured]
"""Measures a question's parameters; the agent and the size of the run are bound to it beforehand."""


def resample_levels(
    levels: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], Mapping[str, ArrayLike]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Draws]:
    """Figures of the means of a table's columns over the levels, and over resamples of them.

    The statistic takes a table of means, with the same columns and a row for each set of levels, to figures by name,
    `[rows]`. In the means, missing values are left out.

    Raises:
        Unmeasurable: fewer than two levels, or a figure that is not finite.
    """
    sets = level_sets(len(levels), resamples, seed)
    values = {name: column.to_numpy(float) for name, column in levels.items()}
    figures = statistic(pd.DataFrame({name: pd.DataFrame(one[sets]).mean(axis=1) for name, one in values.items()}))
    return {name: Draws.of_sets(values, len(levels)) for name, values in figures.items()}


def level_sets(levels: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """All levels and, in the other rows, resamples of them, by number: `[1 + resamples, levels]`.

    Raises:
        Unmeasurable: fewer than two levels.
    """
    if levels < 2:
        raise Unmeasurable(f"only {levels} of the levels qualify")
    drawn = np.random.default_rng(seed).integers(0, levels, (resamples, levels))
    return np.vstack([np.arange(levels), drawn])


def mean_draws(table: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Draws]:
    """Means of columns of numbers from 0 to 1, and draws of them by the Bayesian bootstrap (Rubin 1981).

    Half a level more at 0 and half a one at 1 leave room beyond what was seen; of 0 and 1 this is Jeffreys's posterior.

    Args:
        table: a row per level, without missing values; the columns share the draws.
        resamples: how many draws.
        seed: of the draws.

    Raises:
        Unmeasurable: fewer than two levels.
    """
    n = len(table)
    if n < 2:
        raise Unmeasurable(f"only {n} of the levels qualify")
    weights = np.random.default_rng(seed).dirichlet([0.5, 0.5, *np.ones(n)], resamples)
    values = np.vstack([np.zeros(table.shape[1]), np.ones(table.shape[1]), table.to_numpy(float)])
    drawn = weights @ values
    return {str(name): Draws(float(table[name].mean()), drawn[:, i], n) for i, name in enumerate(table)}


def resolve(question: Question, resolver: Resolver) -> Resolution:
    """Answer a question by measurement; where that cannot be, its resolution says why."""
    try:
        measured = resolver(question.parameters)
    except Unmeasurable as reason:
        return Resolution(question_hash=question.hash, unresolved=str(reason), proxy=question.proxy)
    readings = {}
    for name, reading in question.readings.items():
        with suppress(Unmeasurable):
            same = reading.parameters == question.parameters
            readings[name] = outcome(reading, (measured if same else resolver(reading.parameters)).figures)
    return Resolution(
        question_hash=question.hash,
        figures={name: _figure(draws) for name, draws in measured.figures.items()},
        measured=outcome(question, measured.figures),
        proxy=question.proxy,
        seeds=measured.seeds,
        command=measured.command,
        chosen=measured.chosen,
        evidence=tuple(measured.evidence),
        readings=readings,
    )


def outcome(question: Question, figures: Mapping[str, Draws]) -> dict[str, float]:
    """The probability of each of the question's `labels`: the share of resamples that give it.

    Where a question is whether something exists, what a search has not found exists by the chance `missed`.
    """
    draws = {name: figure.resamples for name, figure in figures.items()}
    count = max(len(values) for values in draws.values())
    holds = np.array([rule_holds(rule, draws, count) for rule in question.rules.values()])
    if question.kind == "thresholds":  # a threshold counts as met if all easier ones are
        number = np.logical_and.accumulate(holds).sum(axis=0)
    else:
        number = np.vstack([holds, np.ones(count, bool)]).argmax(axis=0)  # the first that holds; no, if yes does not
    shares = np.bincount(number, minlength=len(question.labels)) / count
    if question.missed:
        order = slice(None) if question.kind == "thresholds" else slice(None, None, -1)  # from no to yes
        met = shares[order][::-1].cumsum()[::-1][1:]
        met = met + question.missed * (1 - met)
        shares = np.maximum(-np.diff([1.0, *met, 0.0]), 0.0)[order] + 0.0  # neither below 0 nor −0
    return {label: _round(share) for label, share in zip(question.labels, shares.tolist(), strict=True)}


def _figure(draws: Draws) -> Figure:
    low, high = np.percentile(draws.resamples, [2.5, 97.5])
    return Figure(value=_round(draws.value), low=_round(low), high=_round(high), n=draws.n)


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
