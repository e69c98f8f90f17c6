"""Forecasts as files: probabilities in a stated form, checked for coherence, and repaired where they lack it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from maze_interp.bundled import named_document
from maze_interp.documents import load_yaml
from maze_interp.questions.locking import Lock, check_lock
from maze_interp.questions.question import YES, Question
from maze_interp.validation import Document, Probability, Words, check, mistake, names_document, unknown

FORMS = {
    "binary": "P(yes)",
    "cumulative": "for each threshold, from the easiest to the hardest, P(it is met); must not rise",
    "bins": "for each outcome, P(it is the one, or the hardest threshold met); sums to 1",
}
"""The forms of an answer."""

TOLERANCE = 1e-6
"""How far bins may be from summing to 1, and nested credences may rise, by rounding."""

Floats = NDArray[np.float64]


class AnswerFields(Document):
    """An answer as a forecast file has it: any of `FORMS`, what is left empty being None."""

    binary: Probability | None = None
    cumulative: dict[str, Probability | None] | None = None
    bins: dict[str, Probability | None] | None = None
    notes: Words | None = None


class ForecastFile(Document):
    """The content of a forecast file."""

    forecaster: Words
    date: Words
    source: Words
    answers: dict[str, AnswerFields]
    lock: Lock | None = None


@dataclass(frozen=True)
class Reading:
    """An answer in one form.

    Attributes:
        form: one of `FORMS`.
        given: the probabilities as the file has them, by outcome.
        probabilities: of the question's `labels`, float64 `[labels]`, summing to 1: what is scored.
        repair: what was incoherent and what is scored instead; None if nothing was.
    """

    form: str
    given: Mapping[str, float]
    probabilities: Floats
    repair: str | None


@dataclass(frozen=True)
class Answer:
    """The answer of a forecast to one question: no reading where it is left open, several where its form is in doubt.

    The first reading is the one that counts; the others are scored beside it.
    """

    readings: tuple[Reading, ...]
    notes: str | None


@dataclass(frozen=True)
class Forecast:
    """A forecast: its file, who, when and where as written, the answers by question id, and the lock if it has one."""

    path: Path
    forecaster: str
    date: str
    source: str
    answers: Mapping[str, Answer]
    lock: Lock | None

    @property
    def answered(self) -> list[str]:
        """Ids of the questions that have a probability."""
        return [name for name, answer in self.answers.items() if answer.readings]


def forecast_path(name: str) -> Path:
    """A forecast file, by its path or by the name of a bundled one, such as `nanda-2023`."""
    return Path(name) if names_document(name) else named_document("forecast", name)


def load_forecast(path: Path, questions: Mapping[str, Question]) -> Forecast:
    """Read a forecast.

    Args:
        path: the file.
        questions: those it may answer, by id.

    Raises:
        MazeInterpError: a mistake, named by file, line and field: an unknown question, a probability
            below 0 or above 1, a form that the question does not take; or an edit after the lock.
    """
    content = load_yaml(path)
    file = check(content, ForecastFile, path)
    check_lock(path, file.lock)
    answers: dict[str, Answer] = {}
    for name, fields in file.answers.items():
        if name not in questions:
            raise mistake(path, ("answers", name), unknown("question", name, questions))
        forms = [form for form in content["answers"][name] if form in FORMS]  # in the file's order: the first counts
        readings = (_reading(path, form, fields, questions[name]) for form in forms)
        answers[name] = Answer(tuple(reading for reading in readings if reading is not None), fields.notes)
    return Forecast(path, file.forecaster, file.date, file.source, answers, file.lock)


def _reading(path: Path, form: str, fields: AnswerFields, question: Question) -> Reading | None:
    """The answer in one form; None if it is left empty."""
    field = ("answers", question.id, form)
    if form not in question.forms:
        forms = " or ".join(question.forms)
        raise mistake(path, field, f"a question of kind {question.kind} is answered with {forms}")
    if form == "binary":
        yes = fields.binary
        return None if yes is None else Reading(form, {YES: yes}, np.array([yes, 1 - yes]), None)
    credences = (fields.cumulative if form == "cumulative" else fields.bins) or {}
    labels = tuple(question.rules) if form == "cumulative" else question.labels
    for name in credences:
        if name not in labels:
            raise mistake(path, (*field, name), unknown(f"outcome of {question.id}", name, labels))
    given = {label: credence for label in labels if (credence := credences.get(label)) is not None}
    if not given:
        return None
    if len(given) < len(labels):
        missing = ", ".join(label for label in labels if label not in given)
        raise mistake(path, field, f"there is no probability for {missing}; give all outcomes one, or leave all empty")
    values = np.array(list(given.values()))
    probabilities, repair = coherent_cumulative(values) if form == "cumulative" else coherent_bins(values)
    if probabilities is None:
        raise mistake(path, field, "all probabilities are 0; they should sum to 1")
    return Reading(form, given, probabilities, repair)


def coherent_cumulative(values: Floats) -> tuple[Floats, str | None]:
    """The distribution `[k + 1]` of none and of each threshold being the hardest one met, and the repair, or None.

    The credences, `[k]`, are nested: of each threshold being met, from the easiest to the hardest. Rising ones are
    replaced by their isotonic regression: the nearest, by squares, that do not rise.
    """
    repair = None
    if (np.diff(values) > TOLERANCE).any():
        nearest = isotonic_regression(values, increasing=False)
        repair = (
            f"credences rise with difficulty ({_list(values)}); scored as their isotonic regression {_list(nearest)}"
        )
        values = nearest
    values = np.minimum.accumulate(values)
    return np.diff(values[::-1], prepend=0.0, append=1.0)[::-1], repair


def coherent_bins(values: Floats) -> tuple[Floats | None, str | None]:
    """Exclusive probabilities `[n]` divided by their sum, None if all are 0, and what was repaired, or None."""
    total = values.sum()
    if total == 0:
        return None, None
    scaled = values / total
    if abs(total - 1) <= TOLERANCE:
        return scaled, None
    return scaled, f"probabilities sum to {total:.4g}, not 1; scored divided by their sum: {_list(scaled)}"


def _list(values: Floats) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
