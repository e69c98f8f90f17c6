"""The result of `resample` in words, with its tables and picture."""

from __future__ import annotations

import pandas as pd

from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import percent, points, short_layer, sign
from maze_interp.studies.resample.figures import change_figure
from maze_interp.studies.resample.measure import QUANTITIES, SETS, SOURCES
from maze_interp.studies.resample.tables import DIFFERENCE, change_table
from maze_interp.studies.result import Picture, Result

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


def summarise(rows: pd.DataFrame, sets: pd.DataFrame) -> Result:
    """The result.

    Args:
        rows: of `Resampling`.
        sets: its sets of channels.
    """
    changes = change_table(rows)
    estimates = {(row["quantity"], row["channels"], row["source"]): row_estimate(row) for _, row in changes.iterrows()}
    same, other, difference = (estimates["tv", "given", source] for source in (*SOURCES, DIFFERENCE))
    given = sets[sets["set"] == "given"].iloc[0]
    return Result(
        statement=(
            f"Channels {given['channels'].replace(' ', ', ')} of {short_layer(given['layer'])}, replaced by their "
            f"values in another level, change the moves by a total variation distance of {percent(same)} if its cheese "
            f"lies on the same square and of {percent(other)} if elsewhere, on {same.n} levels."
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
        tables={"resampling": rows, "changes": changes, "sets": sets},
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
