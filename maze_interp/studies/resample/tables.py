"""Resampling over levels: means, and differences paired by level."""

from __future__ import annotations

import pandas as pd

from maze_interp.results.estimates import estimate
from maze_interp.results.tables import estimate_table
from maze_interp.studies.resample.measure import QUANTITIES, SETS, SOURCES

DIFFERENCE = "other_less_same"
"""In the column `source`: the change from a level with another cheese square less that from one with the same."""


def change_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Means of `Resampling` over levels, and differences paired by level; a level's random sets are averaged first.

    Returns:
        columns quantity (of `QUANTITIES`), channels (of `SETS`, or `given_less_random`), source (of `SOURCES`, or
        `DIFFERENCE`); n (levels), mean, low, high.
    """
    return estimate_table(
        ({"quantity": quantity, "channels": channels, "source": source}, estimate(values))
        for quantity in QUANTITIES
        for channels, by_source in _by_level(rows, quantity).items()
        for source, values in by_source.items()
    )


def _by_level(rows: pd.DataFrame, quantity: str) -> dict[str, dict[str, pd.Series]]:
    """A value per level by set of channels and source."""
    levels = rows.groupby(["seed", "set", "source"])[quantity].mean().unstack(["set", "source"])
    by_set = {name: levels[name] for name in SETS} | {"given_less_random": levels["given"] - levels["random"]}
    return {
        name: {**{source: by_source[source] for source in SOURCES}, DIFFERENCE: by_source["other"] - by_source["same"]}
        for name, by_source in by_set.items()
    }
