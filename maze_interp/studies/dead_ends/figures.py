"""Dead ends in a picture: by depth, how often they are entered and the moves lost in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from maze_interp.plots.intervals import FEW, whiskers
from maze_interp.plots.style import BLUE, GREY, ORANGE, new_figure, styled
from maze_interp.studies.dead_ends.measure import POLICIES
from maze_interp.studies.dead_ends.tables import QUANTITIES

_LOOKS = {"agent": (BLUE, "o"), "untrained": (ORANGE, "s"), "random": (GREY, "x")}
_SHOWN = ("entered", "ever", "moves_per_pass")


@styled
def dead_ends_figure(table: pd.DataFrame) -> Figure:
    """Chances of going into a dead end, and the moves lost there, by its depth.

    Args:
        table: of `dead_end_table`; bins with fewer than `FEW` levels are hollow.
    """
    depths = [one for one in dict.fromkeys(table["depth"]) if one != "any"]
    counts = table[table["policy"] == "agent"].groupby("depth")[["n", "branches"]].max()
    figure = new_figure(12.5, 4.4)
    for axes, quantity in zip(figure.subplots(1, len(_SHOWN)), _SHOWN, strict=True):
        some = table[table["quantity"] == quantity]
        shown = [policy for policy in POLICIES if policy in set(some["policy"])]
        for policy, shift in zip(shown, np.linspace(-0.12, 0.12, len(shown)), strict=True):
            colour, marker = _LOOKS[policy]
            mine = some[some["policy"] == policy].set_index("depth").reindex(depths)
            x = np.arange(len(depths)) + shift
            axes.plot(x, mine["mean"].astype(float), color=colour, linewidth=0.9)
            for few in (False, True):
                hollow = ((mine["n"] < FEW) == few).to_numpy()
                part = mine[hollow]
                ends = whiskers(part["mean"], part["low"], part["high"])
                look = {"markerfacecolor": "white"} if few else {"label": POLICIES[policy]}
                axes.errorbar(x[hollow], part["mean"], yerr=ends, fmt=marker, color=colour, capsize=3, **look)
        rows = counts.reindex(depths).fillna(0).astype(int).itertuples()
        axes.set_xticks(range(len(depths)), [f"{row.Index}\n{row.branches} in\n{row.n}" for row in rows], fontsize=8)
        axes.set(xlabel="depth in steps; dead ends, in how many levels", ylabel=QUANTITIES[quantity])
        if quantity == "moves_per_pass":
            axes.set_yscale("symlog", linthresh=1)
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.set_ylim(bottom=0)
        else:
            axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    return figure
