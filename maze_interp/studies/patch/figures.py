"""What patching does, in pictures: by layer, by channel, by position, by how much of a layer is patched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from maze_interp.plots import style
from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import new_figure, styled
from maze_interp.results.text import short_layer
from maze_interp.studies.patch.tables import position_map

SHARE = "share of the whole effect"

_PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "recipient_goal": ("around the recipient's cheese", {"color": style.BLUE, "marker": "o"}),
    "donor_goal": ("around the donor's goal", {"color": style.VERMILLION, "marker": "s"}),
    "mouse": ("around the mouse", {"color": style.GREEN, "marker": "^"}),
    "rest": ("everything else", {"color": style.GREY, "marker": "D"}),
}
_RANKINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "integrated": ("by integrated gradients", {"color": style.BLUE}),
    "gradient": ("by the gradient at the recipient", {"color": style.SKY, "linestyle": "--"}),
    "largest": ("by size of donor − recipient", {"color": style.ORANGE}),
    "random_changed": ("random, of those that differ", {"color": style.PURPLE, "linestyle": "-."}),
    "random": ("random, of all", {"color": style.GREY, "linestyle": ":"}),
}
_METRICS = {
    "probability_difference": (style.BLUE, "o", "probability difference"),
    "p_cheese": (style.VERMILLION, "s", "exact P(cheese)"),
}
_points = partial(draw_points, capsize=2, markersize=4)

_SHARES = {0.5: style.SKY, 0.7: style.BLUE, 0.9: style.ORANGE, 0.99: style.VERMILLION}
_MOST = 24  # channels drawn of a layer


@styled
def layers_figure(table: pd.DataFrame, branches: Sequence[str] = ()) -> Figure:
    """The effect by depth when a layer is patched around one place, and that of each residual branch patched whole.

    From `layer_table`; residual connections lead around the branches.
    """
    parts = {part: table[(table["part"] == part) & (table["metric"] == "probability_difference")] for part in _PARTS}
    whole = table[table["part"] == "whole"]
    figure = new_figure(11, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2)) if branches else (figure.subplots(), None)
    layers = [layer for layer in parts["recipient_goal"]["layer"] if layer not in branches]
    for number, (part, (words, look)) in enumerate(_PARTS.items()):
        some = parts[part].set_index("layer").loc[layers]
        _points(left, np.arange(len(layers)) + 0.06 * (number - 1.5), some, linewidth=1, label=words, **look)
    left.axhline(1, color=style.BLACK, linewidth=1, linestyle=":", label="the whole layer")
    _share_axis(left, layers, "probability difference,\n" + SHARE)
    left.set_title("patched around one place")
    if right is not None:
        for number, (metric, (colour, marker, words)) in enumerate(_METRICS.items()):
            some = whole[whole["metric"] == metric].set_index("layer").loc[list(branches)]
            x = np.arange(len(branches)) + 0.12 * (number - 0.5)
            _points(right, x, some, color=colour, marker=marker, linestyle="none", label=words)
        _share_axis(right, branches, SHARE)
        right.set_title("a residual branch patched whole")
        right.axhline(1, color=style.BLACK, linewidth=1, linestyle=":")
    figure.legend(loc="outside lower left", ncols=4)
    return figure


@styled
def channels_figure(table: pd.DataFrame) -> Figure:
    """The effect of every channel patched alone, a panel per layer, at most 24 channels, from `channel_table`."""
    layers = list(table["layer"].unique())
    figure = new_figure(10, 2.5 * len(layers) + 0.3)
    for axes, layer in zip(figure.subplots(len(layers), 1, squeeze=False)[:, 0], layers, strict=True):
        some = table[table["layer"] == layer].head(_MOST)
        _points(axes, some["rank"], some, color=style.BLUE, marker="o", linestyle="none")
        axes.set_xticks(some["rank"], [str(channel) for channel in some["channel"]])
        axes.axhline(0, color=style.GREY, linewidth=0.8)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set(ylabel="share of the\nwhole effect", title=short_layer(layer))
        axes.set_xlabel("channel, in the order of its effect on other levels")
        axes.grid(axis="y")
    return figure


@styled
def positions_figure(table: pd.DataFrame, layer: str) -> Figure:
    """The effect of single positions of a layer, by their offset from the two goals and the mouse.

    From `position_table`.
    """
    words = {
        "recipient_goal": "the recipient's cheese",
        "donor_goal": "the donor's goal",
        "mouse": "the mouse on the decision square",
    }
    some = table[table["layer"] == layer]
    limit = max(float(some["share"].abs().max()), 0.01)
    figure = new_figure(12, 4.6, square=True)
    panels = figure.subplots(1, 3)
    for axes, (place, name) in zip(panels, words.items(), strict=True):
        image, extent = position_map(some[some["place"] == place])
        colours = colormaps[style.DIVERGING].with_extremes(bad="#DDDDDD")
        shown = axes.imshow(
            image, extent=extent, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest", origin="upper"
        )
        axes.plot(0, 0, "+", color=style.BLACK, markersize=9)
        axes.set(xlabel="positions to the right", title=f"from {name}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylabel("positions downwards")
    bar = figure.colorbar(shown, ax=panels, shrink=0.75)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1 if limit < 0.05 else 0))
    bar.set_label(SHARE)
    figure.suptitle(f"one position of {short_layer(layer)} patched (+ marks the place)", x=0.01, ha="left", fontsize=11)
    return figure


@styled
def curves_figure(table: pd.DataFrame, layers: list[str]) -> Figure:
    """The share of the effect as more of a layer is patched, a panel for each of at most six, from `curve_table`."""
    down = -(-len(layers) // 3)
    figure = new_figure(max(7.5, 3.7 * min(3, len(layers)) + 0.6), 3.3 * down + 0.8)
    panels = figure.subplots(down, min(3, len(layers)), squeeze=False, sharey=True)
    for axes, layer in zip(panels.ravel(), layers, strict=False):
        for ranking, (words, look) in _RANKINGS.items():
            some = table[(table["layer"] == layer) & (table["ranking"] == ranking)]
            axes.plot(some["count"], some["mean"], label=words, **look)
            axes.fill_between(
                some["count"], *(some[end].astype(float) for end in ("low", "high")), color=look["color"], alpha=0.15
            )
        _count_axis(axes, "activations patched (log scale)")
        axes.set_title(f"{short_layer(layer)} ({table.loc[table['layer'] == layer, 'count'].max():,})")
        axes.grid()
    for axes in panels.ravel()[len(layers) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_ylabel(SHARE)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


@styled
def counts_figure(parts: Mapping[str, pd.DataFrame]) -> Figure:
    """How many activations it took, level by level: a dot per level, a bar at the median, by layer and share.

    From rows of `SmallestSets` or `EpisodeSets`, by title.
    """
    figure = new_figure(5.5 * len(parts) + 1, 4.4)
    for axes, (title, rows) in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts.items(), strict=True):
        layers = list(rows["layer"].unique())
        for number, (share, colour) in enumerate(_SHARES.items()):
            for place, layer in enumerate(layers):
                counts = rows[(rows["layer"] == layer) & (rows["share"] == share)]["count"]
                x = place + 0.2 * (number - 1.5)
                spread = np.random.default_rng(0).uniform(-0.06, 0.06, len(counts))
                axes.plot(x + spread, counts, ".", color=colour, markersize=5, alpha=0.6)
                axes.hlines(counts.median(), x - 0.09, x + 0.09, color=style.BLACK, linewidth=1.5, zorder=3)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_xticks(range(len(layers)), [short_layer(layer) for layer in layers], rotation=20, ha="right")
        axes.set(ylabel="activations patched (log scale)", title=title)
        axes.grid(axis="y")
    handles = [axes.plot([], [], "o", color=colour, label=f"{share:.0%}")[0] for share, colour in _SHARES.items()]
    bar = axes.plot([], [], color=style.BLACK, linewidth=2, label="median")
    figure.legend(handles=[*handles, *bar], loc="outside lower left", ncols=5, title="share of the whole effect")
    return figure


@styled
def channel_sets_figure(table: pd.DataFrame) -> Figure:
    """The same first channels patched in every level, against random ones, a panel per layer.

    From `channel_set_table`.
    """
    layers = list(table["layer"].unique())
    down = -(-len(layers) // 3)
    figure = new_figure(max(7.5, 3.7 * min(3, len(layers)) + 0.6), 3.1 * down + 0.8)
    panels = figure.subplots(down, min(3, len(layers)), squeeze=False, sharey=True)
    rankings = {"chosen": ("-", "chosen on other levels"), "random": (":", "random")}
    for axes, layer in zip(panels.ravel(), layers, strict=False):
        for (metric, (colour, marker, words)), (ranking, (line, which)) in (
            (by_metric, by_ranking) for by_metric in _METRICS.items() for by_ranking in rankings.items()
        ):
            some = table[(table["layer"] == layer) & (table["metric"] == metric) & (table["ranking"] == ranking)]
            label = f"{words}, {which}"
            _points(axes, some["count"], some, color=colour, marker=marker, linestyle=line, label=label)
        _count_axis(axes, "channels patched (log scale)")
        axes.set_title(short_layer(layer))
        axes.grid()
    for axes in panels.ravel()[len(layers) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        low, high = axes.get_ylim()
        axes.set(ylabel=SHARE, ylim=(max(low, -0.5), min(high, 1.5)))
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _count_axis(axes: Axes, label: str) -> None:
    axes.set_xscale("log", base=4)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(label)


def _share_axis(axes: Axes, layers: Sequence[str], label: str) -> None:
    axes.set_xticks(range(len(layers)), [short_layer(layer) for layer in layers], rotation=30, ha="right")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel(label)
    axes.set_ylim(min(0, axes.get_ylim()[0]), max(1.05, axes.get_ylim()[1]))
    axes.grid(axis="y")
