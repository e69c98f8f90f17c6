"""Which squares of a level count, and how much."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from maze_interp.errors import unknown_name
from maze_interp.studies.references.measure import CHEESE, CORNER

SQUARES = {
    "all": "all squares alike",
    "visited": "squares by the agent's expected visits",
    "apart": "squares where the paths to cheese and corner differ, by expected visits",
}
"""Which squares of a level count, and how much."""


def weights(rows: pd.DataFrame, squares: str, within: Sequence[str] = ("seed",)) -> pd.Series:
    """How much each square counts: those of a level together 1, or 0 where none counts.

    Args:
        rows: of `ReferenceMoves`.
        squares: of `SQUARES`.
        within: columns that name the groups whose weights sum to 1.

    Raises:
        MazeInterpError: an unknown choice of squares.
    """
    if squares not in SQUARES:
        raise unknown_name("choice of squares", squares, SQUARES)
    raw = rows["visits"] if squares != "all" else pd.Series(1.0, rows.index)
    if squares == "apart":
        raw = raw.where((rows[CHEESE] & rows[CORNER]) == 0, 0.0)
    total = raw.groupby([rows[name] for name in within]).transform("sum")
    return (raw / total).where(total > 0, 0.0)
