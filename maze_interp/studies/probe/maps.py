"""Accuracy by the place of the cheese, and what the directions of probes do as edits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from maze_interp.errors import MazeInterpError
from maze_interp.plots.intervals import draw_points, panels_of
from maze_interp.plots.style import BLUE, ORANGE, PROBABILITY, VERMILLION, new_figure, styled
from maze_interp.results.text import short_layer

_SMALL = 15  # side of a world whose squares have room for a number


@styled
def places_figure(places: pd.DataFrame, target: str, world: int) -> Figure:
    """Accuracy by the cheese's square in procgen's world of some side, a panel per layer; grey where it never lay.

    Raises:
        MazeInterpError: no level had a cheese.
    """
    layers = dict(tuple(places[places["target"] == target].groupby("layer", sort=False))) if len(places) else {}
    if not layers:
        raise MazeInterpError(f"no level had a cheese to locate for {target}")
    figure = new_figure(4.8 * min(3, len(layers)) + 1.2, 4.9 * -(-len(layers) // 3) + 0.5, square=True)
    panels = panels_of(figure, len(layers), 3)
    for axes, (layer, part) in zip(panels, layers.items(), strict=True):
        image = _draw_places(axes, part, world)
        axes.set_title(f"{target} from {short_layer(str(layer))}", fontsize=10)
    panels[0].set(xlabel="x of the cheese in procgen's world (squares)", ylabel="y of the cheese (squares)")
    numbers = "; numbers: levels" if world <= _SMALL else ""
    bar = figure.colorbar(image, ax=panels, shrink=0.8)
    bar.set_label(f"share of right answers on held-out levels\n(grey: no level{numbers})")
    return figure


def _draw_places(axes: Axes, places: pd.DataFrame, world: int) -> AxesImage:
    grid = np.full((world, world), np.nan)
    grid[places["y"], places["x"]] = places["accuracy"]
    axes.set_facecolor("#E4E4E4")
    image = axes.imshow(grid, cmap=PROBABILITY, vmin=0, vmax=1, origin="lower", interpolation="nearest")
    for row in places.itertuples() if world <= _SMALL else ():
        dark = sum(colormaps[PROBABILITY](row.accuracy)[:3]) < 1.5
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6, "color": "white" if dark else "black"}
        axes.text(row.x, row.y, str(row.levels), **look)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    return image


@styled
def edits_figure(effects: pd.DataFrame) -> Figure:
    """What each edit does to the choice at the decision square and to P(cheese), from `edit_effects`.

    Raises:
        MazeInterpError: there are none.
    """
    if not len(effects):
        raise MazeInterpError("no level had a decision square, so there are no edits to draw")
    outcomes = {
        "decision_p_cheese": ("P(cheese | decision square)", ORANGE, "o"),
        "decision_p_top_right": ("P(top-right | decision square)", BLUE, "s"),
        "p_cheese": ("P(cheese), exact", VERMILLION, "^"),
    }
    cases = list(dict.fromkeys(zip(effects["edit"], effects["coefficient"], strict=True)))
    figure = new_figure(8.5, 1.5 + 0.36 * len(cases))
    axes = figure.subplots()
    for shift, (outcome, (_, colour, mark)) in zip((-0.22, 0.0, 0.22), outcomes.items(), strict=True):
        rows = effects[effects["outcome"] == outcome]
        at = [cases.index(case) + shift for case in zip(rows["edit"], rows["coefficient"], strict=True)]
        draw_points(axes, at, rows, across=True, fmt=mark, color=colour, capsize=2, markersize=5)
    names = [edit if edit == "none" else f"{edit} × {coefficient:+g}".replace("-", "−") for edit, coefficient in cases]
    axes.set_yticks(range(len(cases)), names)
    axes.set(ylim=(len(cases) - 0.4, -0.6), xlim=(-0.02, 1.02), xlabel="mean over levels, 95% interval")
    axes.grid(axis="x")
    handles = [
        Line2D([], [], linestyle="none", marker=mark, color=colour, label=words)
        for words, colour, mark in outcomes.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure
