"""Constructed levels over levels: pairs, detours, and what the cheese does to the branch taken."""

from __future__ import annotations

import numpy as np
import pandas as pd

from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.tables import ENDS, estimate_table
from maze_interp.studies.constructed.measure import DETOUR, OUTCOMES, SWAP

DIFFERENCE = "1 − 0"
"""The second variant less the first."""

SLOPE = "p_cheese_per_step_off_the_path"
"""The slope of P(cheese) along a branch; see `detour_slope`."""


def pair_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Both variants of each kind of pair, and their difference, paired by level.

    Returns:
        columns kind, outcome, variant ("0", "1", or `DIFFERENCE`); n, mean, low, high over levels.
    """
    table = []
    for kind, part in rows[rows["kind"] != DETOUR].groupby("kind", sort=False):
        wide = part.pivot(index="seed", columns="variant", values=list(OUTCOMES))
        for outcome in OUTCOMES:
            variants = {"0": wide[outcome, 0], "1": wide[outcome, 1], DIFFERENCE: wide[outcome, 1] - wide[outcome, 0]}
            for variant, values in variants.items():
                found = estimate(values, "number" if variant == DIFFERENCE else "share")
                table.append({"kind": kind, "outcome": outcome, "variant": variant, **found.as_dict()})
    return pd.DataFrame(table, columns=["kind", "outcome", "variant", *ENDS])


def swap_levels(rows: pd.DataFrame) -> pd.DataFrame:
    """By level: `follows`, the mean probability of the cheese's branch; `switch`, that less the branch's without it.

    From the rows of `ConstructedLevels`; means over the two placements, of moves off the fork; index seed.
    """
    wide = rows[rows["kind"] == SWAP].pivot(index="seed", columns="variant", values=["towards", "elsewhere"])
    follows = (wide["towards", 0] + wide["towards", 1]) / 2
    without = (wide["elsewhere", 0] + wide["elsewhere", 1]) / 2  # the same two branches, the cheese in the other
    return pd.DataFrame({"follows": follows, "switch": follows - without})


def detour_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns steps (off the path), outcome; n, mean, low, high over levels."""
    detours = rows[rows["kind"] == DETOUR]
    return estimate_table(
        ({"steps": steps, "outcome": outcome}, estimate(part[outcome]))
        for steps, part in detours.groupby("variant")
        for outcome in OUTCOMES
    )


def detour_slope(rows: pd.DataFrame) -> Estimate:
    """Change of P(cheese) per step off the path: the mean slope over the levels that have three places or more."""
    slopes = [
        np.polyfit(mine["variant"], mine["p_cheese"], 1)[0]
        for _, mine in rows[rows["kind"] == DETOUR].groupby("seed")
        if len(mine) >= 3
    ]
    return estimate(slopes, "number")


def constructed_figures(rows: pd.DataFrame) -> dict[str, Estimate]:
    """`follows` and `switch` of swapped branches, and `SLOPE`, over levels; without those that no level allows."""
    figures: dict[str, Estimate] = {}
    if (rows["kind"] == SWAP).any():
        by_level = swap_levels(rows)
        figures = {"follows": estimate(by_level["follows"]), "switch": estimate(by_level["switch"], "number")}
    if (rows["kind"] == DETOUR).any():
        figures[SLOPE] = detour_slope(rows)
    return figures
