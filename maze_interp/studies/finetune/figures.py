"""Fine-tuning in pictures: what changed, the weights between the two agents, where they moved, the learning curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLUE, GREEN, GREY, VERMILLION, new_figure, styled
from maze_interp.results.tables import estimate_table
from maze_interp.results.text import points
from maze_interp.studies.finetune.measure import QUANTITIES
from maze_interp.studies.finetune.tables import Figures

_LINES = {
    "region_p_cheese": (BLUE, "o", "cheese, in the training region"),
    "outside_p_cheese": (VERMILLION, "s", "cheese, outside the region"),
    "free_p_top_right": (GREEN, "D", "top right, cheese not on the way"),
}
"""The quantities whose course between the two agents is drawn."""

_WHEN = (("before", GREY, "o"), ("after", BLUE, "s"))


@styled
def change_figure(figures: Figures) -> Figure:
    """Each quantity of `tuning_figures` before and after tuning, with intervals; the paired difference in words."""
    shown = [name for name in QUANTITIES if figures[name]["before"].n and name != "variation"]
    figure = new_figure(9.5, 1.3 + 0.5 * len(shown))
    axes = figure.subplots()
    for y, name in enumerate(shown):
        for offset, (when, colour, marker) in zip((-0.13, 0.13), _WHEN, strict=True):
            table = estimate_table([({}, figures[name][when])])
            draw_points(axes, [y + offset], table, across=True, few_hollow=True, fmt=marker, color=colour, capsize=0)
        axes.annotate(points(figures[name]["difference"]), (1.03, y), va="center", fontsize=9, annotation_clip=False)
    axes.set_yticks(range(len(shown)), [f"{QUANTITIES[name]} (n = {figures[name]['before'].n})" for name in shown])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(shown) - 0.5, -0.5), xlabel="mean over levels, 95% interval")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x")
    axes.annotate("after − before", (1.03, -0.5), va="bottom", fontsize=9, annotation_clip=False)
    handles = [
        axes.plot([], [], color=colour, marker=marker, linestyle="none", label=f"{when} tuning")[0]
        for when, colour, marker in _WHEN
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


@styled
def interpolation_figure(table: pd.DataFrame) -> Figure:
    """What networks do whose weights lie between the original's and the tuned agent's, from `interpolation_table`."""
    figure = new_figure(6.6, 4.4)
    axes = figure.subplots()
    for name, (colour, marker, words) in _LINES.items():
        rows = table[(table["quantity"] == name) & (table["n"] > 0)].sort_values("mix")
        axes.plot(rows["mix"], rows["mean"], color=colour, marker=marker, label=words)
        axes.fill_between(rows["mix"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
    for mix, words in ((0, "original"), (1, "tuned")):
        axes.axvline(mix, color=GREY, linewidth=0.8, linestyle="--")
        axes.annotate(words, (mix, 1.02), ha="center", va="bottom", fontsize=9, color=GREY, annotation_clip=False)
    axes.set(xlabel="t: weights (1 − t) · original + t · tuned", ylabel="probability of reaching", ylim=(0, 1.01))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=1)
    return figure


@styled
def weights_figure(table: pd.DataFrame) -> Figure:
    """How far tuning moved each layer, as a share of the length of its weights, from `weight_change`."""
    layers = table[table["layer"] != "all"]
    whole = float(table.loc[table["layer"] == "all", "relative"].iloc[0])
    figure = new_figure(7.5, 1.2 + 0.28 * len(layers))
    axes = figure.subplots()
    axes.barh(layers["layer"], layers["relative"], color=BLUE)
    axes.axvline(whole, color=GREY, linestyle="--", linewidth=1)
    axes.annotate(" whole network", (whole, len(layers) - 0.4), fontsize=8.5, color=GREY, annotation_clip=False)
    axes.set(xlabel="‖ΔW‖ / ‖W‖, weights and biases of a layer as one vector", ylim=(len(layers) - 0.4, -0.6))
    axes.grid(axis="x")
    return figure


@styled
def learning_figure(learning: pd.DataFrame, training_steps: int | None = None) -> Figure:
    """Success on levels not seen before, and the discounted return, against the states evaluated, from `curve_table`.

    Above, the states as a share of the steps of the original's training, if that is known.
    """
    figure = new_figure(6.6, 4.0)
    axes = figure.subplots()
    for key, colour, marker, words in (
        ("success", BLUE, "o", "P(reaches the goal within 500 moves)"),
        ("return", GREY, "s", "discounted return"),
    ):
        axes.plot(learning["steps"], learning[key], color=colour, marker=marker, markersize=3.5, label=words)
    axes.set(
        xlabel="states evaluated", ylabel="mean over the levels since the last point", xlim=(0, None), ylim=(0, 1.02)
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y")
    if training_steps is not None:
        _shares(axes, training_steps)
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def _shares(axes: Axes, training_steps: int) -> None:
    convert = (lambda x: np.divide(x, training_steps), lambda x: np.multiply(x, training_steps))
    above = axes.secondary_xaxis("top", functions=convert)
    above.xaxis.set_major_formatter(PercentFormatter(1))
    above.set_xlabel("share of the steps of the original's training")
