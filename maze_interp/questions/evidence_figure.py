"""The figures behind a question's outcome: what was measured on each agent, beside the bounds that decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLUE, VERMILLION, new_figure, styled
from maze_interp.questions.question import Question
from maze_interp.questions.resolutions import Figure as Measured
from maze_interp.questions.resolutions import Resolutions


@styled
def evidence_figure(question: Question, resolutions: Sequence[Resolutions]) -> Figure:
    """A strip for each figure that the question's rules name: a point per agent, its interval, and the bounds.

    At least one of the agents has the figures.
    """
    names = rule_figures(question)
    known = [one for one in resolutions if has_figures(question, one)]
    agents = [f"{one.agent} ({one.setting})" for one in known]
    figure = new_figure(8, (0.75 + 0.27 * len(agents)) * len(names) + 0.2)
    panels = figure.subplots(len(names), 1, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        found = [one.answers[question.id].figures[name] for one in known]
        bounds = dict(_bounds(question, name))
        table = pd.DataFrame([one.model_dump() for one in found]).rename(columns={"value": "mean"})
        draw_points(axes, range(len(table)), table, across=True, few_hollow=True, fmt="o", color=BLUE)
        _limits(axes, found, list(bounds))
        for bound, words in bounds.items():
            axes.axvline(bound, color=VERMILLION, linestyle="--", linewidth=1)
            axes.annotate(words, (bound, -0.75), fontsize=8, color=VERMILLION, ha="center", annotation_clip=False)
        axes.set_yticks(range(len(agents)), agents)
        axes.set(ylim=(len(agents) - 0.5, -0.6), xlabel=name.replace("_", " "))
        axes.grid(axis="x")
    return figure


def rule_figures(question: Question) -> list[str]:
    """The figures that the question's rules name."""
    return list(dict.fromkeys(name for rule in question.rules.values() for name in rule))


def has_figures(question: Question, resolutions: Resolutions) -> bool:
    """Whether an agent's answer has them all; an answer to a former version may not."""
    answer = resolutions.answers.get(question.id)
    return answer is not None and set(rule_figures(question)) <= set(answer.figures)


def _bounds(question: Question, name: str) -> Iterator[tuple[float, str]]:
    """Each bound on a figure once, with the first outcome that it is a bound of, or all of them."""
    rules = [rule for rule in question.rules.values() if rule]
    found: dict[float, list[str]] = {}
    for label, rule in question.rules.items():
        for _, bound in rule[name].bounds if name in rule else ():
            found.setdefault(bound, []).append(label)
    for bound, labels in found.items():
        yield bound, "all" if len(labels) == len(rules) > 1 else labels[0]


def _limits(axes: Axes, found: Sequence[Measured], bounds: Sequence[float]) -> None:
    """Room for every value and bound; an interval that is far wider than these leaves the picture."""
    points = [one.value for one in found] + list(bounds)
    spread = max(points) - min(points) or max(abs(points[0]), 1)
    low = max(min(points) - spread, min([one.low for one in found] + points))
    high = min(max(points) + spread, max([one.high for one in found] + points))
    room = 0.06 * (high - low or 1)
    axes.set_xlim(low - room, high + room)
