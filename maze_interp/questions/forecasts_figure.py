"""Credences beside outcomes: a row for every event that a forecast speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError
from maze_interp.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, new_figure, styled
from maze_interp.questions.forecasts import Forecast
from maze_interp.questions.question import YES, Question

_LOOKS = ((BLUE, "o"), (VERMILLION, "D"), (GREEN, "^"), (PURPLE, "s"), (ORANGE, "v"), (SKY, "P"), (BLACK, "X"))

Floats = NDArray[np.float64]


class Event(NamedTuple):
    """Something that happens or not: yes, one option, or a threshold being met."""

    question: str
    words: str
    label: str


@styled
def forecasts_figure(
    forecasts: Sequence[Forecast], questions: Mapping[str, Question], outcomes: Mapping[str, Floats]
) -> Figure:
    """For every question that a forecast answers: each credence, and the outcome that counts.

    A question with thresholds has a row for each, "met" in both; an answer with several readings is drawn in the one
    that counts, repaired where it was incoherent.

    Args:
        forecasts: at most seven.
        questions: by id.
        outcomes: probabilities of each question's labels, by id, means over agents; a question without an outcome has
            no bar.

    Raises:
        MazeInterpError: no forecast answers anything, or there are more than seven.
    """
    answered = [name for name in questions if any(name in forecast.answered for forecast in forecasts)]
    if not answered or len(forecasts) > len(_LOOKS):
        raise MazeInterpError(f"expected 1 to {len(_LOOKS)} forecasts that answer something, not {len(forecasts)}")
    events = [event for name in answered for event in _events(questions[name])]
    rows = _rows(events)
    figure = new_figure(8.5, 1.5 + 0.27 * len(events))
    axes = figure.subplots()
    _bars(axes, events, rows, questions, outcomes)
    for number, (forecast, (colour, marker)) in enumerate(zip(forecasts, _LOOKS, strict=False)):
        aside = 0.6 * ((number + 0.5) / len(forecasts) - 0.5)  # so that equal credences do not hide each other
        shown = [(row, event) for row, event in zip(rows, events, strict=True) if event.question in forecast.answered]
        credences = [
            _probability(questions[event.question], forecast.answers[event.question].readings[0].probabilities, event)
            for _, event in shown
        ]
        heights = [row + aside for row, _ in shown]
        axes.plot(credences, heights, marker, color=colour, markersize=6, label=forecast.forecaster, clip_on=False)
    axes.set_yticks(rows, [event.words for event in events])
    axes.set(ylim=(rows[-1] + 0.7, -0.7), xlim=(-0.02, 1.02), xlabel="probability of the event")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


def _events(question: Question) -> list[Event]:
    if question.kind == "thresholds":
        return [Event(question.id, f"{question.id}: {label} met", label) for label in question.rules]
    if question.kind == "exclusive":
        return [Event(question.id, f"{question.id}: {label}", label) for label in question.labels]
    return [Event(question.id, question.id, YES)]


def _rows(events: Sequence[Event]) -> list[float]:
    """Heights of the events, with room between questions of several events and their neighbours."""
    rows = [0.0]
    count = {event.question: sum(one.question == event.question for one in events) for event in events}
    for before, event in pairwise(events):
        apart = before.question != event.question and max(count[before.question], count[event.question]) > 1
        rows.append(rows[-1] + (1.6 if apart else 1.0))
    return rows


def _bars(
    axes: Axes,
    events: Sequence[Event],
    rows: Sequence[float],
    questions: Mapping[str, Question],
    outcomes: Mapping[str, Floats],
) -> None:
    known = [(row, event) for row, event in zip(rows, events, strict=True) if event.question in outcomes]
    widths = [_probability(questions[event.question], outcomes[event.question], event) for _, event in known]
    heights = [row for row, _ in known]
    axes.barh(heights, widths, 0.72, color="#D9D9D9", label="outcome that counts")
    axes.scatter(widths, heights, 150, color=BLACK, marker="|", linewidths=2)
    for row, event in zip(rows, events, strict=True):
        if event.question not in outcomes:
            axes.text(1.0, row, "unresolved", ha="right", va="center", fontsize=8, style="italic")


def _probability(question: Question, probabilities: Floats, event: Event) -> float:
    """Of the event, where `probabilities` are those of the question's labels."""
    first = question.labels.index(event.label)
    return float(probabilities[first:].sum() if question.kind == "thresholds" else probabilities[first])
