"""Agreement of policy and value head over levels."""

from __future__ import annotations

import pandas as pd

from maze_interp.results.estimates import LEVELS, Estimate, Kind, estimate
from maze_interp.results.tables import estimate_table
from maze_interp.studies.values.measure import QUANTITIES

ABOVE_CHANCE = {"above_chance": ("agreement", "chance"), "moving_above_chance": ("moving", "moving_chance")}
"""Agreement less chance, paired by level, with staying among the moves and without."""

Figures = dict[str, dict[str, dict[str, Estimate]]]
"""By network, set of squares, and quantity (of `QUANTITIES` or `ABOVE_CHANCE`)."""


def rows_by_squares(anywhere: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """The rows of each set of squares on the levels that it is measured on.

    Of held-out levels, with the cheese anywhere, decision squares and all squares count; of levels as in training
    squares of the region.
    """
    of_region = trained[trained["squares"] == "region"]
    return pd.concat([anywhere[anywhere["squares"] != "region"], of_region], ignore_index=True)


def value_figures(rows: pd.DataFrame) -> Figures:
    """Means over levels; of untrained networks means over networks, of each one's mean over its levels."""
    figures: Figures = {}
    for (network, squares), part in rows.groupby(["network", "squares"], sort=False):
        over = LEVELS
        if network == "untrained":
            part, over = part.groupby("draw")[list(QUANTITIES)].mean(), "networks"
        kinds: dict[str, Kind] = {name: "number" if "correlation" in name else "share" for name in QUANTITIES}
        by_quantity = {name: estimate(part[name], kinds[name], over) for name in QUANTITIES if part[name].notna().any()}
        for name, (of, chance) in ABOVE_CHANCE.items():
            by_quantity[name] = estimate(part[of] - part[chance], "number", over)
        figures.setdefault(str(network), {})[str(squares)] = by_quantity
    return figures


def value_table(figures: Figures) -> pd.DataFrame:
    """The figures as a table: columns network, squares, quantity; n, mean, low, high."""
    return estimate_table(
        ({"network": network, "squares": squares, "quantity": quantity}, estimate)
        for network, by_squares in figures.items()
        for squares, by_quantity in by_squares.items()
        for quantity, estimate in by_quantity.items()
    )
