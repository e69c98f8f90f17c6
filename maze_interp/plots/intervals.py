"""Estimates in pictures: points with whiskers, and bars of shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from maze_interp.errors import MazeInterpError
from maze_interp.plots.style import BLUE, GREY, ORANGE, SKY, new_figure, styled
from maze_interp.results.estimates import Estimate
from maze_interp.results.tables import estimate_table

FEW = 10
"""Levels below which a mean is drawn hollow: the bootstrap of so few makes too narrow an interval."""


def draw_points(
    axes: Axes,
    at: ArrayLike,
    table: pd.DataFrame,
    column: str = "mean",
    across: bool = False,
    few_hollow: bool = False,
    **style: Any,
) -> None:
    """Points of a table of estimates with their intervals; no whisker where there is no interval.

    The table has columns mean, low, high, or the `cells` of `column`; `at`, `[rows]`, are the places on the other axis,
    along x unless `across`. Rows of fewer than `FEW` levels may be drawn hollow; `style` is that of `Axes.errorbar`.
    """
    if few_hollow and (few := (table["n"] < FEW).to_numpy()).any():
        places, hollow = np.asarray(at), style | {"markerfacecolor": "white", "label": None}
        draw_points(axes, places[~few], table[~few], column, across, **style)
        draw_points(axes, places[few], table[few], column, across, **hollow)
        return
    names = ("low", "high") if column == "mean" else (f"{column}_low", f"{column}_high")
    mean, low, high = (table[name].to_numpy(float) for name in (column, *names))
    ends, style = whiskers(mean, low, high), {"capsize": 3} | style
    if across:
        axes.errorbar(mean, at, xerr=ends, **style)
    else:
        axes.errorbar(at, mean, yerr=ends, **style)


def panels_of(figure: Figure, count: int, across: int, **options: Any) -> list[Axes]:
    """So many panels in rows of `across`, as `Figure.subplots` makes them; the rest of the last row stays empty."""
    columns = min(across, count)
    panels = figure.subplots(-(-count // columns), columns, squeeze=False, **options).ravel()
    for axes in panels[count:]:
        axes.set_axis_off()
    return list(panels[:count])


def whiskers(mean: ArrayLike, low: ArrayLike, high: ArrayLike) -> list[list[float]]:
    """Lengths of the whiskers below and above, `[2, n]`; 0 without an interval.

    Rounding can leave an end of an interval a hair inside the mean; a length is never negative.
    """
    middle, bottom, top = (np.asarray(values, dtype=float) for values in (mean, low, high))
    lengths: list[list[float]] = np.maximum(np.nan_to_num([middle - bottom, top - middle]), 0).tolist()
    return lengths


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
    table = estimate_table(({}, one) for one in shown.values())
    draw_points(axes, range(len(shown)), table, across=True, few_hollow=True, fmt="o", color=BLUE, capsize=4)
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
