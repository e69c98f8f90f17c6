"""From figures to an outcome: conditions such as `at least 0.7`, and the share of resamples in which they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainValidator

from maze_interp.validation import fault

VERBS: dict[str, np.ufunc] = {
    "at least": np.greater_equal,
    "above": np.greater,
    "at most": np.less_equal,
    "below": np.less,
}
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_BOUND = re.compile(rf"({'|'.join(VERBS)})\s+({_NUMBER})")
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
        (verb, number), (_, easier) = self.bounds[0], other.bounds[0]
        return number >= easier if verb in ("at least", "above") else number <= easier


def parse_condition(words: Any) -> Condition:
    """A condition as it is written in a question file.

    Raises:
        PydanticCustomError: not `at least`, `above`, `at most` or `below` and a number, nor `from` one `to` another.
    """
    if bound := _BOUND.fullmatch(str(words)):
        return Condition(((bound[1], float(bound[2])),))
    if (bounds := _RANGE.fullmatch(str(words))) and float(bounds[1]) <= float(bounds[2]):
        return Condition((("at least", float(bounds[1])), ("at most", float(bounds[2]))))
    valid = ", ".join(f"{verb} 0.5" for verb in VERBS)
    raise fault(f"should be {valid} or from 0.4 to 0.6, with any numbers, not {words!r}")


Rule = Annotated[dict[str, Annotated[Condition, PlainValidator(parse_condition)]], Field(min_length=1)]
"""Conditions by figure; all must hold."""


def rule_text(rule: Mapping[str, Condition]) -> str:
    """The rule in words."""
    return ", ".join(f"{name} {condition}" for name, condition in rule.items()) or "otherwise"


def rule_holds(rule: Mapping[str, Condition], draws: Mapping[str, NDArray[np.float64]], resamples: int) -> Bools:
    """In which of the resamples, bool `[r]`, all conditions hold; figures `[r]` or `[1]` by name."""
    holds = np.ones(resamples, bool)
    for name, condition in rule.items():
        holds &= condition.holds(draws[name])
    return holds
