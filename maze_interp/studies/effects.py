"""Shares of a whole effect over many levels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from maze_interp.results.estimates import Estimate, estimate_statistic, ratio


def normalised(rows: pd.DataFrame) -> Estimate:
    """The share of the whole effect, (patched − recipient) / (donor − recipient), as a ratio of means over levels.

    A ratio per level would run off to infinity where the two ends are close; here such levels simply
    weigh little.

    Args:
        rows: one per level, with columns `recipient`, `donor` and `patched`.
    """
    return estimate_statistic(ratio, rows["patched"] - rows["recipient"], rows["donor"] - rows["recipient"])


def normalised_by(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """`normalised` of every group of rows: the group's columns, then n, mean, low, high."""
    return pd.DataFrame(
        {**dict(zip(columns, key, strict=True)), **normalised(some).as_dict()}
        for key, some in rows.groupby(list(columns), sort=False)
    )
