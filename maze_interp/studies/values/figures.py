"""Agreement of policy and value head in a picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from maze_interp.plots.intervals import whiskers
from maze_interp.plots.style import BLUE, GREY, ORANGE, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.studies.values.measure import SQUARES
from maze_interp.studies.values.tables import Figures

_SERIES = {
    "the agent": ("agent", "agreement", BLUE, "o"),
    "ten untrained networks": ("untrained", "agreement", ORANGE, "s"),
    "a random next state": ("agent", "chance", GREY, "x"),
}


@styled
def values_figure(figures: Figures) -> Figure:
    """Agreement by set of squares: the agent's, untrained networks', and chance, from `value_figures`."""
    names = [name for name in SQUARES if name in figures["agent"]]
    figure = new_figure(7.5, 3.8)
    axes = figure.subplots()
    for (label, look), shift in zip(_SERIES.items(), np.linspace(-0.15, 0.15, len(_SERIES)), strict=True):
        network, quantity, colour, marker = look
        x = [place for place, name in enumerate(names) if name in figures.get(network, {})]
        estimates = [figures[network][names[place]][quantity] for place in x]
        means, lows, highs = ([getattr(estimate, end) for estimate in estimates] for end in ("mean", "low", "high"))
        ends = whiskers(means, lows, highs)
        axes.errorbar(np.array(x) + shift, means, yerr=ends, fmt=marker, color=colour, capsize=3, label=label)
    counts = [figures["agent"][name]["agreement"].n for name in names]
    axes.set_xticks(
        range(len(names)), [f"{SQUARES[name]}\n({counted(n, 'level')})" for name, n in zip(names, counts, strict=True)]
    )
    axes.set(ylabel="share of squares where the most probable\nmove leads to the highest value", ylim=(-0.03, 1.03))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=3)
    return figure
