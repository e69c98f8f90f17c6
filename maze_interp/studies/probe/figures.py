"""How probes score: layers × targets, learning curves, and by distance and size."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from maze_interp.errors import MazeInterpError
from maze_interp.plots import style
from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import new_figure, styled
from maze_interp.results.numbers import decimal
from maze_interp.results.text import short_layer
from maze_interp.studies.probe.tables import main_metric

_COLOURS = (style.GREY, style.BLUE, style.VERMILLION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY, style.BLACK)
_MARKS = "Xos^DvP*"
TOP = r"(\d+) best channels?"
METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "r2": "R²"}

_SMALL_PRINT = (
    "u: the same layer of an untrained network; m: the most frequent label (of a number, the mean); empty: no score"
)


@styled
def table_figure(scores: pd.DataFrame) -> Figure:
    """The main figure of every layer (rows) and target (columns) in the scores of a run, the controls' in small print.

    Raises:
        MazeInterpError: there is no score.
    """
    rows = scores[(scores["part"] == "all") & (scores["metric"] == scores["target"].map(main_metric))]
    if not len(rows):
        raise MazeInterpError("there are no scores to draw")
    layers, targets = list(dict.fromkeys(rows["layer"])), list(dict.fromkeys(rows["target"]))
    true = rows[(rows["labels"] == "true") & (rows["network"] == "agent")]
    values = true.pivot(index="layer", columns="target", values="value").reindex(index=layers, columns=targets)
    figure = new_figure(2.6 + 1.15 * len(targets), 2.6 + 0.62 * len(layers))
    axes = figure.subplots()
    image = axes.imshow(np.clip(values.to_numpy(float), 0, 1), cmap=style.PROBABILITY, vmin=0, vmax=1, aspect="auto")
    for (i, layer), (j, target) in ((a, b) for a in enumerate(layers) for b in enumerate(targets)):
        cell = rows[(rows["layer"] == layer) & (rows["target"] == target)]
        _write_cell(axes, j, i, cell)
    axes.set_xticks(
        range(len(targets)), [f"{name}\n{METRICS[main_metric(name)]}" for name in targets], rotation=40, ha="right"
    )
    axes.set_yticks(range(len(layers)), [short_layer(layer) for layer in layers])
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, fraction=0.03)
    bar.set_label("score on held-out levels")
    figure.supxlabel(fill(_SMALL_PRINT, int(13 * figure.get_figwidth())), fontsize=9)  # 13 letters an inch
    return figure


def _write_cell(axes: Axes, x: int, y: int, cell: pd.DataFrame) -> None:
    main = cell[(cell["labels"] == "true") & (cell["network"] == "agent")]["value"]
    if not len(main) or pd.isna(main.iloc[0]):
        return
    dark = sum(colormaps[style.PROBABILITY](float(np.clip(main.iloc[0], 0, 1)))[:3]) < 1.5
    look: dict[str, Any] = {"ha": "center", "color": "white" if dark else "black"}
    axes.text(x, y + 0.02, _number(main.iloc[0]), va="bottom", fontsize=11, **look)
    notes = {"u": cell[cell["network"] == "untrained"], "m": cell[cell["labels"] == "majority"]}
    small = "  ".join(f"{mark} {_number(some['value'].iloc[0])}" for mark, some in notes.items() if len(some))
    axes.text(x, y + 0.12, small, va="top", fontsize=7, **look)


def _number(value: float) -> str:
    if pd.isna(value):
        return "–"
    return decimal(value, 2).replace("0.", ".", 1)


@styled
def curve_figure(scores: pd.DataFrame, target: str, metric: str | None = None) -> Figure:
    """Scores against the number of training levels, a line per layer; what controls reach is dotted.

    Of the target's main metric, or another. The scores are of a run with controls.

    Raises:
        MazeInterpError: the target has no learning curve.
    """
    name = metric or main_metric(target)
    rows = _rows(scores, target, name, network="agent")
    true = rows[(rows["labels"] == "true") & rows["part"].isin(["all", "learning curve"])]
    if not (rows["part"] == "learning curve").any():
        raise MazeInterpError(f"{target} has no learning curve; fit it with controls")
    figure = new_figure(7.5, 4.4)
    axes = figure.subplots()
    for number, (layer, points) in enumerate(true.groupby("layer", sort=False)):
        some = points.sort_values("training_levels")
        draw_points(axes, some["training_levels"] * 1.015**number, some, label=short_layer(str(layer)), **_look(number))
    for labels, line, label in (("majority", ":", "majority"), ("shuffled", "--", "shuffled labels")):
        level = rows[(rows["labels"] == labels) & (rows["part"] == "all")]["mean"].max()
        axes.axhline(level, color=style.GREY, linestyle=line, linewidth=1.2, label=label)
    axes.set(xlabel="levels fitted to (log scale)", ylabel=METRICS.get(name, name.replace("_", " ")))
    axes.set_title(f"{target}, on held-out levels")
    _finish_curves(axes, set(true["training_levels"]))
    return figure


def _rows(scores: pd.DataFrame, target: str, metric: str, **where: str) -> pd.DataFrame:
    """The rows of a target and metric with these cells, the value named as artists expect it."""
    where |= {"target": target, "metric": metric}
    return scores[(scores[list(where)] == pd.Series(where)).all(axis=1)].rename(columns={"value": "mean"})


def _look(number: int) -> dict[str, Any]:
    return {"color": _COLOURS[number % 8], "marker": _MARKS[number % 8]}


def _finish_curves(axes: Axes, ticks: set[int]) -> None:
    """A logarithmic x axis that is labelled at these numbers and nowhere else, and the legend beside."""
    axes.set_xscale("log")
    axes.set_xticks(sorted(ticks))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-0.03, 1.03)
    axes.grid(axis="y")
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")


@styled
def top_channels_figure(scores: pd.DataFrame, target: str) -> Figure:
    """Scores against the number of channels, a line per layer; hollow and dotted, of an untrained network.

    Of a run with `top_channels`.
    """
    name = main_metric(target)
    rows = _rows(scores, target, name, labels="true")
    rows = rows.assign(channels=rows["part"].str.extract(f"^{TOP}$", expand=False)).dropna(subset=["channels"])
    rows = rows.astype({"channels": int})
    figure = new_figure(7.5, 4.4)
    axes = figure.subplots()
    layers = list(dict.fromkeys(rows["layer"]))
    for (layer, network), points in rows.groupby(["layer", "network"], sort=False):
        number, trained = layers.index(layer) + 1, network == "agent"  # + 1: the picture's look is not used
        look = _look(number) | ({} if trained else {"linestyle": ":", "markerfacecolor": "white"})
        label = short_layer(str(layer)) if trained else f"{short_layer(str(layer))}, untrained"
        draw_points(axes, points["channels"] * 1.015**number, points, label=label, **look)
    axes.set(xlabel="channels, the best ones in training (log scale)", ylabel=METRICS[name])
    axes.set_title(f"{target}, on held-out levels, 95% interval")
    _finish_curves(axes, set(rows["channels"]))
    return figure


@styled
def parts_figure(scores: pd.DataFrame, target: str) -> Figure:
    """The main figure by the cheese's distance from the mouse and from the corner, and by the size of the maze."""
    name = main_metric(target)
    rows = _rows(scores, target, name, network="agent", labels="true")
    kinds = {
        r"cheese (\d+) to \d+ squares from the mouse": "cheese to mouse, straight line (squares)",
        r"cheese (\d+) to \d+ squares from the corner": "cheese to top-right corner, straight line (squares)",
        r"maze of size (\d+)": "size of the maze (squares per side)",
    }
    figure = new_figure(11, 3.9)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (pattern, label) in zip(panels, kinds.items(), strict=True):
        found = rows.assign(at=rows["part"].str.extract(f"^{pattern}$", expand=False)).dropna(subset=["at"])
        _draw_parts(axes, found.astype({"at": int}), 1 if "squares from" in pattern else 0)
        axes.set(xlabel=label, ylim=(-0.03, 1.03))
        axes.grid(axis="y")
    panels[0].set_ylabel(f"{METRICS[name]}, 95% interval")
    figure.suptitle(f"{target}, on held-out levels", x=0.01, ha="left", fontsize=11)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


def _draw_parts(axes: Axes, rows: pd.DataFrame, middle: int) -> None:
    for number, (layer, points) in enumerate(rows.groupby("layer", sort=False)):
        some = points.sort_values("at")
        look = {**_look(number), "markersize": 4, "capsize": 2}
        draw_points(axes, some["at"] + middle + 0.1 * number, some, label=short_layer(str(layer)), **look)
