"""What the cheese and the top-right vector do, in pictures: by edit, by coefficient, in other levels, on one level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from maze_interp.edits.kinds import Add
from maze_interp.measure.field import vector_field
from maze_interp.plots.field import change_figure
from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLACK, BLUE, GREY, SKY, VERMILLION, new_figure, styled
from maze_interp.studies.vectors.measure import SIGNS, VectorEffects, own_vectors

OUTCOMES = {
    "decision_p_cheese": "P(cheese | decision square)",
    "decision_p_top_right": "P(top-right | decision square)",
    "region_p_cheese": "solve rate in the training\nregion, same edit",
}
"""The outcomes drawn, in words."""

EDITS: Mapping[tuple[str, float], str] = {
    ("unedited", 0.0): "unedited",
    ("hidden", 0.0): "cheese left out of the picture",
    ("cheese", -1.0): "cheese vector subtracted",
    ("cheese_random", -1.0): "  control: random direction",
    ("cheese_positions", -1.0): "  control: positions permuted",
    ("cheese_channels", -1.0): "  control: channels permuted",
    ("cheese", 1.0): "cheese vector added",
    ("top_right", 1.0): "top-right vector added",
    ("top_right_random", 1.0): "  control: random direction",
    ("top_right_positions", 1.0): "  control: positions permuted",
    ("top_right_channels", 1.0): "  control: channels permuted",
    ("top_right", -1.0): "top-right vector subtracted",
    ("both", 1.0): "cheese subtracted, top-right added",
}
"""The edits shown, in words and in order; every control has the norm of the vector above it."""

VECTORS = {"cheese": (BLUE, "o", "cheese vector"), "top_right": (VERMILLION, "s", "top-right vector")}


@styled
def edits_figure(effects: pd.DataFrame) -> Figure:
    """Each edit of `EDITS`: mean with its interval, and median and quartiles over levels, from `tables.effects`."""
    table = effects.set_index(["edit", "coefficient"]).sort_index()
    shown = [key for key in EDITS if key in table.index]
    figure = new_figure(12, 1.6 + 0.34 * len(shown))
    panels = figure.subplots(1, len(OUTCOMES), sharey=True)
    for axes, (outcome, words) in zip(panels, OUTCOMES.items(), strict=True):
        some = table[table["outcome"] == outcome].reindex(shown)
        y = np.arange(len(some))
        axes.hlines(y, some["q25"], some["q75"], color=SKY, linewidth=7, alpha=0.6)
        axes.plot(some["median"], y, "|", color=BLACK, markersize=11, markeredgewidth=2)
        draw_points(axes, y, some, across=True, fmt="o", color=BLUE, markersize=4.5)
        axes.set(xlim=(-0.03, 1.03), xlabel=f"{words}\n{_levels(some['n'])}")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(shown)), [EDITS[key] for key in shown], ha="left")
    panels[0].tick_params(axis="y", pad=205)
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    marks: list[Any] = [
        panels[0].errorbar([], [], xerr=[], fmt="o", color=BLUE, capsize=3, label="mean over levels, 95% interval"),
        Line2D([], [], linestyle="none", marker="|", color=BLACK, markersize=11, markeredgewidth=2, label="median"),
        Patch(color=SKY, alpha=0.6, label="middle half of the levels"),
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=3)
    return figure


@styled
def coefficients_figure(effects: pd.DataFrame) -> Figure:
    """Each vector's outcomes by coefficient, 0 the unedited network, from `tables.effects`; bands are 95% intervals.

    Each line is of the levels that have its vector.
    """
    figure = new_figure(12, 3.9)
    panels = figure.subplots(1, len(OUTCOMES), sharey=True)
    for axes, (outcome, words) in zip(panels, OUTCOMES.items(), strict=True):
        some = effects[effects["outcome"] == outcome]
        for vector, (colour, marker, label) in VECTORS.items():
            mine = some[some["edit"] == vector]
            if not mine["n"].any():
                continue
            axes.plot(mine["coefficient"], mine["mean"], marker=marker, color=colour, label=label, markersize=4)
            band = [mine[end].astype(float) for end in ("low", "high")]
            axes.fill_between(mine["coefficient"], *band, color=colour, alpha=0.2, linewidth=0)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xscale("symlog", linthresh=1)
        ticks = sorted({-10, -3, -1, 0, 1, 3, 10})
        axes.set_xticks(ticks, [f"{tick:+d}".replace("-", "−") if tick else "0" for tick in ticks])
        axes.set(xlabel="coefficient (linear from −1 to +1)", ylim=(-0.03, 1.03))
        axes.set_title(f"{words}, {_levels(some.loc[some['edit'].isin(VECTORS), 'n'])}", fontsize=10)
        axes.grid(axis="y")
    panels[0].set_ylabel("probability, mean over levels")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _levels(counts: pd.Series) -> str:
    """How many levels the points of a panel are of."""
    known = sorted({int(n) for n in counts.dropna() if n})
    return f"n = {' or '.join(map(str, known))} level{'s' * (known != [1])}" if known else "no levels"


_TARGETS = {
    "cheese": ("decision_p_cheese", "cheese vector of another level, subtracted", "between the two cheeses"),
    "top_right": ("decision_p_top_right", "top-right vector of another level, added", "between the two corners"),
}


@styled
def transfer_figure(transfers: pd.DataFrame) -> Figure:
    """The change at the decision square that other levels' vectors make, by distance, beside the level's own.

    From `tables.transfers`.
    """
    figure = new_figure(10, 3.9)
    for axes, (vector, (outcome, title, distance)) in zip(figure.subplots(1, 2), _TARGETS.items(), strict=True):
        some = transfers[(transfers["vector"] == vector) & (transfers["outcome"] == outcome)]
        some = pd.concat([some[some["sources"] == "own"], some[some["sources"] != "own"]])
        _differences(axes, some, VECTORS[vector][0])
        axes.set(ylabel=f"change in {OUTCOMES[outcome]}", xlabel=f"distance {distance} (squares)")
        axes.set_title(title)
    return figure


def _differences(axes: Axes, some: pd.DataFrame, colour: str) -> None:
    x = np.arange(len(some))
    draw_points(axes, x, some, "difference", fmt="o", color=colour)
    axes.axhline(0, color=GREY, linewidth=0.8)
    names = [
        f"{'its own' if bin == 'own' else bin}\nn = {n}" for bin, n in zip(some["sources"], some["n"], strict=True)
    ]
    axes.set_xticks(x, names)
    axes.set_xlim(-0.5, len(some) - 0.5)
    axes.grid(axis="y")


def change_figures(experiment: VectorEffects, rows: pd.DataFrame) -> dict[str, Figure]:
    """For each vector, the field without it, with it and the difference, on the level of the median effect.

    The effect is that on the probability at the decision square which the vector is to change.
    """
    figures = {}
    for vector, sign in SIGNS.items():
        outcome = f"decision_p_{vector}"
        by_level = rows[(rows["edit"] == vector) & (rows["coefficient"] == sign)].set_index("seed")[outcome]
        if not len(by_level):
            continue
        unedited = rows[rows["edit"] == "unedited"].set_index("seed")[outcome]
        change = (by_level - unedited.loc[by_level.index]).sort_values(kind="stable")
        maze = experiment.levels.maze(int(change.index[len(change) // 2]))
        edit = Add(experiment.layer, own_vectors(experiment.policy, maze, experiment.layer)[vector], sign)
        figure = change_figure(vector_field(experiment.policy, maze), vector_field(experiment.policy, maze, [edit]))
        figure.suptitle(EDITS[vector, sign], x=0.01, ha="left", fontsize=11)
        figures[vector] = figure
    return figures
