"""The result of `resample` in words, with its tables and picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLUE, ORANGE, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import percent, points, short_layer, sign
from maze_interp.studies.resample.measure import QUANTITIES, SETS, SOURCES
from maze_interp.studies.resample.study import Resample
from maze_interp.studies.resample.tables import DIFFERENCE, change_table
from maze_interp.studies.result import Picture, Result

_LOOKS = {"same": (-0.12, BLUE, "o"), "other": (0.12, ORANGE, "s")}

_NOTES = (
    "The total variation distance of two distributions over the five moves is half the sum of their absolute "
    "differences: the probability that would have to move. A greedy move is the most probable one.",
    "The other level has the same size, and the mouse stands on the same square in both. If the channels represent "
    "where the cheese is and nothing else, their values from a level with the same cheese square change nothing; if "
    "that decides the moves, values from a level with another cheese square change much.",
    "Random sets are drawn from the rest of the layer. The published shares (0.88% and 1.26%, random 0.60% and 0.54%) "
    "were norms over a number of squares, not total variations: their sizes cannot be compared with these.",
)

_MATTERS = {
    1: "The cheese square of the other level matters.",
    0: "These levels do not show that the cheese square of the other level matters.",
    -1: "Values from a level with another cheese square change the moves less.",
}


def summarise(study: Resample, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    changes, sets = change_table(rows["resampling"]), rows["sets"]
    estimates = {(row["quantity"], row["channels"], row["source"]): row_estimate(row) for _, row in changes.iterrows()}
    same, other, difference = (estimates["tv", "given", source] for source in (*SOURCES, DIFFERENCE))
    given = sets[sets["set"] == "given"].iloc[0]
    return Result(
        statement=(
            f"Channels {given['channels'].replace(' ', ', ')} of {short_layer(given['layer'])}, replaced by their "
            f"values in another level, change the moves by a total variation distance of {percent(same)} if its cheese "
            f"lies on the same square and of {percent(other)} if elsewhere, on {counted(same.n, 'level')}."
        ),
        lines=[
            f"{_MATTERS[sign(difference)]} Difference: {points(difference)}",
            *(
                f"{QUANTITIES[quantity]}, {' '.join(SETS[channels].split())}, {SOURCES[source]}: {estimate}"
                for (quantity, channels, source), estimate in estimates.items()
                if channels in SETS and source in SOURCES
            ),
        ],
        numbers=nested(changes, ["quantity", "channels", "source"]),
        tables={"resampling": rows["resampling"], "changes": changes, "sets": sets},
        pictures={
            "resampling": Picture(
                change_figure(changes),
                "How far the moves change when channels take their values from another level (logarithmic axis).",
                "Points with intervals for the channels, as many others at random, and the whole layer; two sources.",
            )
        },
        captions={"changes": "Changes of the moves, and differences paired by level"},
        notes=_NOTES,
    )


@styled
def change_figure(changes: pd.DataFrame) -> Figure:
    """Total variation and changed greedy moves by set of channels and by source, from `change_table`."""
    figure = new_figure(9.5, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (quantity, label) in zip(panels, QUANTITIES.items(), strict=True):
        of_quantity = changes[changes["quantity"] == quantity].set_index(["source", "channels"])
        for source, (offset, colour, marker) in _LOOKS.items():
            shown = of_quantity.loc[source].loc[list(SETS)]
            look: dict[str, Any] = {"fmt": marker, "color": colour, "label": SOURCES[source]}
            draw_points(axes, np.arange(len(shown)) + offset, shown, across=True, **look)
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
