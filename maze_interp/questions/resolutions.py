"""Resolutions: from measured figures to how likely each outcome is, as a file that people can read and override.

A figure is measured on a sample of levels. Its uncertainty is that of the sample: the levels are resampled (bootstrap),
and the probability of an outcome is the share of resamples in which the question's rule gives that outcome. So an
interval across a threshold resolves to a probability between 0 and 1, and a rule on several figures of one measurement
uses the same resamples for all of them.

A resolver measures one word of the vocabulary: a function from a question's parameters to `Measured`, which raises
`Unmeasurable` where an agent cannot be measured so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from maze_interp.errors import Unmeasurable
from maze_interp.mazes.maze import DistributionMode
from maze_interp.questions.registry import Question
from maze_interp.questions.rules import rule_holds
from maze_interp.results.estimates import RESAMPLES
from maze_interp.validation import Document, Items, Probability, Words, fault

METHOD = "share of bootstrap resamples of the levels in which the rule gives the outcome"
"""How outcomes get their probabilities, for the record; see `mean_draws` for shares, `outcome` for what is searched."""

COUNTED = "counted"
"""Name of the outcome that counts, beside which others are scored."""

TOLERANCE = 1e-6
"""How far each probability of an outcome may be off by rounding."""

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


class Figure(Document):
    """A figure as a resolution file has it: value, 95% bootstrap percentile interval over n levels."""

    value: float
    low: float
    high: float
    n: int


def _sums_to_one(outcome: dict[str, float]) -> dict[str, float]:
    total = sum(outcome.values())
    if abs(total - 1) > TOLERANCE * len(outcome):
        raise fault(f"the probabilities of the outcomes sum to {total:.4g}, not 1")
    return outcome


Outcome = Annotated[dict[str, Probability], AfterValidator(_sums_to_one)]
"""The probability of each of a question's `labels`."""


class Override(Document):
    """A person's outcome in place of the measured one: probabilities by outcome, why, and who says so."""

    outcome: Outcome
    reason: Words
    name: Words


class Resolution(Document):
    """The answer to one question.

    Attributes:
        question_hash: of the question as it was when this was measured.
        measured: the outcome; None if unresolved.
        unresolved: why there is no outcome; None if there is.
        figures: by name.
        proxy: of the question.
        seeds, command, chosen, evidence: as in `Measured`.
        setting: size of the run, where it is not the file's.
        override: what a person put in its place, or None.
        readings: outcomes under the question's alternatives, by name.
        earlier: answers under versions of the question before that one, the first version's first.
    """

    question_hash: Words
    measured: Outcome | None = None
    unresolved: Words | None = None
    figures: dict[str, Figure] = Field(default_factory=dict)
    proxy: Words | None = None
    seeds: Words | None = None
    command: Words | None = None
    chosen: Words | None = None
    evidence: Items[str] = ()
    setting: Words | None = None
    override: Override | None = None
    readings: dict[str, Outcome] = Field(default_factory=dict)
    earlier: Items[Resolution] = ()

    @model_validator(mode="after")
    def _measured_or_unresolved(self) -> Resolution:
        if (self.measured is None) == (self.unresolved is None):
            raise fault("should have either an outcome under 'measured', or under 'unresolved' why there is none")
        return self

    @property
    def outcome(self) -> Mapping[str, float] | None:
        """The probabilities that count: the override's, else the measured ones; None if there are neither."""
        return self.measured if self.override is None else self.override.outcome

    def outcomes(self, question: Question) -> dict[str, Mapping[str, float]]:
        """Every outcome that was ever recorded, by what it is: the one that counts first, `COUNTED`.

        The others are `measured`, where a person has overridden it, those under the question's alternatives, and
        `version 1` and so on, under versions of the question before that of this answer.
        """
        recorded = {COUNTED: self.outcome, "measured": self.measured if self.override else None, **self.readings}
        recorded |= {f"version {question.version_of(each.question_hash)}": each.outcome for each in self.earlier}
        return {name: outcome for name, outcome in recorded.items() if outcome is not None}


class Resolutions(Document):
    """All answers for one agent: the content of a resolution file.

    Attributes:
        agent, agent_hash: its name and the hash of its weights.
        setting: size of the run, `full`, `medium` or `quick`.
        mode: distribution of the levels; None for the agent's own.
        command: what made the file.
        outcomes: how outcomes get their probabilities.
        answers: by question id.
    """

    agent: Words
    agent_hash: Words
    setting: Words
    mode: DistributionMode | None = None
    command: Words
    outcomes: Words
    answers: dict[str, Resolution]

    def after(self, earlier: Resolutions) -> Resolutions:
        """The same with what people and former versions left in an earlier file, which a new measurement keeps.

        An override stays while its question does; once the question has changed, the former answer as a whole stands
        beside the new one. Where only some questions were asked again, the others keep their answers.
        """
        answers = {
            name: answer if name not in earlier.answers else _after(answer, earlier.answers[name])
            for name, answer in self.answers.items()
        }
        if kept := {name: answer for name, answer in earlier.answers.items() if name not in answers}:
            if earlier.setting != self.setting:
                answers = {name: each.model_copy(update={"setting": self.setting}) for name, each in answers.items()}
            return earlier.model_copy(update={"answers": kept | answers})
        return self.model_copy(update={"answers": answers})


def _after(answer: Resolution, before: Resolution) -> Resolution:
    if answer.question_hash == before.question_hash:
        return answer.model_copy(update={"override": before.override, "earlier": before.earlier})
    return answer.model_copy(update={"earlier": (*before.earlier, before.model_copy(update={"earlier": ()}))})


def resample_levels(
    levels: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], Mapping[str, float]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Draws]:
    """Figures of a table of levels, and of resamples of its rows.

    Args:
        levels: one row per level.
        statistic: from such a table to figures by name.
        resamples: how many.
        seed: of the resampling.

    Raises:
        Unmeasurable: fewer than two levels, or a figure that is not finite.
    """
    if len(levels) < 2:
        raise Unmeasurable(f"only {len(levels)} of the levels qualify")
    random = np.random.default_rng(seed)
    whole = statistic(levels)
    draws = [statistic(levels.iloc[random.integers(0, len(levels), len(levels))]) for _ in range(resamples)]
    return {name: Draws(value, np.array([draw[name] for draw in draws]), len(levels)) for name, value in whole.items()}


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
        shares = -np.diff([1.0, *met, 0.0])[order]
    return {label: _round(share) for label, share in zip(question.labels, shares.tolist(), strict=True)}


def _figure(draws: Draws) -> Figure:
    low, high = np.percentile(draws.resamples, [2.5, 97.5])
    return Figure(value=_round(draws.value), low=_round(low), high=_round(high), n=draws.n)


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
