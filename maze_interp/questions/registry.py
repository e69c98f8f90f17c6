"""Questions as files: what is asked, the measurement that answers, and the rule from its figures to an outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maze_interp.bundled import bundled_path
from maze_interp.errors import MazeInterpError
from maze_interp.questions.documents import Entry, read_document
from maze_interp.questions.measurements import CHEESE, MEASUREMENTS
from maze_interp.questions.rules import Rule, parse_rule, rule_text

KINDS = {
    "binary": "yes or no",
    "thresholds": "the hardest of nested thresholds that is met, or none",
    "exclusive": "one of several options",
    "judgement": "yes or no, by a stated proxy for what a person would have to judge",
}
"""The kinds of question and what their outcomes are."""

YES, NO, NONE = "yes", "no", "none"

_COMMON = ("id", "kind", "wording", "measurement", "parameters", "source")
_ANSWERS = {"binary": "rule", "thresholds": "thresholds", "exclusive": "options", "judgement": "rule"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Question:
    """A question and everything that decides its outcome.

    Attributes:
        id: its name: lower-case words and numbers joined by hyphens.
        group: the name of its file, without suffix.
        kind: one of `KINDS`.
        wording: the question.
        measurement: one of `MEASUREMENTS`.
        parameters: for the measurement.
        rules: what must hold for each outcome: of `yes`; of each threshold, from the easiest to the
            hardest; of each option, the first that holds counting and the last always holding.
        proxy: why the measurement stands in for the question, where it is not what is asked; else None.
        source: where the question comes from.
        path, line: where it is written.
    """

    id: str
    group: str
    kind: str
    wording: str
    measurement: str
    parameters: Mapping[str, Any]
    rules: Mapping[str, Rule]
    proxy: str | None
    source: str
    path: Path
    line: int

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


def load_questions(folder: Path | None = None) -> dict[str, Question]:
    """All questions in a folder's YAML files, by id, files in order of their names.

    Args:
        folder: the folder; None for the bundled questions.

    Raises:
        MazeInterpError: no questions there, or a mistake in one: the message names file, line and field.
    """
    folder = bundled_path("data", "questions") if folder is None else folder
    questions: dict[str, Question] = {}
    for path in sorted(folder.glob("*.yaml")):
        for item in read_document(path, "question file").items():
            question = _question(item)
            if question.id in questions:
                other = questions[question.id]
                raise item.error(f"there is already a question {question.id!r}, in {other.path}, line {other.line}")
            questions[question.id] = question
    if not questions:
        raise MazeInterpError(f"there are no questions in {folder}; expected .yaml files there")
    return questions


def _question(item: Entry) -> Question:
    children = item.children()
    if "kind" not in children:
        raise item.error("the field 'kind' is missing")
    kind = children["kind"].choice("kind", KINDS)
    judged = kind == "judgement"
    required = (*_COMMON, _ANSWERS[kind], *(("proxy",) if judged else ()))
    children = item.fields(required, () if judged else ("proxy",))
    if not _ID.fullmatch(children["id"].text()):
        raise children["id"].error("expected lower-case words and numbers joined by hyphens")
    measurement = children["measurement"].choice("measurement", MEASUREMENTS)
    return Question(
        id=children["id"].text(),
        group=item.path.stem,
        kind=kind,
        wording=children["wording"].text(),
        measurement=measurement,
        parameters=_parameters(children["parameters"], measurement),
        rules=_rules(children[_ANSWERS[kind]], kind, measurement),
        proxy=children["proxy"].text() if "proxy" in children else None,
        source=children["source"].text(),
        path=item.path,
        line=item.line,
    )


def _parameters(entry: Entry, measurement: str) -> dict[str, Any]:
    children = entry.fields(MEASUREMENTS[measurement].parameters)
    for name in ("levels", "chosen_on"):
        if name in children and not re.fullmatch("[1-9][0-9]*", children[name].text()):
            raise children[name].error(f"expected a whole number from 1, not {children[name].text()!r}")
    if "cheese" in children:
        children["cheese"].choice("place of the cheese", CHEESE)
    for child in children.values():
        if child.empty:
            raise child.error("is empty")
    return {name: child.value() for name, child in children.items()}


def _rules(entry: Entry, kind: str, measurement: str) -> dict[str, Rule]:
    figures = MEASUREMENTS[measurement].figures
    if kind in ("binary", "judgement"):
        return {YES: parse_rule(entry, figures, measurement)}
    children = entry.children()
    if kind == "exclusive":
        return _options(entry, figures, measurement)
    if not children or NONE in children:
        raise entry.error(f"expected thresholds from the easiest to the hardest, none of them called {NONE!r}")
    rules = {label: parse_rule(child, figures, measurement) for label, child in children.items()}
    for easier, harder in zip(list(rules), list(rules)[1:], strict=False):
        if not all(
            name in rules[harder] and rules[harder][name].as_hard_as(one) for name, one in rules[easier].items()
        ):
            raise children[harder].error(
                f"is not harder than {easier!r}; thresholds run from the easiest to the hardest"
            )
    return rules


def _options(entry: Entry, figures: Mapping[str, str], measurement: str) -> dict[str, Rule]:
    *first, last = entry.children().items() or (("", entry),)
    if not first or last[1].node.value != "otherwise":
        raise entry.error("expected two or more options, the last of them 'otherwise'")
    return {label: parse_rule(child, figures, measurement) for label, child in first} | {last[0]: {}}
