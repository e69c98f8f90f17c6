"""Dead ends over levels: estimates by policy and depth."""

from __future__ import annotations

import math

import pandas as pd

from maze_interp.results.estimates import Estimate, estimate, estimate_statistic, ratio
from maze_interp.results.sums import all_or_none, estimate_sums, second_of_first
from maze_interp.results.tables import bin_names, estimate_table

DEPTHS = (0, 2, 4, 7, 15, math.inf)
"""Edges of the bins of depth, each with its upper edge. In procgen's own mazes every depth is even."""

QUANTITIES = {
    "entered": "P(goes in on first leaving the mouth)",
    "ever": "P(ever goes in)",
    "moves": "moves inside, per branch",
    "moves_per_pass": "moves inside, per branch passed",
}
"""What is measured of dead ends, in words; an episode has 500 moves at most."""


def dead_end_figures(rows: pd.DataFrame) -> dict[str, Estimate]:
    """`QUANTITIES` over levels, from the rows of one policy.

    `ever` and `moves` are means over a level's branches, then over levels; `entered` and
    `moves_per_pass` are ratios of sums, branches weighing by the probability of coming past.
    """
    sums = rows.assign(entered=(rows["p_mouth"] * rows["p_first"]).fillna(0)).groupby("seed")
    total = sums[["entered", "moves", "p_mouth"]].sum()
    mean = sums[["p_enter", "moves"]].mean()
    entered = {"entered": second_of_first}
    return {
        **estimate_sums(total[["p_mouth", "entered"]], total.index, entered, all_or_none),
        "ever": estimate(mean["p_enter"]),
        "moves": estimate(mean["moves"]),
        "moves_per_pass": estimate_statistic(ratio, total["moves"], total["p_mouth"]),
    }


def dead_end_table(rows: pd.DataFrame) -> pd.DataFrame:
    """`dead_end_figures` by depth: columns policy, depth ("any", or a bin), quantity, branches; n, mean, low, high."""
    names = bin_names(DEPTHS)
    binned = pd.cut(rows["depth"], DEPTHS, labels=names)
    return estimate_table(
        ({"policy": policy, "depth": depth, "quantity": quantity, "branches": len(mine)}, figure)
        for depth in ("any", *names)
        for policy, mine in (rows if depth == "any" else rows[binned == depth]).groupby("policy", sort=False)
        for quantity, figure in dead_end_figures(mine).items()
    )


def moves_lost(rows: pd.DataFrame) -> dict[str, Estimate]:
    """Expected moves of an episode in dead ends, by policy; over the levels that have any."""
    total = rows.groupby(["policy", "seed"], sort=False)["moves"].sum()
    return {policy: estimate(total[policy]) for policy in rows["policy"].unique()}
