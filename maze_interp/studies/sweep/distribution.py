"""How P(cheese) is distributed over levels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.errors import MazeInterpError
from maze_interp.plots.style import BLUE, ORANGE, SKY, VERMILLION, new_figure, styled


@styled
def distribution_figure(parts: Mapping[str, pd.DataFrame]) -> Figure:
    """How p_cheese is spread over levels: a histogram and the cumulative share, one colour per part.

    Args:
        parts: rows of sweeps by name, at most four; empty ones are left out.

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
