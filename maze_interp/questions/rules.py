"""From figures to an outcome: conditions such as `at least 0.7`, and the share of resamples in which they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maze_interp.questions.documents import Entry

VERBS: dict[str, np.ufunc] = {
    "at least": np.greater_equal,
    "above": np.greater,
    "at most": np.less_equal,
    "below": np.less,
}
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_ONE = re.compile(rf"({'|'.join(VERBS)})\s+({_NUMBER})")
_RANGE = re.compile(rf"from\s+({_NUMBER})\s+to\s+({_NUMBER})")

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Condition:
    """Bounds that a figure must keep, all of them: verbs of `VERBS`, each with its number."""

    bounds: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return " and ".join(f"{verb} {number:g}" for verb, number in self.bounds)

    def holds(self, values: NDArray[np.float64]) -> Bools:
        """Where it holds, bool `[r]`, of values `[r]`."""
        return np.logical_and.reduce([VERBS[verb](values, number) for verb, number in self.bounds])

    def as_hard_as(self, other: Condition) -> bool:
        """Whether whatever meets this one meets `other`, where both are one bound of one verb."""
        if len(self.bounds) != 1 or len(other.bounds) != 1 or self.bounds[0][0] != other.bounds[0][0]:
            return False
        (verb, mine), (_, its) = self.bounds[0], other.bounds[0]
        return mine >= its if verb in ("at least", "above") else mine <= its


Rule = Mapping[str, Condition]
"""Conditions by figure; all must hold. An empty one always holds."""


def parse_condition(entry: Entry) -> Condition:
    """A condition as it is written in a question file.

    Raises:
        MazeInterpError: not `at least`, `above`, `at most` or `below` and a number, nor `from` one `to` another.
    """
    words = entry.text()
    if found := _ONE.fullmatch(words):
        return Condition(((found[1], float(found[2])),))
    if (found := _RANGE.fullmatch(words)) and float(found[1]) <= float(found[2]):
        return Condition((("at least", float(found[1])), ("at most", float(found[2]))))
    raise entry.error(
        f"expected {', '.join(f'{verb} 0.5' for verb in VERBS)} or from 0.4 to 0.6, with any numbers; not {words!r}"
    )


def parse_rule(entry: Entry, figures: Mapping[str, str], measurement: str) -> Rule:
    """The conditions of a rule, on figures that the measurement has.

    Raises:
        MazeInterpError: no conditions, a malformed one, or a figure that the measurement does not have.
    """
    children = entry.children()
    if not children:
        raise entry.error("expected at least one figure and its condition")
    for name, child in children.items():
        if name not in figures:
            raise child.unknown(f"figure of {measurement}", name, figures)
    return {name: parse_condition(child) for name, child in children.items()}


def rule_text(rule: Rule) -> str:
    """The rule in words."""
    return ", ".join(f"{name} {condition}" for name, condition in rule.items()) or "otherwise"


def rule_holds(rule: Rule, draws: Mapping[str, NDArray[np.float64]], resamples: int) -> Bools:
    """In which of the resamples, bool `[r]`, all conditions hold; figures `[r]` or `[1]` by name."""
    holds = np.ones(resamples, bool)
    for name, condition in rule.items():
        holds &= condition.holds(draws[name])
    return holds
