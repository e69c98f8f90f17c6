"""Resampling in a picture: how far the moves change, by set of channels and by source."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from maze_interp.plots.intervals import whiskers
from maze_interp.plots.style import BLUE, ORANGE, new_figure, styled
from maze_interp.studies.resample.measure import QUANTITIES, SETS, SOURCES

_LOOKS = {"same": (-0.12, BLUE, "o"), "other": (0.12, ORANGE, "s")}


@styled
def change_figure(changes: pd.DataFrame) -> Figure:
    """Total variation and changed greedy moves by set of channels and by source, with intervals.

    Args:
        changes: of `change_table`.
    """
    figure = new_figure(9.5, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        of_quantity = changes[changes["quantity"] == quantity].set_index(["source", "channels"])
        for source, (offset, colour, marker) in _LOOKS.items():
            shown = of_quantity.loc[source].loc[list(SETS)]
            mean, low, high = (shown[end].astype(float) for end in ("mean", "low", "high"))
            axes.errorbar(
                mean, np.arange(len(shown)) + offset, xerr=whiskers(mean, low, high), fmt=marker, color=colour,
                capsize=3, label=SOURCES[source],
            )  # fmt: skip
        if (of_quantity["mean"] > 0).any():  # a logarithm of nothing but zeros would have no limits
            _percent_scale(axes)
        axes.set(ylim=(len(SETS) - 0.5, -0.5), xlabel=f"{label}, mean over levels, 95%")
        axes.grid(axis="x")
    panels[0].set_yticks(range(len(SETS)), SETS.values())
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _percent_scale(axes: Axes) -> None:
    """A logarithmic x axis labelled at 1, 2 and 5 times the powers of ten."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.xaxis.set_minor_formatter(NullFormatter())
