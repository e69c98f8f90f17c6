"""P(cheese) on a map of the cheese's place, counted from the top-right corner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from maze_interp.errors import MazeInterpError
from maze_interp.plots.style import PROBABILITY, VERMILLION, new_figure, styled
from maze_interp.sweeps.groups import by_place

_EMPTY: dict[str, Any] = {"facecolor": "#EEEEEE", "edgecolor": "#C4C4C4", "hatch": "////", "linewidth": 0}


@styled
def place_figure(levels: pd.DataFrame, region: int | None = None) -> Figure:
    """Mean P(cheese) for every place of the cheese, mazes of all sizes laid corner on corner.

    Every place shows how many levels had their cheese there; places with none are hatched.

    Args:
        levels: rows of a sweep.
        region: outline the top-right n×n.

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
