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
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import Unmeasurable
from maze_interp.questions.registry import Question
from maze_interp.questions.rules import rule_holds
from maze_interp.results.estimates import RESAMPLES

METHOD = "share of bootstrap resamples of the levels in which the rule gives the outcome"
"""How outcomes get their probabilities, for the record."""

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


@dataclass(frozen=True)
class Figure:
    """A figure as a resolution file has it: value, 95% bootstrap percentile interval over n levels."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Override:
    """A person's outcome in place of the measured one: probabilities by outcome, why, and who says so."""

    outcome: Mapping[str, float]
    reason: str
    name: str


@dataclass(frozen=True)
class Resolution:
    """The answer to one question.

    Attributes:
        question: its id.
        unresolved: why there is no outcome; None if there is.
        figures: by name.
        measured: probability of each of the question's `labels`; None if unresolved.
        seeds, command, chosen, evidence: as in `Measured`.
        override: what a person put in its place, or None.
    """

    question: str
    unresolved: str | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    measured: Mapping[str, float] | None = None
    seeds: str | None = None
    command: str | None = None
    chosen: str | None = None
    evidence: tuple[str, ...] = ()
    override: Override | None = None

    @property
    def outcome(self) -> Mapping[str, float] | None:
        """The probabilities that count: the override's, else the measured ones; None if there are neither."""
        return self.measured if self.override is None else self.override.outcome


@dataclass(frozen=True)
class Resolutions:
    """All answers for one agent: the content of a resolution file.

    Attributes:
        agent, agent_hash: its name and the hash of its weights.
        setting: size of the run, such as `full` or `quick`.
        command: what made the file.
        answers: by question id.
    """

    agent: str
    agent_hash: str
    setting: str
    command: str
    answers: Mapping[str, Resolution]

    def with_overrides_of(self, earlier: Resolutions) -> Resolutions:
        """The same with the overrides of an earlier file, which a new measurement does not undo."""
        kept = {name: one.override for name, one in earlier.answers.items() if one.override and name in self.answers}
        answers = {name: replace(one, override=kept.get(name)) for name, one in self.answers.items()}
        return replace(self, answers=answers)


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
    return {name: Draws(value, np.array([one[name] for one in draws]), len(levels)) for name, value in whole.items()}


def resolve(question: Question, resolver: Resolver) -> Resolution:
    """Answer a question by measurement; where that cannot be, its resolution says why."""
    try:
        measured = resolver(question.parameters)
    except Unmeasurable as reason:
        return Resolution(question.id, unresolved=str(reason))
    return Resolution(
        question=question.id,
        figures={name: _figure(draws) for name, draws in measured.figures.items()},
        measured=outcome(question, measured.figures),
        seeds=measured.seeds,
        command=measured.command,
        chosen=measured.chosen,
        evidence=tuple(measured.evidence),
    )


def outcome(question: Question, figures: Mapping[str, Draws]) -> dict[str, float]:
    """The probability of each of the question's `labels`: the share of resamples that give it."""
    draws = {name: one.resamples for name, one in figures.items()}
    count = max(len(values) for values in draws.values())
    holds = np.array([rule_holds(rule, draws, count) for rule in question.rules.values()])
    if question.kind == "thresholds":  # a threshold counts as met if all easier ones are
        number = np.logical_and.accumulate(holds).sum(axis=0)
    else:
        number = np.vstack([holds, np.ones(count, bool)]).argmax(axis=0)  # the first that holds; no, if yes does not
    return {label: _round((number == i).mean()) for i, label in enumerate(question.labels)}


def _figure(draws: Draws) -> Figure:
    low, high = np.percentile(draws.resamples, [2.5, 97.5])
    return Figure(_round(draws.value), _round(low), _round(high), draws.n)


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
