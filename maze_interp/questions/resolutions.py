"""The content of a resolution file: each question's outcome and figures, open to overrides by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.placement import Precision
from maze_interp.questions.question import Question
from maze_interp.validation import Document, Items, Probability, Words, fault

Size = Literal["full", "medium", "quick"]
"""Of a run, from the largest to the smallest."""

COUNTED = "counted"
"""Name of the outcome that counts, beside which others are scored."""

TOLERANCE = 1e-6
"""How far each probability of an outcome may be off by rounding."""


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
    setting: Size | None = None
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
        mode: distribution of the levels; None for the agent's own.
        precision: of the network.
        command: what made the file.
        outcomes: how outcomes get their probabilities.
    """

    agent: Words
    agent_hash: Words
    setting: Size
    mode: DistributionMode | None = None
    precision: Precision = "float32"
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
