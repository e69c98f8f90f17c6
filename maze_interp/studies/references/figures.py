"""An agent beside reference policies, in pictures: models by score, agreement by distance, weights by context."""

from __future__ import annotations

from itertools import pairwise
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from maze_interp.plots import style
from maze_interp.plots.intervals import FEW, draw_points
from maze_interp.plots.style import new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.studies.references.measure import CHEESE, COMPARED, CORNER, RANDOM, SQUARES
from maze_interp.studies.references.mixtures import BINS, MODELS, NAMES, Mixture

_DRAWN: dict[str, dict[str, Any]] = {
    CHEESE: {"color": style.ORANGE, "fmt": "o-"},
    CORNER: {"color": style.BLUE, "fmt": "s-"},
    "local-search-8": {"color": style.GREEN, "fmt": "D-"},
    "greedy-euclidean": {"color": style.PURPLE, "fmt": "^-"},
    "left-wall": {"color": style.SKY, "fmt": "<-"},
    "right-wall": {"color": style.VERMILLION, "fmt": ">-"},
    RANDOM: {"color": style.GREY, "fmt": "x-"},
}

_FEW = 0.5  # levels' worth of squares below which a weight is not shown


@styled
def scores_figure(table: pd.DataFrame) -> Figure:
    """What each model of `scores_by_squares` gains of what the agent's own probabilities gain over random actions."""
    shown = [name for name in MODELS if name in set(table["model"])]
    figure = new_figure(11.5, 1.6 + 0.36 * len(shown))
    panels = figure.subplots(1, len(SQUARES), sharey=True)
    for axes, squares in zip(panels, SQUARES, strict=True):
        some = table[table["squares"] == squares].set_index("model").loc[shown]
        for kind, colour, marker in ((COMPARED, style.BLUE, "o"), (set(MODELS) - set(COMPARED), style.ORANGE, "D")):
            y = [i for i, name in enumerate(shown) if name in kind]
            label = "one rule" if kind is COMPARED else "mixture of rules"
            look: dict[str, Any] = {"fmt": marker, "color": colour, "markersize": 5}
            draw_points(axes, y, some.iloc[y], "gain", across=True, label=label, **look)
        axes.axvline(1, color=style.BLACK, linewidth=1, linestyle="--")
        axes.axvline(0, color=style.GREY, linewidth=1)
        axes.set_xlabel(f"share of the possible gain\nmean over {counted(some['n'].max(), 'level')}, 95% interval")
        axes.set_title(_title(squares), fontsize=10)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlim(right=1.03)
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(shown)), [NAMES[name] for name in shown])
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


@styled
def agreement_figure(table: pd.DataFrame) -> Figure:
    """How often the agent's most probable move is a reference policy's, by steps from mouse to cheese.

    From `agreement_table`; bins with fewer than `FEW` levels are left empty.
    """
    agreement = table[(table["quantity"] == "agreement") & (table["steps"] != "any")]
    bins = list(dict.fromkeys(agreement["steps"]))
    figure = new_figure(12.5, 4.6)
    panels = figure.subplots(1, len(SQUARES), sharey=True)
    for axes, squares in zip(panels, SQUARES, strict=True):
        some = agreement[agreement["squares"] == squares]
        for (name, look), shift in zip(_DRAWN.items(), np.linspace(-0.25, 0.25, len(_DRAWN)), strict=True):
            mine = some[(some["reference"] == name) & (some["n"] >= FEW)].set_index("steps").reindex(bins)
            x = np.arange(len(bins)) + shift
            draw_points(axes, x, mine, label=NAMES[name], markersize=4.5, capsize=2, linewidth=0.9, **look)
        counts = some.groupby("steps", sort=False)["n"].max().loc[bins]
        ticks = [
            f"{steps.removesuffix(' or more')}{'+' if 'more' in steps else ''}\nn={counts[steps]}" for steps in bins
        ]
        axes.set_xticks(range(len(bins)), ticks, fontsize=8)
        axes.set(xlabel="steps from mouse to cheese; levels", ylim=(-0.03, 1.03))
        axes.set_title(_title(squares), fontsize=10)
        axes.grid(axis="y")
    panels[0].set_ylabel("agreement of the most probable move")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


@styled
def weights_figure(mixture: Mixture) -> Figure:
    """The weight of the path to the cheese, beside that to the corner, in a fitted mixture by two contexts.

    Combinations with less than half a level's worth of squares are left white.
    """
    share = mixture.weights[:BINS, :BINS, 0] / mixture.weights[:BINS, :BINS, :2].sum(axis=-1)
    mass = mixture.mass[:BINS, :BINS]
    figure = new_figure(6.2, 4.8)
    axes = figure.subplots()
    image = axes.imshow(
        np.where(mass >= _FEW, share, np.nan).T, cmap=style.PROBABILITY, vmin=0, vmax=1, origin="lower", aspect="auto"
    )
    for i, j in np.argwhere(mass >= _FEW):
        colour = style.BLACK if share[i, j] > 0.5 else "#FFFFFF"
        axes.text(i, j, f"{share[i, j]:.2f}\n({mass[i, j]:.1f})", ha="center", va="center", color=colour, fontsize=9)
    names = ("straight line from mouse to cheese (squares)", "steps from mouse to cheese")
    for set_ticks, edges in zip((axes.set_xticks, axes.set_yticks), mixture.edges, strict=True):
        set_ticks(range(BINS), _ranges(edges))
    axes.set(xlabel=names[0], ylabel=names[1])
    figure.colorbar(image, label="weight of the path to the cheese\n(the rest: of the path to the corner)")
    axes.set_title("in brackets: levels' worth of squares fitted on", fontsize=10)
    return figure


def _ranges(edges: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[str]:
    written = [f"{edge:.1f}".removesuffix(".0") for edge in edges]
    between = [f"{low} – {high}" for low, high in pairwise(written)]
    return [f"≤ {written[0]}", *between, f"> {written[-1]}"]


def _title(squares: str) -> str:
    return fill(SQUARES[squares], 34)
