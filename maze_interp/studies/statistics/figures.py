"""What predicts cheese-getting, in pictures: accuracies, coefficients, correlations, curves over distance, layout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from maze_interp.plots.intervals import FEW, draw_points, panels_of
from maze_interp.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PROBABILITY, VERMILLION, new_figure, styled
from maze_interp.results.numbers import decimal
from maze_interp.studies.statistics.change_point import PAIR, fitted_curves
from maze_interp.studies.statistics.words import OUTCOME_WORDS, WORDS
from maze_interp.sweeps.groups import BIN_WIDTH, binned

_SHAPES = {"step": (VERMILLION, "-"), "broken line": (ORANGE, "-."), "logistic": (BLACK, "--"), "spline": (GREEN, ":")}


def verdicts_of(change_points: pd.DataFrame, outcome: str) -> dict[str, str]:
    """The verdict by distance."""
    rows = change_points[change_points["outcome"] == outcome]
    return dict(zip(rows["variable"], rows["verdict"], strict=True))


@styled
def accuracies_figure(single: pd.DataFrame, accuracies: pd.DataFrame, outcome: str = "p_cheese") -> Figure:
    """Held-out accuracy of every regression between the majority guess and knowing each level; the published beside.

    From the tables of `single_regressions` and of `accuracies`.
    """
    alone = single[single["outcome"] == outcome].sort_values("accuracy", kind="stable")
    several = accuracies[accuracies["outcome"] == outcome].set_index("model")
    bounds = {"majority guess": (GREY, ":"), "knowing each level": (BLACK, "--")}
    models = several.drop(index=list(bounds), errors="ignore")
    names = [WORDS[name] for name in alone["variable"]] + [f"regression on {name}" for name in models.index[::-1]]
    figure = new_figure(9, 1.6 + 0.3 * len(names))
    axes = figure.subplots()
    _forest(axes, pd.concat([alone, models.iloc[::-1]]), "accuracy", names)
    for name, (colour, line) in bounds.items():
        if name in several.index:
            axes.axvline(several.loc[name, "accuracy"], color=colour, linestyle=line, label=name)
    axes.axhline(len(alone) - 0.5, color=GREY, linewidth=0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    n = int(alone["n"].iloc[0])
    axes.set(xlabel=f"accuracy on levels held out: {OUTCOME_WORDS[outcome]} (n = {n} levels)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


@styled
def coefficients_figure(coefficients: pd.DataFrame, outcome: str = "p_cheese") -> Figure:
    """Coefficients of the multiple regressions with intervals, a panel each; the published ones beside."""
    rows = coefficients[coefficients["outcome"] == outcome]
    models = {name: some.iloc[::-1] for name, some in rows.groupby("model", sort=False)}
    figure = new_figure(9, 1.6 + 0.3 * len(rows))
    panels = figure.subplots(len(models), 1, sharex=True, height_ratios=[len(some) for some in models.values()])
    for axes, (name, some) in zip(np.atleast_1d(panels), models.items(), strict=True):
        _forest(axes, some, "coefficient", [WORDS[variable] for variable in some["variable"]])
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_title(f"L1 regression on {name} (n = {int(some['n'].iloc[0])} levels)")
    axes.set_xlabel(f"change in the log-odds of {OUTCOME_WORDS[outcome]}\nper standard deviation of the distance")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


@styled
def correlations_figure(correlations: pd.DataFrame) -> Figure:
    """The correlation matrix of the distances."""
    values = correlations.set_index("variable")
    names = [WORDS[name] for name in values]
    figure = new_figure(9.5, 7.5)
    axes = figure.subplots()
    image = axes.imshow(values.to_numpy(), cmap="PuOr", vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(values.to_numpy()):
        colour = "white" if abs(value) > 0.6 else BLACK
        axes.text(column, row, decimal(value, 2), ha="center", va="center", fontsize=7.5, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.8).set_label("correlation over levels")
    return figure


@styled
def joint_figure(jointly: pd.DataFrame, outcomes: Sequence[str] = ("p_cheese", "decision_p_cheese")) -> Figure:
    """Mean outcome by straight-line and step distance cheese–decision square, with the number of levels in each bin."""
    figure = new_figure(5.6 * len(outcomes), 4.8)
    panels = figure.subplots(1, len(outcomes), sharey=True, squeeze=False)[0]
    width, height = (BIN_WIDTH[name] for name in PAIR)
    for axes, outcome in zip(panels, outcomes, strict=True):
        rows = jointly[jointly["outcome"] == outcome]
        across, up = rows["euclidean"] // width, rows["steps"] // height
        grid = np.full((int(up.max()) + 1, int(across.max()) + 1), np.nan)
        grid[up, across] = rows["mean"]
        edges = (0, grid.shape[1] * width, 0, grid.shape[0] * height)
        image = axes.imshow(grid, cmap=PROBABILITY, vmin=0, vmax=1, origin="lower", extent=edges, aspect="auto")
        for x, y, n, mean in rows[["euclidean", "steps", "n", "mean"]].itertuples(index=False):
            colour = BLACK if mean > 0.6 else "white"
            axes.text(x + width / 2, y + height / 2, int(n), ha="center", va="center", fontsize=8, color=colour)
        axes.set(xlabel=WORDS[PAIR[0]], title=f"{OUTCOME_WORDS[outcome]}, n = {int(rows['n'].sum())}")
        axes.set(xticks=range(0, edges[1] + 1, width), yticks=range(0, edges[3] + 1, height))
    panels[0].set_ylabel(WORDS[PAIR[1]])
    bar = figure.colorbar(image, ax=panels)
    bar.set_label("mean over levels (numbers: levels)")
    return figure


@styled
def change_point_figure(levels: pd.DataFrame, verdicts: Mapping[str, str], outcome: str = "p_cheese") -> Figure:
    """The outcome over each distance, at most four: means by bins, and the fitted shapes.

    From rows of `select`, and the verdicts by the names of the distances.
    """
    figure = new_figure(10, 3.5 * math.ceil(len(verdicts) / 2) + 0.4)
    panels = panels_of(figure, len(verdicts), 2, sharey=True)
    for axes, (variable, verdict) in zip(panels, verdicts.items(), strict=True):
        curves = fitted_curves(levels, variable, outcome)
        for name, (colour, line) in _SHAPES.items():
            drawn = "steps-post" if name == "step" else "default"
            axes.plot(curves["distance"], curves[name], line, color=colour, drawstyle=drawn, label=name)
        table = binned(levels, variable, outcome)
        middle = (table["from"] + table["below"]) / 2
        few = table["n"] < FEW
        labels = ("mean over levels, 95% interval", f"of fewer than {FEW} levels")
        for some, face, label in ((~few, BLUE, labels[0]), (few, "white", labels[1])):
            draw_points(axes, middle[some], table[some], fmt="o", color=BLUE, markerfacecolor=face, label=label)
        axes.set(ylim=(-0.03, 1.03), xlabel=WORDS[variable], title=f"shape: {verdict}")
        axes.grid(axis="y")
    for axes in panels[::2]:
        axes.set_ylabel(OUTCOME_WORDS[outcome])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=6)
    return figure


@styled
def dependence_figure(dependence: pd.DataFrame, outcome: str = "p_cheese") -> Figure:
    """Partial dependence on distances and layout, a panel per predictor, all on one scale."""
    rows = dependence[dependence["outcome"] == outcome]
    curves = list(rows.groupby("variable", sort=False))
    across = 4
    figure = new_figure(11.5, 2.5 * math.ceil(len(curves) / across) + 0.4)
    panels = panels_of(figure, len(curves), across, sharey=True)
    for axes, (variable, curve) in zip(panels, curves, strict=True):
        ends = curve["probability_low"].to_numpy(float), curve["probability_high"].to_numpy(float)
        axes.fill_between(curve["value"], *ends, color=BLUE, alpha=0.25, linewidth=0)
        axes.plot(curve["value"], curve["probability"], color=BLUE, marker=".")
        axes.set_xlabel(_wrapped(WORDS[variable]), fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
    top = float(rows["probability_high"].max())
    panels[0].set_ylim(0, min(1, math.ceil(top * 10) / 10))
    for axes in panels[::across]:
        axes.set_ylabel(OUTCOME_WORDS[outcome])
    return figure


def _forest(axes: Axes, rows: pd.DataFrame, column: str, names: Sequence[str]) -> None:
    """A point with its interval per row from below, and the published value as a hollow diamond."""
    places = np.arange(len(rows))
    draw_points(axes, places, rows, column, across=True, fmt="o", color=BLUE, label="ours, 95% interval")
    theirs = rows["published"].to_numpy(float)
    axes.plot(theirs, places, "D", color=ORANGE, markerfacecolor="white", label="published (another agent)")
    axes.set_yticks(places, names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x")


def _wrapped(words: str) -> str:
    """Words on two lines, broken at a comma or before a bracket or, failing those, in the middle."""
    for mark in (", ", " ("):
        if mark in words:
            first, rest = words.split(mark, 1)
            return f"{first}{mark.rstrip(' (')}\n{mark.strip().strip(',')}{rest}"
    half = words.find(" ", len(words) // 2 - 3)
    return f"{words[:half]}\n{words[half + 1 :]}"
