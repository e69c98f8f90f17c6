"""Ranked scores of channels beside those of untrained networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLUE, VERMILLION, new_figure, styled
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import estimate_table
from maze_interp.studies.channels.scores import AS_GOOD, level_scores
from maze_interp.studies.channels.tables import Mark, mark_name
from maze_interp.studies.channels.tracking import TARGETS

SHOWN = 20
"""Ranks in the picture of scores."""


@styled
def scores_figure(reported: pd.DataFrame, chosen: pd.DataFrame, tracking: pd.DataFrame) -> Figure:
    """Ranked scores of the agent's channels, a panel per target, over those of every untrained network.

    The agent's are of the rows `reported`, the untrained networks' of `chosen`, both of `Responses`; `tracking` are
    the rows that track of `tracking_scores(chosen)`.
    """
    figure = new_figure(10, 7.4)
    for axes, target in zip(figure.subplots(2, 2).ravel(), TARGETS, strict=True):
        marks = set(tracking.loc[tracking["target"] == target, ["channel", "sign"]].itertuples(index=False, name=None))
        _untrained(axes, level_scores(chosen, target).drop(columns=0, level=0))
        _ranked(axes, level_scores(reported, target)[0], marks)
        what = "correlation" if target == "walls" else "share of hits"
        axes.set(xlabel="channel and sign, best first", ylabel=f"{what} above chance", title=target)
        axes.set_xticks(range(1, SHOWN + 1, 3))
        axes.margins(y=0.09)
        axes.grid(axis="y")
    dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "color": BLUE}
    handles = [
        Line2D([], [], label="tracks (chosen on other levels; ↓ by its lowest value)", **dot),
        Line2D([], [], label="does not", markerfacecolor="white", **dot),
        Line2D([], [], color="#BBBBBB", label="an untrained network"),
        Line2D([], [], color=VERMILLION, linestyle="--", label=f"above {1 - AS_GOOD:.0%} of untrained channels"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _untrained(axes: Axes, scores: pd.DataFrame) -> None:
    means = scores.mean()
    for _, network in means.groupby(level=0):
        best = network.sort_values(ascending=False)[:SHOWN]
        axes.plot(range(1, len(best) + 1), best, color="#BBBBBB", linewidth=1, zorder=1)
    axes.axhline(means.quantile(1 - AS_GOOD), color=VERMILLION, linestyle="--", linewidth=1.4, zorder=1)


def _ranked(axes: Axes, scores: pd.DataFrame, chosen: set[Mark]) -> None:
    order = list(scores.mean().sort_values(ascending=False, kind="stable").index[:SHOWN])
    table = estimate_table(({"rank": rank}, estimate(scores[mark], "number")) for rank, mark in enumerate(order, 1))
    tracks = np.array([mark in chosen for mark in order])
    look: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": 5, "capsize": 0, "zorder": 3}
    for some, face in ((tracks, BLUE), (~tracks, "white")):
        draw_points(axes, table["rank"][some], table[some], markerfacecolor=face, **look)
    for row in table[tracks].itertuples():
        at, name = (row.rank, np.fmax(row.high, row.mean)), mark_name(order[row.Index])
        axes.annotate(name, at, (0, 3), textcoords="offset points", ha="center", fontsize=7)
