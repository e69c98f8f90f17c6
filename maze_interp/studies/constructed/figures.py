"""Constructed levels in pictures: pairs, the cheese along a branch, and the cheese everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from maze_interp.mazes.maze import Maze
from maze_interp.plots.intervals import FEW, draw_points
from maze_interp.plots.maze import draw_maze, maze_title
from maze_interp.plots.style import BLUE, GREY, ORANGE, PROBABILITY, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.studies.constructed.measure import OUTCOMES

_TITLES = {
    "swap": "two branches into the region",
    "equal euclidean": "equal straight line, unequal steps",
    "equal steps": "equal steps, unequal straight line",
}
_VARIANTS = {
    "swap": ("cheese in\none branch", "cheese in\nthe other"),
    "equal euclidean": ("nearer\nin steps", "farther\nin steps"),
    "equal steps": ("nearer in a\nstraight line", "farther in a\nstraight line"),
}
_LOOKS: dict[str, dict[str, Any]] = {
    "p_cheese": {"fmt": "o-", "color": BLUE, "linewidth": 0.9},
    "towards": {"fmt": "s-", "color": ORANGE, "linewidth": 0.9},
    "elsewhere": {"fmt": "x-", "color": GREY, "linewidth": 0.9},
}


@styled
def pairs_figure(table: pd.DataFrame) -> Figure:
    """Both members of every kind of pair, from `pair_table`."""
    kinds = [kind for kind in _TITLES if kind in set(table["kind"])]
    figure = new_figure(1.5 + 3.3 * len(kinds), 4.2)
    for axes, kind in zip(figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0], kinds, strict=True):
        some = table[(table["kind"] == kind) & table["variant"].isin(["0", "1"])]
        for outcome, shift in zip(OUTCOMES, (-0.08, 0.0, 0.08), strict=True):
            mine = some[some["outcome"] == outcome]
            draw_points(axes, np.arange(2) + shift, mine, label=OUTCOMES[outcome], **_LOOKS[outcome])
        axes.set(title=f"{_TITLES[kind]}\n({counted(some['n'].max(), 'level')})", xlim=(-0.5, 1.5), ylim=(-0.03, 1.03))
        axes.set_xticks([0, 1], _VARIANTS[kind])
        axes.grid(axis="y")
    figure.axes[0].set_ylabel("probability")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


@styled
def detour_figure(table: pd.DataFrame) -> Figure:
    """The cheese farther and farther into a branch beside the path to the corner, from `detour_table`.

    Steps with fewer than `FEW` levels are left out.
    """
    some = table[table["n"] >= min(FEW, table["n"].max())]
    figure = new_figure(7.5, 4.2)
    axes = figure.subplots()
    for outcome in OUTCOMES:
        mine = some[some["outcome"] == outcome]
        label = OUTCOMES[outcome].replace("the other branch", "the corner's branch")
        draw_points(axes, mine["steps"], mine, label=label, **_LOOKS[outcome])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="steps from the path to the corner to the cheese", ylabel="probability", ylim=(-0.03, 1.03))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


@styled
def cheese_map_figure(maze: Maze, grid: NDArray[np.float64], region: int | None = None) -> Figure:
    """One level, drawn without its cheese, each square coloured by P(cheese) when the cheese lies there.

    From the grid of `cheese_grid`, the top-right n×n outlined if given.
    """
    figure = new_figure(5.4, 4.6, square=True)
    axes = figure.subplots()
    draw_maze(axes, maze.with_cheese(None), region)
    image = axes.imshow(grid, origin="lower", cmap=PROBABILITY, vmin=0, vmax=1, zorder=1)
    axes.set_title(f"{maze_title(maze)}\nP(cheese) by the cheese's place")
    figure.colorbar(image, ax=axes, label="P(cheese)", shrink=0.8)
    return figure
