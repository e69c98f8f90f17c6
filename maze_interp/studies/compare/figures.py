"""Several agents side by side, in pictures: what each does, what predicts it, and the region it was trained in."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.plots.intervals import FEW, whiskers
from maze_interp.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, new_figure, styled
from maze_interp.studies.statistics.words import WORDS

_COLOURS, _MARKS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK), "osD^Pv*X"
_LOOKS = [(_COLOURS[number % 7], _MARKS[number % 8]) for number in range(56)]  # each pair once
_COLUMNS = 3


@styled
def measures_figure(table: pd.DataFrame) -> Figure:
    """A panel per measure and a row per agent: means over levels with intervals, hollow if of fewer than 10 levels.

    Args:
        table: of `measures`.
    """
    return _panels(table, "where it must choose: a decision square, and the cheese outside the region of its training")


@styled
def studies_figure(table: pd.DataFrame) -> Figure:
    """The same of the main figures of other studies.

    Args:
        table: of `other_studies`.
    """
    note = "share of the possible gain: of what the agent's own probabilities gain over random actions"
    return _panels(table.rename(columns={"figure": "measure"}), note)


def _panels(table: pd.DataFrame, note: str) -> Figure:
    agents, shown = list(dict.fromkeys(table["agent"])), list(dict.fromkeys(table["measure"]))
    rows = -(-len(shown) // _COLUMNS)
    figure = new_figure(2.9 * _COLUMNS + 2.2, rows * (1.1 + 0.46 * len(agents)))
    panels = figure.subplots(rows, _COLUMNS, sharey=True, sharex=True, squeeze=False)
    for axes, measure in zip(panels.ravel(), shown, strict=False):
        some = table[table["measure"] == measure].set_index("agent").reindex(agents)
        for y, (row, look) in enumerate(zip(some.itertuples(), cycle(_LOOKS), strict=False)):
            if pd.isna(row.n):
                continue
            _point(axes, row.mean, row.low, row.high, y, look, hollow=row.n < FEW)
            axes.annotate(f"n = {row.n:g}", (0, y), (0, 7), textcoords="offset points", fontsize=7, color=GREY)
        axes.set_title(measure.replace(", ", ",\n", 1), fontsize=9.5)
        axes.set(xlim=(min(0, table["low"].min()) - 0.04, 1.04), ylim=(len(agents) - 0.4, -0.6))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(axis="x")
    for axes in panels.ravel()[len(shown) :]:
        axes.set_visible(False)
    for row_of in panels:
        row_of[0].set_yticks(range(len(agents)), agents)
    figure.supxlabel(f"mean over levels, 95% interval; hollow: fewer than {FEW} levels\n{note}", fontsize=10)
    return figure


@styled
def coefficients_figure(table: pd.DataFrame) -> Figure:
    """Coefficients of the three distances: a panel each, a row per agent, the published one as a line.

    Args:
        table: of `fit_three`, for each agent.
    """
    agents, variables = list(dict.fromkeys(table["agent"])), list(dict.fromkeys(table["variable"]))
    figure = new_figure(3.6 * len(variables) + 1.6, 1.9 + 0.5 * len(agents))
    panels = figure.subplots(1, len(variables), sharey=True, squeeze=False)[0]
    for axes, variable in zip(panels, variables, strict=True):
        some = table[table["variable"] == variable].set_index("agent").reindex(agents)
        for y, (row, look) in enumerate(zip(some.itertuples(), cycle(_LOOKS), strict=False)):
            if pd.isna(row.n):
                continue
            _point(axes, row.together, row.together_low, row.together_high, y - 0.14, look)
            _point(axes, row.alone, row.alone_low, row.alone_high, y + 0.14, look, hollow=True)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.axvline(some["published"].iloc[0], color=GREY, linestyle="--", linewidth=1.2)
        axes.set_title(WORDS[variable].replace(", ", ",\n", 1), fontsize=10)
        axes.set(xlabel="log-odds per standard deviation", ylim=(len(agents) - 0.4, -0.6))
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(agents)), agents)
    grey: dict[str, Any] = {"color": GREY, "linestyle": "none", "marker": "o"}
    handles = [
        *panels[0].plot([], [], label="together, L1 regression on the three", **grey),
        *panels[0].plot([], [], markerfacecolor="white", label="alone", **grey),
        *panels[0].plot([], [], color=GREY, linestyle="--", label="published (together)"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure


@styled
def region_figure(table: pd.DataFrame) -> Figure:
    """P(cheese) where the agent must choose, against the region of its training: the published agents and ours.

    Args:
        table: of `by_region`.
    """
    last = int(table["region"].max())
    places = table["region"].fillna(last + 1)
    table = table.assign(place=places)
    figure = new_figure(8.4, 4.2 + 0.14 * table["agent"].nunique())
    axes = figure.subplots()
    theirs = table.dropna(subset="published").drop_duplicates("region")
    look: dict[str, Any] = {"color": GREY, "marker": "o", "markerfacecolor": "white", "linewidth": 1}
    axes.plot(theirs["region"], theirs["published"], label="published, hard mode, about 500 levels each", **look)
    ours = table.dropna(subset="agent")
    for row, (colour, marker) in zip(ours.itertuples(), cycle(_LOOKS), strict=False):
        alike = ours[ours["place"] == row.place]
        shift = 0.16 * (list(alike["agent"]).index(row.agent) - (len(alike) - 1) / 2)
        ends = whiskers([row.mean], [row.low], [row.high])
        label = f"{row.agent}, n = {row.n:g}"
        axes.errorbar(
            [row.place + shift], [row.mean], yerr=ends, fmt=marker, color=colour, capsize=4, label=label, zorder=3
        )
    axes.set(
        xlabel="n of the top-right n×n squares that the cheese lay in, in training",
        ylabel="P(cheese), decision square and\ncheese outside the n×n",
        ylim=(-0.03, 1.03),
    )
    numbers = list(range(1, last + 1))
    if places.max() > last:
        axes.set_xticks([*numbers, last + 1], [*map(str, numbers), "anywhere\n(outside 5×5)"])
    else:
        axes.set_xticks(numbers)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _point(
    axes: Axes, mean: float, low: float, high: float, y: float, look: tuple[str, str], hollow: bool = False
) -> None:
    colour, marker = look
    style: dict[str, Any] = {"markerfacecolor": "white"} if hollow else {}
    ends = whiskers([mean], [low], [high])
    axes.errorbar([mean], [y], xerr=ends, fmt=marker, color=colour, capsize=3, markersize=6, **style)
