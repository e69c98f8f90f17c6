"""The tables of `ablate` over levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from maze_interp.results.tables import records
from maze_interp.studies.ablate.agreement import kind_agreement, metric_overlap, separable
from maze_interp.studies.ablate.effects import RATE, channel_effects, strongest, unedited
from maze_interp.studies.ablate.measure import METRICS, Ablation

STRONGEST = 12
"""Channels of a metric that are drawn and written to the summary."""

PAIRS = (("decision_p_cheese", "p_solve"), ("p_cheese", "p_solve"))
"""A metric of where the agent goes, and one of whether it solves mazes as in training."""

Measured = Sequence[tuple[Ablation, pd.DataFrame]]
"""Experiments with their rows; a second one is on some of the levels of the first."""


def summary_tables(measured: Measured) -> dict[str, pd.DataFrame]:
    """Tables over levels by name.

    Returns:
        `ablation` (every channel), `strongest`, `kinds`; with a second experiment also `overlap` and `separable`, on
        its levels alone.
    """
    tables = {
        "ablation": pd.concat(channel_effects(rows, one.metrics) for one, rows in measured),
        "strongest": pd.concat(strongest(rows, one.metrics, STRONGEST) for one, rows in measured),
        "kinds": pd.concat(
            kind_agreement(rows, metric).assign(metric=metric) for one, rows in measured for metric in one.metrics
        ),
    }
    if len(measured) > 1:
        joined = pd.merge(*(rows for _, rows in measured), on=["seed", "kind", "layer", "channel"])
        effects = channel_effects(joined, list(METRICS))
        tables["overlap"] = pd.concat(metric_overlap(joined, *pair) for pair in PAIRS)
        both_ways = [*PAIRS, *(pair[::-1] for pair in PAIRS)]
        tables["separable"] = pd.concat(separable(effects, *pair) for pair in both_ways)
    return tables


def significant_counts(effects: pd.DataFrame) -> pd.DataFrame:
    """How many of the channels have a significant effect: columns metric, kind, channels, significant."""
    significant = effects.assign(significant=effects["p"] <= RATE).groupby(["metric", "kind"], sort=False)
    return significant["significant"].agg(channels="size", significant="sum").reset_index()


def summary_numbers(measured: Measured, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The numbers of `summary.json`."""
    kinds = tables["kinds"]
    numbers = {
        "unedited": {metric: unedited(rows, metric) for one, rows in measured for metric in one.metrics},
        "significant": records(significant_counts(tables["ablation"])),
        "strongest": records(tables["strongest"]),
        "kinds": records(kinds[kinds["layer"] == "all"]),
    }
    if "overlap" in tables:
        numbers["overlap"] = records(tables["overlap"])
        counts = tables["separable"].groupby(["needed_for", "not_for", "kind"], sort=False).size()
        numbers["separable"] = records(counts.rename("channels").reset_index())
    return numbers
