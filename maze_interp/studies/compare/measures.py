"""What each of several agents does on its own mode of levels, and level by level where they share them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.policies.agents import trained_anywhere
from maze_interp.results.estimates import estimate, estimate_statistic
from maze_interp.results.tables import ENDS, cells
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.data import FinishedSweep
from maze_interp.sweeps.groups import groups

OUTCOME = "p_cheese"
UNTRAINED = "untrained"

GROUPS = ("anywhere", "in the region", "outside it", "with a decision square", "where it must choose")
"""The groups of levels that `maze_interp.sweeps.groups.groups` makes; the last is the published selection, a decision
square and the cheese outside the region."""

MEASURES = {
    "P(cheese), cheese in the region": ("in the region", "p_cheese"),
    "P(cheese), cheese outside it": ("outside it", "p_cheese"),
    "P(cheese), cheese anywhere": ("anywhere", "p_cheese"),
    "P(corner), cheese outside": ("outside it", "p_top_right"),
    "P(top-right 5×5), where it must choose": ("where it must choose", "p_region"),
    "P(cheese), where it must choose": ("where it must choose", "p_cheese"),
    "P(cheese | decision square), where it must choose": ("where it must choose", "decision_p_cheese"),
    "first leaves to the cheese, where it must choose": ("where it must choose", "exit_cheese"),
    "first leaves to the corner, where it must choose": ("where it must choose", "exit_top_right"),
}
"""What is compared, in words: the group of levels, and the column of a sweep."""

_CORRELATION = ("correlation", "correlation_low", "correlation_high")

Floats = NDArray[np.float64]
Sweeps = Mapping[str, FinishedSweep]
"""Sweeps by the names that their agents have in the tables."""


def measures(sweeps: Sweeps) -> pd.DataFrame:
    """What every agent does, each on its own levels.

    Returns:
        a row per agent and measure: agent, agent_hash, mode, seeds, region, measure, n, mean, low, high.
    """
    table = []
    for name, sweep in sweeps.items():
        parts = parts_of(sweep.levels, sweep.region)
        who = {key: sweep.settings[key] for key in ("agent_hash", "mode", "seeds")}
        for measure, (group, column) in MEASURES.items():
            row = {"agent": name, **who, "region": sweep.region, "measure": measure}
            table.append({**row, **estimate(parts[group][column]).as_dict()})
    return pd.DataFrame(table)


def differences(sweeps: Sweeps) -> pd.DataFrame:
    """Each agent less each other on the levels that both were swept on, level by level.

    The cheese is in the region if it is in the smaller of theirs, outside if it is outside the larger.

    Returns:
        a row per pair that shares levels and measure: agent, other, measure, n, mean, low, high; and the correlation of
        the two over the levels, with `correlation_low` and `correlation_high`.
    """
    table = []
    for (name, one), (other_name, other) in combinations(sweeps.items(), 2):
        shared = set(one.levels["seed"]) & set(other.levels["seed"])
        if one.settings["mode"] != other.settings["mode"] or not shared:
            continue
        small, large = sorted((one.region, other.region))
        mine, theirs = (sweep.levels.set_index("seed").loc[sorted(shared)] for sweep in (one, other))
        parts = parts_of(mine, large) | {"in the region": parts_of(mine, small)["in the region"]}
        for measure, (group, column) in MEASURES.items():
            seeds = parts[group].index
            both = pd.DataFrame({"mine": mine.loc[seeds, column], "theirs": theirs.loc[seeds, column]}).dropna()
            gap = estimate(both["mine"] - both["theirs"], "number")
            alike = estimate_statistic(_correlation, both["mine"], both["theirs"])
            who = {"agent": name, "other": other_name, "measure": measure}
            table.append({**who, **gap.as_dict(), **cells("correlation", alike)})
    return pd.DataFrame(table, columns=["agent", "other", "measure", *ENDS, *_CORRELATION])


def _correlation(a: Floats, b: Floats, axis: int) -> Floats:
    """Pearson's, NaN where one of the two is the same on all levels."""
    a, b = (values - values.mean(axis=axis, keepdims=True) for values in (a, b))
    spread = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    found: Floats = np.divide((a * b).sum(axis=axis), spread, out=np.full_like(spread, np.nan), where=spread > 0)
    return found


_BY_REGION = ("region", "agent", *ENDS, "outside", *(f"same_{end}" for end in ENDS))


def by_region(sweeps: Sweeps) -> pd.DataFrame:
    """P(gets the cheese), a decision square and the cheese outside the region, against the region of training.

    The published selection differs from region to region: the larger it is, the further the cheese is from it. So
    ours are also measured where the cheese lies outside the largest region of all agents on the same mode.

    Returns:
        a row per region, the published ones and ours: region (missing where it was anywhere: outside the published
        5×5 then), published, agent, n, mean, low, high; `outside`, the largest region, and of the levels outside that
        same_n, same_mean, same_low, same_high.
    """
    theirs = pd.DataFrame({"region": list(published.BY_REGION), "published": list(published.BY_REGION.values())})
    trained = {name: sweep for name, sweep in sweeps.items() if sweep.settings["agent"] != UNTRAINED}
    largest: dict[str, int] = {}
    for sweep in trained.values():
        largest[sweep.settings["mode"]] = max(sweep.region, largest.get(sweep.settings["mode"], 0))
    rows = []
    for name, sweep in trained.items():
        outside = largest[sweep.settings["mode"]]
        own, same = (
            estimate(parts_of(sweep.levels, region)["where it must choose"][OUTCOME]).as_dict()
            for region in (sweep.region, outside)
        )
        region = np.nan if trained_anywhere(sweep.settings["agent"]) else sweep.region
        shared = {f"same_{key}": value for key, value in same.items()}
        rows.append({"region": region, "agent": name, **own, "outside": outside, **shared})
    ours = pd.DataFrame(rows, columns=_BY_REGION)
    return theirs.merge(ours, on="region", how="outer", sort=True)


def parts_of(levels: pd.DataFrame, region: int) -> dict[str, pd.DataFrame]:
    """The rows of each group of levels, by its name in `GROUPS`."""
    return dict(zip(GROUPS, groups(levels, region).values(), strict=True))
