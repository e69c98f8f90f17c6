"""A question: what is asked, the measurement that answers, and the rule from its figures to an outcome.

A question has a hash of what decides its outcome, and resolutions record it. A rule or parameter that changes after a
resolution leaves its former value under `earlier`, with the reason, so that outcomes under both stay known. A change
without that is noticed: the recorded hash is then none of the question's. Other defensible rules and parameters stand
under `alternatives`; their outcomes are recorded and scored beside the one that counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from maze_interp.questions.measurements import CHEESE, measurements
from maze_interp.questions.rules import Condition, Rule, rule_text
from maze_interp.validation import Document, Items, Probability, Words, fault, unknown

KINDS = {
    "binary": "yes or no",
    "thresholds": "the hardest of nested thresholds that is met, or none",
    "exclusive": "one of several options",
    "judgement": "yes or no, by a stated proxy for what a person would have to judge",
}
"""The kinds of question and what their outcomes are."""

YES, NO, NONE = "yes", "no", "none"

AS_FOUND = "as found"
"""The reading by which what a search has not found does not exist."""

OTHERWISE = "otherwise"
"""The rule of the last option, which holds where no other does."""

_ANSWERS = {"binary": "rule", "thresholds": "thresholds", "exclusive": "options", "judgement": "rule"}


class Deciding(Document):
    """What decides an outcome, each where it is stated.

    Attributes:
        measurement: one of `measurements()`.
        rule: when the answer is yes.
        thresholds: when each is met, from the easiest to the hardest.
        options: when each is the outcome, the first that holds counting; the last always holds.
        missed: of a question whether something exists, the chance that it does where the search has not found it.
    """

    measurement: str | None = None
    parameters: dict[str, Any] | None = None
    rule: Rule | None = None
    thresholds: dict[str, Rule] | None = Field(None, min_length=1)
    options: dict[str, Rule | Literal["otherwise"]] | None = Field(None, min_length=2)
    missed: Probability | None = None


class Change(Deciding):
    """What is different in a former version or in an alternative, and why."""

    reason: Words


class Question(Deciding):
    """A question and everything that decides its outcome.

    Attributes:
        id: its name: lower-case words and numbers joined by hyphens.
        kind: one of `KINDS`.
        wording: the question.
        proxy: why the measurement stands in for the question, where it is not what is asked; else None.
        source: where the question comes from.
        earlier: former values of what decides the outcome, the first version's first; each says what was different
            before the next version.
        alternatives: other defensible values, by name; parameters that are not named stay.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    kind: Literal["binary", "thresholds", "exclusive", "judgement"]
    wording: Words
    measurement: str
    parameters: dict[str, Any]
    proxy: Words | None = None
    source: Words
    earlier: Items[Change] = ()
    alternatives: dict[str, Change] = Field(default_factory=dict)
    _group: str = PrivateAttr("")

    @property
    def group(self) -> str:
        """The name of its file, without suffix."""
        return self._group

    @property
    def rules(self) -> dict[str, dict[str, Condition]]:
        """What must hold for each outcome: yes, each threshold, each option; nothing for the last option."""
        if self.rule is not None:
            return {YES: self.rule}
        rules = self.thresholds or self.options or {}
        return {name: {} if isinstance(rule, str) else rule for name, rule in rules.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """The outcomes that exclude each other: yes, no; none and the thresholds (highest one met); the options."""
        names = tuple(self.rules)
        return {"exclusive": names, "thresholds": (NONE, *names)}.get(self.kind, (YES, NO))

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which a forecast may answer, the usual one first."""
        return {"exclusive": ("bins",), "thresholds": ("cumulative", "bins")}.get(self.kind, ("binary",))

    @property
    def rule_text(self) -> str:
        """The rule in words, on one line."""
        return "; ".join(f"{label}: {rule_text(rule)}" for label, rule in self.rules.items())

    @property
    def hash(self) -> str:
        """12 hexadecimal digits of the SHA-256 of what decides the outcome; not of wording, proxy and source."""
        rules = [(label, sorted((name, rule[name].bounds) for name in rule)) for label, rule in self.rules.items()]
        decides = [self.kind, self.measurement, self.parameters, rules, *([self.missed] if self.missed else [])]
        content = json.dumps(decides, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def versions(self) -> tuple[Question, ...]:
        """The question as it was and, last, as it is."""
        versions = [self]
        for change in reversed(self.earlier):
            versions.insert(0, versions[0].model_copy(update=_fields(change)))
        return tuple(versions)

    @property
    def readings(self) -> dict[str, Question]:
        """The question under each of its alternatives; `AS_FOUND` if what was not found may exist."""
        found = {AS_FOUND: self.model_copy(update={"missed": None})} if self.missed else {}
        for name, change in self.alternatives.items():
            fields = _fields(change)
            parameters = {**self.parameters, **(fields.get("parameters") or {})}
            found[name] = self.model_copy(update={**fields, "parameters": parameters})
        return found

    @property
    def version(self) -> int:
        """Its number, from 1."""
        return len(self.earlier) + 1

    def version_of(self, digest: str) -> int | None:
        """The latest version with a hash; None if none has it."""
        hashes = [version.hash for version in self.versions]
        return max((number for number, known in enumerate(hashes, 1) if known == digest), default=None)

    def changes(self, version: int) -> str:
        """What the next version changed, in words, and why; of a version before the last."""
        words = changed(self.versions[version - 1], self.versions[version])
        return f"{words}: {self.earlier[version - 1].reason}"

    @field_validator("measurement")
    @classmethod
    def _known_measurement(cls, name: str) -> str:
        if name not in measurements():
            raise fault(unknown("measurement", name, measurements()))
        return name

    @field_validator("options")
    @classmethod
    def _last_otherwise(cls, options: dict[str, Any] | None) -> dict[str, Any] | None:
        if options is not None and [name for name, rule in options.items() if rule == OTHERWISE] != [*options][-1:]:
            raise fault(f"the last option, and no other, should be {OTHERWISE!r}")
        return options

    @model_validator(mode="after")
    def _consistent(self) -> Question:
        answer = _ANSWERS[self.kind]
        for name in dict.fromkeys(_ANSWERS.values()):
            if (getattr(self, name) is not None) != (name == answer):
                raise fault(f"is {'missing' if name == answer else f'not for a question of kind {self.kind}'}", name)
        if self.kind == "judgement" and self.proxy is None:
            raise fault("is missing; a judgement needs one", "proxy")
        _check_parameters(self.measurement, self.parameters)
        _check_figures(self, answer)
        if self.kind == "thresholds":
            _check_thresholds(self.rules)
        for number, version in enumerate(self.versions[:-1]):
            if version.hash == self.versions[number + 1].hash:
                raise fault("says nothing that was different", "earlier", number)
            if version.labels != self.labels:
                raise fault("has other outcomes; that is a new question, with an id of its own", "earlier", number)
        if self.missed and self.kind == "exclusive":
            raise fault("is for questions whether something exists, not for options", "missed")
        for name, reading in self.readings.items():
            if reading.labels != self.labels:
                raise fault("has other outcomes", "alternatives", name)
            if reading.hash == self.hash:
                raise fault("says nothing that is different", "alternatives", name)
            _check_parameters(reading.measurement, reading.parameters, "alternatives", name)
            _check_figures(reading, "alternatives", name, answer)
        return self


def _fields(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.model_fields_set if name != "reason"}


def changed(before: Question, after: Question, brief: bool = False) -> str:
    """What decides the outcome of one and not of the other, in words; if brief, only as it is after."""
    names, unset = {**before.parameters, **after.parameters}, "not set"
    pairs = {name: (before.parameters.get(name, unset), after.parameters.get(name, unset)) for name in names}
    pairs |= {"measurement": (before.measurement, after.measurement), "rule": (before.rule_text, after.rule_text)}
    pairs |= {"missed": (before.missed or 0, after.missed or 0)}
    differ = {name: (old, new) for name, (old, new) in pairs.items() if old != new}
    return ", ".join(f"{name} {new}" if brief else f"{name} {old} → {new}" for name, (old, new) in differ.items())


def _check_parameters(measurement: str, parameters: Mapping[str, Any], *place: str) -> None:
    valid = measurements()[measurement].parameters
    for name in (*parameters, *valid):
        if name not in valid:
            raise fault(unknown(f"parameter of {measurement}", name, valid), *place, "parameters", name)
        if parameters.get(name) is None:
            raise fault("is empty" if name in parameters else "is missing", *place, "parameters", name)
    for name in ("levels", "chosen_on"):
        count = parameters.get(name, 1)
        if type(count) is not int or count < 1:
            raise fault(f"should be a whole number from 1, not {count!r}", *place, "parameters", name)
    if "cheese" in parameters and parameters["cheese"] not in CHEESE:
        raise fault(unknown("place of the cheese", str(parameters["cheese"]), CHEESE), *place, "parameters", "cheese")


def _check_figures(question: Question, *field: str) -> None:
    figures = measurements()[question.measurement].figures
    for label, rule in question.rules.items():
        for name in rule:
            if name not in figures:
                place = (*field, name) if question.rule is not None else (*field, label, name)
                raise fault(unknown(f"figure of {question.measurement}", name, figures), *place)


def _check_thresholds(rules: Mapping[str, Mapping[str, Condition]]) -> None:
    if NONE in rules:
        raise fault(f"is the outcome with no threshold met; choose another than {NONE!r}", "thresholds", NONE)
    for easier, harder in pairwise(rules):
        for figure, condition in rules[easier].items():
            if figure not in rules[harder] or not rules[harder][figure].as_hard_as(condition):
                words = f"is not harder than {easier!r}; thresholds run from the easiest to the hardest"
                raise fault(words, "thresholds", harder)
