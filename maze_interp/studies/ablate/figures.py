"""Effects of ablation in pictures: every channel's, the strongest ones', two metrics compared, and one field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from maze_interp.measure.field import vector_field
from maze_interp.plots.field import change_figure
from maze_interp.plots.intervals import draw_points, panels_of
from maze_interp.plots.style import BLACK, BLUE, DIVERGING, GREEN, GREY, PURPLE, VERMILLION, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.results.text import short_layer
from maze_interp.studies.ablate.effects import RATE, level_effects
from maze_interp.studies.ablate.measure import METRICS, DecisionAblation

_LEAST = 1e-3  # an axis of effects spans at least a tenth of a point either way
_PER_ROW = 32  # channels in one row of the heat map
_LOOKS = {"zero": (BLUE, "o"), "mean": (VERMILLION, "s"), "resample": (GREEN, "D")}
_PART_LOOKS = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "D"), (PURPLE, "^"))


@styled
def effects_figure(effects: pd.DataFrame, kind: str) -> Figure:
    """Every channel's effect by one kind of ablation, mean over levels: a panel for each metric, rows of 32 channels.

    From the table of `channel_effects`. Colours end at the 99th percentile of the effects in size; a dot marks a
    significant effect.
    """
    some = effects[effects["kind"] == kind]
    metrics = some["metric"].unique()
    rows = sum(-(-len(part) // _PER_ROW) for _, part in some[some["metric"] == metrics[0]].groupby("layer"))
    figure = new_figure(6.2 * min(2, len(metrics)), 0.4 + max(2.0, 0.9 + 0.2 * rows) * -(-len(metrics) // 2))
    for axes, metric in zip(panels_of(figure, len(metrics), 2), metrics, strict=True):
        _heat_map(figure, axes, some[some["metric"] == metric])
        axes.set_title(METRICS[metric])
    label = f"significant (false discovery rate {RATE})"
    dot = Line2D([], [], linestyle="none", marker=".", color=BLACK, label=label)
    figure.legend(handles=[dot], loc="outside lower left")
    return figure


def _heat_map(figure: Figure, axes: Axes, some: pd.DataFrame) -> None:
    blocks, ticks, names, top = [], [], [], 0
    for layer, part in some.groupby("layer", sort=False):
        block = _wrapped(part["mean"].to_numpy())
        marked = np.argwhere(_wrapped((part["p"] <= RATE).to_numpy(float)) == 1)
        axes.plot(marked[:, 1], marked[:, 0] + top, ".", color=BLACK, markersize=3)
        blocks.append(block)
        ticks.append(top + (len(block) - 1) / 2)
        names.append(short_layer(str(layer)))
        top += len(block)
        axes.axhline(top - 0.5, color=GREY, linewidth=0.6)
    limit = max(float(np.percentile(some["mean"].abs(), 99)), _LEAST)
    image = axes.imshow(
        np.vstack(blocks), cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest"
    )
    axes.set_facecolor("#EEEEEE")
    axes.set_yticks(ticks, names)
    axes.set(ylim=(top - 0.5, -0.5), xlabel=f"channel (a layer of more than {_PER_ROW} goes on in the next row)")
    figure.colorbar(image, ax=axes, extend="both", label="unedited − ablated")


def _wrapped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = -(-len(values) // _PER_ROW)
    padded = np.full(rows * _PER_ROW, np.nan)
    padded[: len(values)] = values
    return padded.reshape(rows, _PER_ROW)


@styled
def strongest_figure(effects: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Chosen channels' effects with their intervals, kinds of ablation side by side, a panel for each metric.

    From the tables of `channel_effects` and `strongest`. A grey band shows where the middle 95% of all channels lie,
    all kinds together.
    """
    metrics = chosen["metric"].unique()
    most = max(len(some[["layer", "channel"]].drop_duplicates()) for _, some in chosen.groupby("metric"))
    figure = new_figure(1.5 + 5.5 * min(2, len(metrics)), 0.6 + (1.0 + 0.36 * most) * -(-len(metrics) // 2))
    panels = panels_of(figure, len(metrics), 2)
    for axes, metric in zip(panels, metrics, strict=True):
        low, high = np.percentile(effects.loc[effects["metric"] == metric, "mean"], (2.5, 97.5))
        axes.axvspan(low, high, color="#DDDDDD", zorder=0, label="middle 95% of all channels")
        _channel_points(axes, chosen[chosen["metric"] == metric])
        axes.set(title=METRICS[metric], xlabel="unedited − ablated, mean over levels, 95%")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


def _channel_points(axes: Axes, chosen: pd.DataFrame) -> None:
    """The points of one metric, one row for each channel."""
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.update_datalim([(-_LEAST, 0), (_LEAST, 0)])
    kinds = list(chosen["kind"].unique())
    shift = np.linspace(-0.24, 0.24, len(kinds)) if len(kinds) > 1 else [0.0]
    for kind, offset in zip(kinds, shift, strict=True):
        some = chosen[chosen["kind"] == kind]
        colour, marker = _LOOKS[kind]
        look: dict[str, Any] = {"fmt": marker, "color": colour, "markersize": 5, "capsize": 2}
        draw_points(axes, np.arange(len(some)) + offset, some, across=True, label=f"{kind} ablation", **look)
    channels = chosen[["layer", "channel"]].drop_duplicates().itertuples(index=False)
    names = [f"{short_layer(layer)}  {channel}" for layer, channel in channels]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x")


@styled
def overlap_figure(effects: pd.DataFrame, kind: str, pairs: Sequence[tuple[str, str]]) -> Figure:
    """Every channel's effect by a kind of ablation on one metric (along x) against that on another, a panel per pair.

    From the table of `channel_effects`. The axes are logarithmic beyond a tenth of a point of probability.
    """
    some = effects[effects["kind"] == kind].pivot(index=["layer", "channel"], columns="metric", values="mean")
    parts = pd.Series([short_layer(layer).split(".")[0] for layer in some.index.get_level_values("layer")], some.index)
    figure = new_figure(5.6 * len(pairs), 5.6)
    panels = panels_of(figure, len(pairs), len(pairs))
    for axes, (a, b) in zip(panels, pairs, strict=True):
        for line in (axes.axhline, axes.axvline):
            line(0, color=GREY, linewidth=0.8)
        both = some.dropna(subset=[a, b])
        for (part, mine), (colour, marker) in zip(both.groupby(parts), cycle(_PART_LOOKS)):
            look: dict[str, Any] = {"color": colour, "marker": marker, "alpha": 0.6, "markersize": 5}
            axes.plot(mine[a], mine[b], linestyle="none", label=f"{part} ({counted(len(mine), 'channel')})", **look)
        for scale in (axes.set_xscale, axes.set_yscale):
            scale("symlog", linthresh=_LEAST)
        axes.set(xlabel=f"effect on {METRICS[a]}", ylabel=f"effect on {METRICS[b]}")
        axes.grid()
    figure.suptitle(f"{kind} ablation, unedited − ablated, mean over levels", x=0.01, ha="left", fontsize=11)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


def example_figure(decision: DecisionAblation, rows: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """The field without and with one channel ablated, on the level where that matters most.

    Drawn is the first kind of the experiment, whose rows are given, and the channel of the first row of `strongest`.
    """
    kind, (layer, channel) = decision.kinds[0], chosen[["layer", "channel"]].iloc[0]
    effects = level_effects(rows, decision.metrics[0])[kind, layer, channel]
    maze = decision.levels.maze(int(effects.abs().idxmax()))
    edit = decision.edit(kind, layer, int(channel), maze.seed)
    figure = change_figure(vector_field(decision.policy, maze), vector_field(decision.policy, maze, [edit]))
    figure.suptitle(f"{kind} ablation of channel {channel} of {short_layer(layer)}", x=0.01, ha="left", fontsize=11)
    return figure
