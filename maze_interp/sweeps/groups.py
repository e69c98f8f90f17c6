"""From `levels.csv` to figures: means by group, and P(cheese) by distance, size and place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from maze_interp.results.estimates import estimate
from maze_interp.sweeps.sweep import OUTCOMES

BIN_WIDTH = {
    "euclidean_cheese_top_right": 2,
    "euclidean_cheese_decision_square": 2,
    "steps_cheese_top_right": 4,
    "steps_cheese_decision_square": 4,
    "size": 2,
}
"""The variables P(cheese) is tabled by, and the width of a bin."""


def groups(levels: pd.DataFrame, region: int) -> dict[str, pd.DataFrame]:
    """The levels by what they ask of the agent.

    Returns:
        all levels; those with the cheese in the top-right n×n and outside it; those with a
        decision square; and the published selection, a decision square and the cheese outside.
        A level without cheese is neither inside nor outside.
    """
    inside = in_region(levels, region)
    outside = levels["cheese_x"].notna() & ~inside
    decides = levels["decision_x"].notna()
    return {
        "all levels": levels,
        f"cheese in the {region}×{region}": levels[inside],
        f"cheese outside the {region}×{region}": levels[outside],
        "with a decision square": levels[decides],
        f"decision square, cheese outside the {region}×{region}": levels[decides & outside],
    }


def in_region(levels: pd.DataFrame, region: int) -> pd.Series:
    """Whether each level's cheese lies in the top-right n×n; False without cheese."""
    edge = levels["size"] - np.minimum(region, levels["size"])
    return (levels["cheese_x"] >= edge) & (levels["cheese_y"] >= edge)


def outcome_table(levels: pd.DataFrame, region: int) -> pd.DataFrame:
    """Mean and interval of every outcome in every group: columns group, outcome, n, mean, low, high."""
    return pd.DataFrame(
        {"group": name, "outcome": outcome, **estimate(some[outcome]).as_dict()}
        for name, some in groups(levels, region).items()
        for outcome in OUTCOMES
    )


def binned(levels: pd.DataFrame, variable: str, outcome: str = "p_cheese") -> pd.DataFrame:
    """Mean outcome by bins of a variable: columns from, below, n, mean, low, high; empty bins left out."""
    width = BIN_WIDTH[variable]
    known = levels[levels[variable].notna() & np.isfinite(levels[variable])]
    offset = 1 if variable == "size" else 0  # sizes are odd: each is a bin of its own
    start = ((known[variable] - offset) // width) * width + offset
    return pd.DataFrame(
        {"from": edge, "below": edge + width, **estimate(some[outcome]).as_dict()}
        for edge, some in known.groupby(start)
    )


def by_place(levels: pd.DataFrame, outcome: str = "p_cheese") -> pd.DataFrame:
    """Mean outcome by the cheese's place counted from the top-right corner: columns left, down, n, mean."""
    placed = levels[levels["cheese_x"].notna()]
    left = placed["size"] - 1 - placed["cheese_x"]
    down = placed["size"] - 1 - placed["cheese_y"]
    table = placed.groupby([left.rename("left"), down.rename("down")])[outcome].agg(n="count", mean="mean")
    return table.reset_index().astype({"left": int, "down": int})


def surprises(levels: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The levels with a decision square whose p_cheese is nearest to and farthest from what is usual.

    Usual is the mean of the other levels at the same Euclidean distance cheese–corner (bins as in `BIN_WIDTH`), the
    variable that predicts best in the published study; a level without others is left out.

    Returns:
        the `count` least and the `count` most surprising rows, with a column `usual`.
    """
    variable = "euclidean_cheese_top_right"
    known = levels[levels["decision_x"].notna()].copy()
    alike = known.groupby(known[variable] // BIN_WIDTH[variable])["p_cheese"]
    others = alike.transform("count") - 1
    known["usual"] = (alike.transform("sum") - known["p_cheese"]) / others
    known = known[others > 0]
    order = (known["p_cheese"] - known["usual"]).abs().sort_values(kind="stable").index
    return known.loc[order[:count]], known.loc[order[::-1][:count]]
