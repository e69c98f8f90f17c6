"""Retargeting over levels: each condition, overall, by size and by distance, beside the unedited agent."""

from __future__ import annotations

import math

import pandas as pd

from maze_interp.results.estimates import estimate, estimate_statistic, ratio
from maze_interp.results.tables import bin_names, cells
from maze_interp.studies.retarget.measure import OUTCOMES

DISTANCES = (-1, 0, 4, 8, 16, math.inf)
"""Edges of the bins of distances from the top-right path: 0, 1 to 4, and so on, each with its upper edge."""

PUBLISHED = {
    "size": (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25),
    "all 11": (0.800, 0.778, 0.780, 0.759, 0.741, 0.696, 0.643, 0.655, 0.582, 0.583, 0.617, 0.530),
    "effective 7": (0.761, 0.704, 0.769, 0.702, 0.709, 0.704, 0.650, 0.660, 0.604, 0.619, 0.637, 0.576),
    "channel 55": (0.700, 0.737, 0.701, 0.672, 0.675, 0.648, 0.594, 0.611, 0.541, 0.547, 0.585, 0.502),
}
"""Mean normalised path probability by size in the published study (arXiv 2310.08043): another agent, wider and on hard
levels."""


def average_random(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the random sets as one condition `"random"`: their mean, target by target."""
    random = rows["condition"].str.startswith("random_")
    key = [name for name in rows.columns if name not in ("condition", *OUTCOMES)]
    mean = rows[random].groupby(key, sort=False, dropna=False)[list(OUTCOMES)].mean().reset_index()
    return pd.concat([rows[~random], mean.assign(condition="random")], ignore_index=True)[list(rows.columns)]


def reach_table(rows: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Each condition over levels, targets averaged within the level first, from rows of `Targets`.

    Random sets are taken together. By `"size"`, or `"distance"` for bins of the distance from the top-right path.

    Returns:
        columns `by` (if given), condition, outcome; n, mean, low, high over levels; the ratio of the
        mean to the unedited agent's on the same targets: ratio, ratio_low, ratio_high (a ratio per
        level would run off to infinity where the agent hardly ever goes by itself); and the
        difference from it: difference, difference_low, difference_high.
    """
    if by == "distance":
        names = ["0", *bin_names(DISTANCES[1:])]
        rows = rows.assign(distance=pd.cut(rows["top_right_path_distance"], DISTANCES, labels=names))
    groups = [("", rows)] if by is None else list(rows.groupby(by, observed=True))
    table = []
    for group, part in groups:
        means = part.groupby(["condition", "seed"], sort=False)[list(OUTCOMES)].mean()
        unedited = means.loc["unedited"]
        for condition in part["condition"].unique():
            mine = means.loc[condition]
            for outcome in OUTCOMES:
                known = mine[outcome].dropna()
                plain = unedited.loc[known.index, outcome]
                row = {**({by: group} if by else {}), "condition": condition, "outcome": outcome}
                row |= estimate(known).as_dict()
                row |= cells("ratio", estimate_statistic(ratio, known, plain))
                table.append({**row, **cells("difference", estimate(known - plain, "number"))})
    return pd.DataFrame(table)
