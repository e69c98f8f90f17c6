"""What a sweep found, in pictures: how p_cheese is spread, outcomes by group; and the pictures of a finished run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.errors import MazeInterpError
from maze_interp.plots.bins import FEW, distance_figure, size_figure, whiskers
from maze_interp.plots.gallery import surprises_figure
from maze_interp.plots.place import place_figure
from maze_interp.plots.style import BLUE, GREY, ORANGE, SKY, VERMILLION, new_figure, save, styled
from maze_interp.sweeps.intervals import Estimate, estimate
from maze_interp.sweeps.summary import groups, read_levels
from maze_interp.sweeps.sweep import Sweep

EXITS = {
    "exit_cheese": "towards the cheese",
    "exit_top_right": "towards the top-right corner",
    "exit_other": "another way",
}
"""The first ways out of the decision square, which sum to 1."""


def write_pictures(run: Sweep, out: Path) -> list[Path]:
    """Draw a finished sweep into its folder.

    Args:
        run: the sweep; its policy redraws the fields of the most and least surprising levels.
        out: its folder, with `levels.csv` and `summary.json`.

    Returns:
        the pictures' paths; none if the levels have no cheese.
    """
    levels = read_levels(out / "levels.csv")
    if not levels["cheese_x"].notna().any():
        return []
    region = json.loads((out / "summary.json").read_text())["training_region"]
    parts = groups(levels, region)
    by_cheese = dict(list(parts.items())[1:3])  # in the region, and outside it
    figures = {
        "p_cheese_by_distance": distance_figure(levels),
        "p_cheese_by_size": size_figure(levels),
        "p_cheese_by_place": place_figure(levels, region),
        "p_cheese_distribution": distribution_figure(by_cheese),
        "p_cheese_by_group": estimates_figure(
            {name: estimate(part["p_cheese"]) for name, part in parts.items()}, "P(cheese), mean over levels"
        ),
    }
    if levels["decision_x"].notna().sum() > 1:
        figures["first_exits"] = shares_figure(
            exits(by_cheese), "first way out of the decision square, mean over levels"
        )
        figures["surprises"] = surprises_figure(run, levels, region)
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def exits(parts: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Estimate]]:
    """Per group of levels, the estimates of the first ways out of the decision square, by their names in words."""
    return {
        name: {words: estimate(levels[column]) for column, words in EXITS.items()} for name, levels in parts.items()
    }


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


@styled
def estimates_figure(estimates: Mapping[str, Estimate], xlabel: str) -> Figure:
    """Named probabilities with their 95% intervals, one below the other; hollow if of fewer than 10 levels.

    Raises:
        MazeInterpError: none has a mean.
    """
    shown = {name: one for name, one in estimates.items() if one.mean is not None}
    if not shown:
        raise MazeInterpError("none of the groups has levels to draw")
    figure = new_figure(8, 1.1 + 0.42 * len(shown))
    axes = figure.subplots()
    for row, one in enumerate(shown.values()):
        ends = whiskers(*np.array([[one.mean], [one.low], [one.high]], dtype=float))
        hollow: dict[str, Any] = {"markerfacecolor": "white"} if one.n < FEW else {}
        axes.errorbar([one.mean or 0.0], [row], xerr=ends, fmt="o", color=BLUE, capsize=4, **hollow)
    axes.set_yticks(range(len(shown)), [f"{name} (n = {one.n})" for name, one in shown.items()])
    axes.set(ylim=(len(shown) - 0.4, -0.6), xlim=(-0.02, 1.02), xlabel=f"{xlabel}, 95% interval")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x")
    return figure


@styled
def shares_figure(parts: Mapping[str, Mapping[str, Estimate]], xlabel: str) -> Figure:
    """Bars of shares that sum to 1, one per group of levels; means of 6% and more are written into them.

    Args:
        parts: for each group its estimates by name, at most three; groups without levels are left out.
        xlabel: what the bars measure.

    Raises:
        MazeInterpError: no group has levels.
    """
    shown = {name: shares for name, shares in parts.items() if all(one.n for one in shares.values())}
    if not shown:
        raise MazeInterpError("none of the groups has levels to draw")
    figure = new_figure(8, 1.4 + 0.5 * len(shown))
    axes = figure.subplots()
    for row, shares in enumerate(shown.values()):
        _shares_bar(axes, row, shares)
    names = [f"{name} (n = {min(one.n for one in shares.values())})" for name, shares in shown.items()]
    axes.set_yticks(range(len(shown)), names)
    axes.set(ylim=(len(shown) - 0.4, -0.6), xlim=(0, 1), xlabel=xlabel)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return figure


def _shares_bar(axes: Axes, row: int, shares: Mapping[str, Estimate]) -> None:
    left = 0.0
    for (name, one), colour, hatch in zip(shares.items(), (ORANGE, SKY, "#CCCCCC"), ("", "///", "..."), strict=False):
        width = max(one.mean or 0.0, 0.0)
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": GREY, "linewidth": 0.5}
        axes.barh(row, width, 0.62, left, label=None if row else name, **look)
        if width >= 0.06:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            axes.text(left + width / 2, row, f"{width:.1%}", ha="center", va="center", fontsize=9, bbox=box)
        left += width
