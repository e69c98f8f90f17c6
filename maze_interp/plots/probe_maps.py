"""Where probes get the cheese's place wrong, and what their directions do as edits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from maze_interp.errors import MazeInterpError
from maze_interp.plots.intervals import whiskers
from maze_interp.plots.style import BLUE, ORANGE, PROBABILITY, VERMILLION, new_figure, styled


def short(layer: str) -> str:
    """A layer's name without what all share."""
    return layer.removeprefix("embedder.")


@styled
def places_figure(places: pd.DataFrame, layer: str, target: str, world: int) -> Figure:
    """Accuracy by the cheese's square in procgen's world; places where it never lay are grey.

    Args:
        places: `Tables.places` of a study.
        layer: which of them.
        target: likewise.
        world: side of the world in squares.

    Raises:
        MazeInterpError: no level had a cheese.
    """
    some = places[(places["layer"] == layer) & (places["target"] == target)] if len(places) else places
    if not len(some):
        raise MazeInterpError(f"no level had a cheese to locate at {layer}")
    grid = np.full((world, world), np.nan)
    grid[some["y"], some["x"]] = some["accuracy"]
    figure = new_figure(6.2, 5.4, square=True)
    axes = figure.subplots()
    axes.set_facecolor("#E4E4E4")
    image = axes.imshow(grid, cmap=PROBABILITY, vmin=0, vmax=1, origin="lower", interpolation="nearest")
    if world <= 15:
        for row in some.itertuples():
            dark = sum(colormaps[PROBABILITY](row.accuracy)[:3]) < 1.5
            axes.text(
                row.x, row.y, str(row.levels), ha="center", va="center", fontsize=6, color="white" if dark else "black"
            )
    axes.set(xlabel="x of the cheese in procgen's world (squares)", ylabel="y of the cheese (squares)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.set_title(f"{target} from {short(layer)}" + (", with the number of levels" if world <= 15 else ""))
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of right answers on held-out levels; grey: no level")
    return figure


@styled
def edits_figure(figures: pd.DataFrame) -> Figure:
    """What each edit does to the choice at the decision square and to P(cheese).

    Args:
        figures: rows of `edit_figures`: edit, strength, outcome, n, mean, low, high.

    Raises:
        MazeInterpError: there are none.
    """
    if not len(figures):
        raise MazeInterpError("no level had a decision square, so there are no edits to draw")
    outcomes = {
        "decision_p_cheese": ("P(cheese | decision square)", ORANGE, "o"),
        "decision_p_top_right": ("P(top-right | decision square)", BLUE, "s"),
        "p_cheese": ("P(cheese), exact", VERMILLION, "^"),
    }
    cases = list(dict.fromkeys(zip(figures["edit"], figures["strength"], strict=True)))
    figure = new_figure(8.5, 1.5 + 0.36 * len(cases))
    axes = figure.subplots()
    for shift, (outcome, (_, colour, mark)) in zip((-0.22, 0.0, 0.22), outcomes.items(), strict=True):
        some = figures[figures["outcome"] == outcome]
        at = [cases.index(case) + shift for case in zip(some["edit"], some["strength"], strict=True)]
        ends = whiskers(some["mean"], some["low"], some["high"])
        axes.errorbar(some["mean"], at, xerr=ends, fmt=mark, color=colour, capsize=2, markersize=5)
    names = [edit if edit == "none" else f"{edit} × {strength:+g}".replace("-", "−") for edit, strength in cases]
    axes.set_yticks(range(len(cases)), names)
    axes.set(ylim=(len(cases) - 0.4, -0.6), xlim=(-0.02, 1.02), xlabel="mean over levels, 95% interval")
    axes.grid(axis="x")
    handles = [
        Line2D([], [], linestyle="none", marker=mark, color=colour, label=words)
        for words, colour, mark in outcomes.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure
