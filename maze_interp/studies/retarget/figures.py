"""Where an edit can send the agent, in pictures: one level's targets, and means by size and by distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.plots.intervals import draw_points
from maze_interp.plots.maze import draw_maze, maze_title
from maze_interp.plots.style import BLUE, GREEN, GREY, ORANGE, PROBABILITY, PURPLE, SKY, VERMILLION, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.studies.retarget.measure import OUTCOMES

CONDITIONS = {
    "unedited": "unedited",
    "single": "best single channel",
    "subset": "best subset",
    "given": "the channels given",
    "tracking": "channels that track the cheese",
    "random": "random channels",
    "cheese": "the cheese moved there",
}
"""The conditions of a retargeting run, in words and in order."""

_LOOKS = {
    "unedited": (GREY, "o"),
    "single": (SKY, "v"),
    "subset": (BLUE, "s"),
    "given": (GREEN, "D"),
    "tracking": (PURPLE, "^"),
    "random": (VERMILLION, "X"),
    "cheese": (ORANGE, "P"),
}


@styled
def heat_map_figure(maze: Maze, grids: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> Figure:
    """One level, each square coloured by how well the agent is sent there: a row per outcome, a column per condition.

    The maze is drawn without its cheese; grids, by outcome and condition, are `[size, size]`, NaN off the targets.

    Raises:
        MazeInterpError: a grid of another size.
    """
    conditions = [name for name in CONDITIONS if any(name in grid for grid in grids.values())]
    figure = new_figure(3.5 * len(conditions) + 1.2, 3.7 * len(grids) + 0.5, square=True)
    panels = figure.subplots(len(grids), len(conditions), squeeze=False)
    empty = maze.with_cheese(None)
    for row, (outcome, some) in zip(panels, grids.items(), strict=True):
        for axes, condition in zip(row, conditions, strict=True):
            if some[condition].shape != maze.open.shape:
                raise MazeInterpError(f"the grid has shape {some[condition].shape}, the maze {maze.open.shape}")
            marks = draw_maze(axes, empty)
            image = axes.imshow(
                some[condition], cmap=PROBABILITY, vmin=0, vmax=1, origin="lower", interpolation="nearest"
            )
            axes.set_title(f"{CONDITIONS[condition]}\nmean {np.nanmean(some[condition]):.2f}", fontsize=10)
        figure.colorbar(image, ax=row, shrink=0.85, label=OUTCOMES[outcome])
    figure.suptitle(f"{maze_title(maze)}: each square as the target", x=0.01, ha="left", fontsize=11)
    figure.legend(handles=marks, loc="outside lower left")
    return figure


@styled
def overall_figure(table: pd.DataFrame) -> Figure:
    """Each condition's means over levels with their intervals, a panel per outcome, from `reach_table` overall."""
    shown = [name for name in CONDITIONS if name in set(table["condition"])]
    outcomes = _measured(table)
    figure = new_figure(3.2 + 3.8 * len(outcomes), 1.3 + 0.38 * len(shown))
    panels = figure.subplots(1, len(outcomes), sharey=True, squeeze=False)[0]
    for axes, outcome in zip(panels, outcomes, strict=True):
        some = table[table["outcome"] == outcome].set_index("condition").loc[shown]
        for y, condition in enumerate(shown):
            colour, marker = _LOOKS[condition]
            look: dict[str, Any] = {"fmt": marker, "color": colour, "capsize": 4, "markersize": 7}
            draw_points(axes, [y], some.loc[[condition]], across=True, **look)
        axes.set(
            xlim=(-0.02, 1.02),
            xlabel=f"{OUTCOMES[outcome]},\nmean over {counted(some['n'].max(), 'level')}, 95% interval",
        )
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(shown)), [CONDITIONS[name] for name in shown])
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    return figure


@styled
def reach_figure(table: pd.DataFrame, by: str) -> Figure:
    """Each condition's means with their intervals, and the levels in each bin, by size or by distance."""
    words = {
        "size": "size of the maze (squares per side)",
        "distance": "squares of the path that are off the path to the top right",
    }
    outcomes = _measured(table)
    figure = new_figure(2 + 4.8 * len(outcomes), 4.4)
    panels = figure.subplots(1, len(outcomes), sharey=True, squeeze=False)[0]
    for axes, outcome in zip(panels, outcomes, strict=True):
        _lines(axes, table[table["outcome"] == outcome], by)
        axes.set(ylim=(-0.03, 1.03), xlabel=words[by], ylabel=OUTCOMES[outcome])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def _lines(axes: Axes, table: pd.DataFrame, by: str) -> None:
    bins = list(dict.fromkeys(table[by]))
    shown = [name for name in CONDITIONS if name in set(table["condition"])]
    for condition, shift in zip(shown, np.linspace(-0.25, 0.25, len(shown)), strict=True):
        some = table[table["condition"] == condition].set_index(by).reindex(bins)
        colour, marker = _LOOKS[condition]
        look: dict[str, Any] = {"fmt": f"{marker}-", "color": colour, "markersize": 5, "capsize": 2, "linewidth": 0.9}
        draw_points(axes, np.arange(len(bins)) + shift, some, label=CONDITIONS[condition], **look)
    counts = table.groupby(by, observed=True)["n"].max().reindex(bins)
    axes.set_xticks(range(len(bins)), [f"{value}\nn = {n}" for value, n in counts.items()])
    axes.grid(axis="y")


def _measured(table: pd.DataFrame) -> Sequence[str]:
    return [outcome for outcome in OUTCOMES if table.loc[table["outcome"] == outcome, "n"].any()]
