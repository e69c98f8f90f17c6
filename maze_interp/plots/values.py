"""Value head and policy in a picture: how often the likeliest move leads to the highest value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from maze_interp.plots.intervals import whiskers
from maze_interp.plots.style import BLUE, GREY, ORANGE, new_figure, styled
from maze_interp.results.estimates import Estimate
from maze_interp.studies.values import NETWORKS, SQUARES

_LOOKS = {"agent": (BLUE, "o"), "untrained": (ORANGE, "s"), "chance": (GREY, "x")}


@styled
def values_figure(figures: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> Figure:
    """Agreement of policy and value head by set of squares, beside an untrained network's and chance.

    Args:
        figures: of `value_figures`.
    """
    names = [name for name in SQUARES if name in figures["agent"]]
    shown = {
        **{NETWORKS[network]: (network, "agreement") for network in figures},
        "a random next state": ("agent", "chance"),
    }
    figure = new_figure(7.5, 3.8)
    axes = figure.subplots()
    for (label, (network, quantity)), shift in zip(shown.items(), np.linspace(-0.15, 0.15, len(shown)), strict=True):
        ones = [figures[network][name][quantity] for name in names]
        colour, marker = _LOOKS["chance" if quantity == "chance" else network]
        means, lows, highs = ([getattr(one, end) for one in ones] for end in ("mean", "low", "high"))
        ends = whiskers(means, lows, highs)
        axes.errorbar(np.arange(len(names)) + shift, means, yerr=ends, fmt=marker, color=colour, capsize=3, label=label)
    counts = [figures["agent"][name]["agreement"].n for name in names]
    axes.set_xticks(
        range(len(names)), [f"{SQUARES[name]}\n({n} levels)" for name, n in zip(names, counts, strict=True)]
    )
    axes.set(ylabel="share of squares where the likeliest move\nleads to the highest value", ylim=(-0.03, 1.03))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=3)
    return figure
