"""P(cheese) of a sweep in pictures: by distance and size, by the cheese's place, and its distribution over levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from maze_interp.errors import MazeInterpError
from maze_interp.plots.intervals import FEW, draw_points
from maze_interp.plots.style import BLUE, ORANGE, PROBABILITY, SKY, VERMILLION, new_figure, styled
from maze_interp.sweeps.groups import BIN_WIDTH, binned, by_place

_DISTANCES = {
    "euclidean_cheese_top_right": "cheese to top-right corner,\nstraight line (squares)",
    "euclidean_cheese_decision_square": "cheese to decision square,\nstraight line (squares)",
    "steps_cheese_top_right": "cheese to top-right corner,\nalong the maze (steps)",
    "steps_cheese_decision_square": "cheese to decision square,\nalong the maze (steps)",
}

_EMPTY: dict[str, Any] = {"facecolor": "#EEEEEE", "edgecolor": "#C4C4C4", "hatch": "////", "linewidth": 0}


@styled
def distance_figure(levels: pd.DataFrame) -> Figure:
    """P(cheese) in a sweep by the cheese's distance from the corner and from the decision square, in both metrics.

    A bin holds its lower edge and not its upper one. Distances that no level has are left out.

    Raises:
        MazeInterpError: no level has any of the distances.
    """
    tables = {variable: binned(levels, variable) for variable in _DISTANCES}
    drawn = {variable: table for variable, table in tables.items() if len(table)}
    if not drawn:
        raise MazeInterpError("no level has a cheese whose distances could be drawn")
    rows = math.ceil(len(drawn) / 2)
    figure = new_figure(10, 3.6 * rows + 0.4)
    panels = figure.subfigures(rows, 2, squeeze=False).ravel()
    for panel, (variable, table) in zip(panels, drawn.items(), strict=False):
        middle = (table["from"] + table["below"]) / 2
        _, counts = _panel(panel, table, middle, BIN_WIDTH[variable], _DISTANCES[variable])
        counts.set_xlim(table["from"].min() - 0.5, table["below"].max() + 0.5)
        counts.xaxis.set_major_locator(MultipleLocator(BIN_WIDTH[variable] * math.ceil(len(table) / 10)))
    _legend(figure)
    return figure


@styled
def size_figure(levels: pd.DataFrame) -> Figure:
    """P(cheese) by the size of the maze.

    Raises:
        MazeInterpError: there are no levels.
    """
    if not len(levels):
        raise MazeInterpError("there are no levels to draw")
    sizes = binned(levels, "size")
    figure = new_figure(7.5, 4)
    _, counts = _panel(figure, sizes, sizes["from"], BIN_WIDTH["size"], "size of the maze (squares per side)")
    counts.set_xticks(sizes["from"])
    _legend(figure)
    return figure


def _panel(
    panel: Figure | SubFigure, table: pd.DataFrame, middle: pd.Series, width: float, xlabel: str
) -> tuple[Axes, Axes]:
    """The means, and on a strip below them the levels per bin; returns the two axes."""
    means, counts = panel.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    draw_points(means, middle, table, few_hollow=True, fmt="o", color=BLUE)
    means.set(ylim=(-0.05, 1.05), ylabel="P(cheese)")
    means.grid(axis="y")
    counts.bar(middle, table["n"], width=0.85 * width, color="#BBBBBB")
    turn = 90 if len(table) > 14 else 0
    for x, n in zip(middle, table["n"], strict=True):
        counts.annotate(str(n), (x, n), (0, 2), textcoords="offset points", ha="center", fontsize=7, rotation=turn)
    counts.set(xlabel=xlabel, ylabel="levels", ylim=(0, (1.9 if turn else 1.5) * table["n"].max()))
    return means, counts


def _legend(figure: Figure) -> None:
    axes = figure.axes[0] if figure.axes else figure.subfigs[0].axes[0]
    look: dict[str, Any] = {"yerr": [], "fmt": "o", "color": BLUE, "capsize": 3}
    handles = [
        axes.errorbar([], [], label="mean over levels, 95% interval", **look),
        axes.errorbar([], [], label=f"fewer than {FEW} levels", markerfacecolor="white", **look),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)


@styled
def distribution_figure(parts: Mapping[str, pd.DataFrame]) -> Figure:
    """How p_cheese is spread over levels: a histogram and the cumulative share, one colour for each part, at most four.

    Raises:
        MazeInterpError: all are empty.
    """
    shown = {name: levels["p_cheese"].clip(0, 1) for name, levels in parts.items() if len(levels)}
    if not shown:
        raise MazeInterpError("there are no levels to draw")
    figure = new_figure(10, 3.9)
    left, right = figure.subplots(1, 2)
    colours = (SKY, ORANGE, VERMILLION, BLUE)[: len(shown)]
    shares = [np.full(len(values), 1 / len(values)) for values in shown.values()]
    left.hist(list(shown.values()), np.linspace(0, 1, 11), weights=shares, color=colours, label=list(shown))
    left.set(
        xlabel="P(cheese) of a level, in tenths", ylabel="share of levels", xlim=(0, 1), xticks=np.linspace(0, 1, 11)
    )
    for (name, values), colour, line in zip(shown.items(), colours, ("-", "--", ":", "-."), strict=False):
        right.ecdf(values, color=colour, linestyle=line, linewidth=2.2, label=f"{name} (n = {len(values)})")
    right.set(xlabel="P(cheese) of a level", ylabel="share of levels at or below", xlim=(-0.03, 1.03), ylim=(0, 1.01))
    for axes in (left, right):
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(axis="y")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


@styled
def place_figure(levels: pd.DataFrame, region: int | None = None) -> Figure:
    """Mean P(cheese) in a sweep for every place of the cheese, mazes of all sizes laid corner on corner.

    Every place shows how many levels had their cheese there; places with none are hatched. The top-right n×n is
    outlined if given.

    Raises:
        MazeInterpError: no level has a cheese.
    """
    table = by_place(levels)
    if not len(table):
        raise MazeInterpError("no level has a cheese whose place could be drawn")
    side = int(table[["left", "down"]].to_numpy().max()) + 1
    means = np.full((side, side), np.nan)
    means[table["down"], table["left"]] = table["mean"]
    inches = max(4.8, 0.27 * side + 1.0)
    figure = new_figure(inches + 1.6, inches + 0.7, square=True)
    axes = figure.subplots()
    axes.add_patch(Rectangle((-0.5, -0.5), side, side, zorder=-1, **_EMPTY))
    image = axes.imshow(means, cmap=PROBABILITY, vmin=0, vmax=1, interpolation="nearest")
    _write_counts(axes, table)
    axes.set(xlim=(side - 0.5, -0.5), ylim=(side - 0.5, -0.5))  # the corner at the top right, as in the maze
    axes.set(xlabel="squares left of the top-right corner", ylabel="squares below the top-right corner")
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    figure.colorbar(image, ax=axes, shrink=0.7, label="P(cheese), mean over the levels there")
    figure.legend(handles=_outline(axes, side, region), loc="outside lower left", ncols=2)
    return figure


def _write_counts(axes: Axes, table: pd.DataFrame) -> None:
    colours = colormaps[PROBABILITY]
    for left, down, n, mean in table[["left", "down", "n", "mean"]].itertuples(index=False):
        light = sum(colours(mean)[:3]) > 1.5
        axes.text(left, down, str(n), ha="center", va="center", fontsize=7, color="black" if light else "white")


def _outline(axes: Axes, side: int, region: int | None) -> list[Patch]:
    empty = Patch(label="no level had its cheese there", **_EMPTY)
    if region is None:
        return [empty]
    dashed: dict[str, Any] = {"fill": False, "edgecolor": VERMILLION, "linestyle": "--", "linewidth": 2.0}
    axes.add_patch(Rectangle((-0.5, -0.5), min(region, side), min(region, side), clip_on=False, zorder=4, **dashed))
    return [empty, Patch(label=f"top-right {region}×{region}", **dashed)]
