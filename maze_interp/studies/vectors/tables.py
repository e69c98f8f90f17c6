"""Vectors over levels: the effects of every edit, of vectors from other levels, and paired differences of edits."""

from __future__ import annotations

import math
from itertools import pairwise

import pandas as pd

from maze_interp.measure.decision import DECISION
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.tables import cells
from maze_interp.studies.vectors.measure import EXACT
from maze_interp.studies.vectors.transfer import EDGES

CONTRASTS = {
    "both_less_cheese": (("both", 1.0), ("cheese", -1.0)),
    "both_less_top_right": (("both", 1.0), ("top_right", 1.0)),
}
"""The two vectors together against each alone."""


def effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Each edit's effect on each outcome over levels, draws of a control averaged within the level.

    Returns:
        columns edit, coefficient, outcome; n, mean, low, high over levels; q25, median, q75; and
        the difference from the unedited network on the same levels: difference, difference_low,
        difference_high. Without levels mean and interval are empty.
    """
    by_level = _by_level(rows)
    unedited = by_level["unedited", 0.0]
    table = []
    for (edit, coefficient), values in by_level.items():
        for outcome in values:
            known = values[outcome].dropna()
            quartiles = dict(zip(("q25", "median", "q75"), known.quantile([0.25, 0.5, 0.75]), strict=True))
            key = {"edit": edit, "coefficient": coefficient, "outcome": outcome}
            change = cells("difference", estimate(known - unedited.loc[known.index, outcome], "number"))
            table.append({**key, **estimate(known).as_dict(), **quartiles, **change})
    return pd.DataFrame(table)


def transfers(rows: pd.DataFrame) -> pd.DataFrame:
    """The vectors' effects by distance, sources averaged within the level.

    Returns:
        columns vector; `sources` (`"own"`, or a bin such as `"2–5"`, which holds its upper edge);
        outcome; n, mean, low, high over levels; and the difference from the unedited network on the
        same levels: difference, difference_low, difference_high.
    """
    unedited = rows[rows["vector"] == "none"].set_index("seed")[list(DECISION)]
    used = rows[rows["vector"] != "none"]
    names = [f"{low:g}–{high:g}" if math.isfinite(high) else f"over {low:g}" for low, high in pairwise(EDGES)]
    bins = pd.cut(used["distance"], EDGES, labels=names, include_lowest=True).cat.add_categories("own")
    bins[used["source"] == used["seed"]] = "own"
    table = []
    for (vector, sources), part in used.groupby([used["vector"], bins.rename("sources")], observed=True):
        values = part.groupby("seed")[list(DECISION)].mean()
        for outcome in DECISION:
            key = {"vector": vector, "sources": sources, "outcome": outcome}
            change = cells("difference", estimate(values[outcome] - unedited.loc[values.index, outcome], "number"))
            table.append({**key, **estimate(values[outcome]).as_dict(), **change})
    return pd.DataFrame(table)


def contrasts(rows: pd.DataFrame) -> dict[str, dict[str, Estimate]]:
    """The paired differences of `CONTRASTS`, by outcome; none where no level has both vectors."""
    if not (rows["edit"] == "both").any():
        return {}
    outcomes = ("decision_p_cheese", "decision_p_top_right", "p_cheese", "p_top_right")
    return {name: {outcome: contrast(rows, *pair, outcome) for outcome in outcomes} for name, pair in CONTRASTS.items()}


def contrast(rows: pd.DataFrame, a: tuple[str, float], b: tuple[str, float], outcome: str) -> Estimate:
    """Mean over levels of the outcome under edit `a` less that under `b`, each (edit, coefficient); paired by level."""
    by_level = _by_level(rows)
    return estimate(by_level[a][outcome] - by_level[b][outcome], "number")


def _by_level(rows: pd.DataFrame) -> dict[tuple[str, float], pd.DataFrame]:
    """For each edit the outcomes by level, draws averaged."""
    edits = rows.groupby(["edit", "coefficient"], sort=False)
    return {key: part.groupby("seed")[[*DECISION, *EXACT]].mean() for key, part in edits}
