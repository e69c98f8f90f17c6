"""Several agents side by side, in pictures: what each does, what predicts it, and the region it was trained in."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.plots.intervals import FEW, draw_points, panels_of
from maze_interp.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, new_figure, styled
from maze_interp.studies.statistics.words import WORDS

_COLOURS, _MARKS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK), "osD^Pv*X"
_LOOKS: list[dict[str, Any]] = [
    {"color": _COLOURS[number % 7], "fmt": _MARKS[number % 8], "zorder": 3}
    for number in range(56)  # each pair once
]
_COLUMNS = 3


@styled
def measures_figure(table: pd.DataFrame) -> Figure:
    """A panel per measure and a row per agent, from `measures`: means over levels with intervals, hollow if of few."""
    return _panels(table, "where it must choose: a decision square, and the cheese outside the region of its training")


@styled
def studies_figure(table: pd.DataFrame) -> Figure:
    """The same of the main figures of `other_studies`."""
    note = "share of the possible gain: of what the agent's own probabilities gain over random actions"
    return _panels(table.rename(columns={"figure": "measure"}), note)


def _panels(table: pd.DataFrame, note: str) -> Figure:
    agents, shown = list(dict.fromkeys(table["agent"])), list(dict.fromkeys(table["measure"]))
    figure = new_figure(2.9 * _COLUMNS + 2.2, -(-len(shown) // _COLUMNS) * (1.1 + 0.46 * len(agents)))
    panels = panels_of(figure, len(shown), _COLUMNS, sharey=True, sharex=True)
    for axes, measure in zip(panels, shown, strict=True):
        some = table[table["measure"] == measure].set_index("agent").reindex(agents)
        for y, (n, look) in enumerate(zip(some["n"], cycle(_LOOKS), strict=False)):
            if not pd.isna(n):
                draw_points(axes, [y], some.iloc[[y]], across=True, few_hollow=True, markersize=6, **look)
                axes.annotate(f"n = {n:g}", (0, y), (0, 7), textcoords="offset points", fontsize=7, color=GREY)
        axes.set_title(measure.replace(", ", ",\n", 1), fontsize=9.5)
        axes.set(xlim=(min(0, table["low"].min()) - 0.04, 1.04), ylim=(len(agents) - 0.4, -0.6))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(agents)), agents)
    figure.supxlabel(f"mean over levels, 95% interval; hollow: fewer than {FEW} levels\n{note}", fontsize=10)
    return figure


@styled
def coefficients_figure(table: pd.DataFrame) -> Figure:
    """Coefficients of the three distances, from `fit_three`: a panel each, a row per agent, the published as a line."""
    agents, variables = list(dict.fromkeys(table["agent"])), list(dict.fromkeys(table["variable"]))
    figure = new_figure(3.6 * len(variables) + 1.6, 1.9 + 0.5 * len(agents))
    panels = panels_of(figure, len(variables), len(variables), sharey=True)
    for axes, variable in zip(panels, variables, strict=True):
        some = table[table["variable"] == variable].set_index("agent").reindex(agents)
        for y, (n, look) in enumerate(zip(some["n"], cycle(_LOOKS), strict=False)):
            for column, shift, face in (("together", -0.14, look["color"]), ("alone", 0.14, "white")):
                if not pd.isna(n):
                    draw_points(axes, [y + shift], some.iloc[[y]], column, across=True, markerfacecolor=face, **look)
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
    """P(cheese) where the agent must choose, against the region of its training, from `by_region`."""
    last = int(table["region"].max())
    beyond = last + 2  # where the agents of cheese anywhere stand, a gap after the regions
    places = table["region"].fillna(beyond)
    table = table.assign(place=places)
    figure = new_figure(8.4, 4.2 + 0.14 * table["agent"].nunique())
    axes = figure.subplots()
    theirs = table.dropna(subset="published").drop_duplicates("region")
    hollow: dict[str, Any] = {"color": GREY, "marker": "o", "markerfacecolor": "white", "linewidth": 1}
    axes.plot(theirs["region"], theirs["published"], label="published, hard mode, about 500 levels each", **hollow)
    ours = table.dropna(subset="agent")
    for row, look in zip(ours.itertuples(), cycle(_LOOKS), strict=False):
        alike = ours[ours["place"] == row.place]
        shift = 0.16 * (list(alike["agent"]).index(row.agent) - (len(alike) - 1) / 2)
        label = f"{row.agent}, n = {row.n:g}"
        draw_points(axes, [row.place + shift], ours.loc[[row.Index]], label=label, capsize=4, **look)
    axes.set(
        xlabel="n of the top-right n×n squares that the cheese lay in, in training",
        ylabel="P(cheese), decision square and\ncheese outside the n×n",
        ylim=(-0.03, 1.03),
    )
    numbers = list(range(1, last + 1))
    if places.max() > last:
        axes.set_xticks([*numbers, beyond], [*map(str, numbers), "anywhere\n(outside 5×5)"])
    else:
        axes.set_xticks(numbers)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure
