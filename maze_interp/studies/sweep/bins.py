"""P(cheese) by distance and by size: a mean per bin, its interval, and how many levels the bin holds."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MultipleLocator

from maze_interp.errors import MazeInterpError
from maze_interp.plots.intervals import FEW, draw_mean
from maze_interp.plots.style import BLUE, new_figure, styled
from maze_interp.sweeps.groups import BIN_WIDTH, binned

_DISTANCES = {
    "euclidean_cheese_top_right": "cheese to top-right corner,\nstraight line (squares)",
    "euclidean_cheese_decision_square": "cheese to decision square,\nstraight line (squares)",
    "steps_cheese_top_right": "cheese to top-right corner,\nalong the maze (steps)",
    "steps_cheese_decision_square": "cheese to decision square,\nalong the maze (steps)",
}


@styled
def distance_figure(levels: pd.DataFrame) -> Figure:
    """P(cheese) by the cheese's distance from the corner and from the decision square, in both metrics.

    A bin holds its lower edge and not its upper one. Distances that no level has are left out.

    Args:
        levels: rows of a sweep.

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
    few = table["n"] < FEW
    for some, style in ((~few, {}), (few, {"markerfacecolor": "white"})):
        draw_mean(means, middle[some], *(table.loc[some, column] for column in ("mean", "low", "high")), **style)
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
    handles = [
        axes.errorbar([], [], yerr=[], fmt="o", color=BLUE, capsize=3, label="mean over levels, 95% interval"),
        axes.errorbar(
            [], [], yerr=[], fmt="o", color=BLUE, capsize=3, markerfacecolor="white", label=f"fewer than {FEW} levels"
        ),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
