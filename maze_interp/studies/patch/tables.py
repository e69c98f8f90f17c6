"""Patching over levels: shares of the whole effect, counts, agreement, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from maze_interp.environment.observe import PIXELS
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import activation_layers, run_with_cache, without_hooks
from maze_interp.results.estimates import Estimate, estimate, estimate_statistic, ratio
from maze_interp.results.tables import estimate_table
from maze_interp.studies.patch.attribution import METHODS, agreement
from maze_interp.studies.patch.fixed_sets import channel_order
from maze_interp.studies.patch.runs import PLACES

COMMON = 0.25
"""Share of the levels that must have an offset for the map of positions to show it: rare ones are mostly noise."""


def network_size(policy: nn.Module) -> int:
    """Numbers that all modules without parts put out for one observation."""
    x = torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(policy))
    with without_hooks():
        _, seen = run_with_cache(policy, x, activation_layers(policy))
    return sum(activation.numel() for activation in seen.values())


def normalised(rows: pd.DataFrame) -> Estimate:
    """The share of the whole effect, (patched − recipient) / (donor − recipient), as a ratio of means over levels.

    A ratio per level would run off to infinity where the two ends are close; here such levels weigh little.
    """
    return estimate_statistic(ratio, rows["patched"] - rows["recipient"], rows["donor"] - rows["recipient"])


def normalised_by(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """`normalised` of every group of rows: the group's columns, then n, mean, low, high."""
    return estimate_table(
        (dict(zip(columns, key, strict=True)), normalised(part))
        for key, part in rows.groupby(list(columns), sort=False)
    )


def layer_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of the whole effect by layer, part and metric, from rows of `LayerPatching`."""
    return normalised_by(rows, ["layer", "part", "metric"])


def channel_table(parts: pd.DataFrame, split: int) -> pd.DataFrame:
    """Shares of the whole effect by layer and channel, from rows of `PartPatching`; empty without levels to order by.

    The levels before the seed `split` order the channels, the others give the figures.
    """
    columns = ["layer", "rank", "channel", "n", "mean", "low", "high"]
    tables = [pd.DataFrame(columns=columns)]
    channels = parts[parts["channel"].notna()]
    for layer, rows in channels[channels["seed"] >= split].groupby("layer", sort=False):
        before = channels[(channels["layer"] == layer) & (channels["seed"] < split)]
        table = normalised_by(rows, ["channel"]).set_index("channel")
        order = [channel for channel in channel_order(before) if channel in table.index]
        tables.append(table.loc[order].reset_index().assign(layer=layer, rank=range(1, len(order) + 1)))
    return pd.concat(tables)[columns].astype({"channel": int})


def position_table(parts: pd.DataFrame) -> pd.DataFrame:
    """Shares of the whole effect by layer and by offset of the position from the two goals and the mouse.

    From rows of `PartPatching`.

    Returns:
        columns layer, place, down, right (positions from the place's), n, share; offsets that fewer
        than the share `COMMON` of the levels have are left out.
    """
    some = parts[parts["row"].notna()]
    fewest = COMMON * some["seed"].nunique()
    tables = []
    for place in PLACES:
        offsets = {"down": some["row"] - some[f"{place}_row"], "right": some["column"] - some[f"{place}_column"]}
        moved = some.assign(
            **offsets, place=place, effect=some["patched"] - some["recipient"], whole=some["donor"] - some["recipient"]
        )
        sums = moved.groupby(["layer", "place", "down", "right"], sort=False)[["effect", "whole"]].agg(["sum", "count"])
        share = sums["effect", "sum"] / sums["whole", "sum"]
        table = pd.DataFrame({"n": sums["effect", "count"], "share": share}).reset_index()
        tables.append(table[table["n"] >= fewest].astype({"down": int, "right": int}))
    return pd.concat(tables, ignore_index=True)


def agreement_table(parts: pd.DataFrame) -> pd.DataFrame:
    """How the methods of attribution agree with patching: columns layer, parts, method, measure, n, mean, low, high."""
    sorts = {"channels": parts[parts["channel"].notna()], "positions": parts[parts["row"].notna()]}
    return pd.DataFrame(
        {"layer": layer, "parts": sort, "method": method, "measure": measure, **found.as_dict()}
        for sort, some in sorts.items()
        for layer, rows in some.groupby("layer", sort=False)
        for method in METHODS
        for measure, found in agreement(rows, method).items()
    )


def median(values: Sequence[float] | pd.Series) -> Estimate:
    """Median over levels with its interval."""
    return estimate_statistic(np.median, values, method="percentile")


def set_figures(rows: pd.DataFrame, network: int) -> dict[str, Estimate]:
    """Figures of the smallest sets of one layer and share, from rows of `SmallestSets` or `EpisodeSets`.

    Returns:
        medians over levels of `count`, of its share of the layer (`of_layer`) and of the network
        (`of_network`), of `further` disjoint sets, and of their sizes where they exist (`further_1` …); means over
        levels of every column that is an effect or a probability, and the shares of members around the places.
    """
    counts = rows["count"]
    found = {
        "count": median(counts),
        "of_layer": median(counts / rows["activations"]),
        "of_network": median(counts / network),
    }
    means = [name for name in rows if name in _EFFECTS or str(name).startswith("p_")]
    places = [name for name in PLACES if name in rows]
    further = [str(name) for name in rows if str(name).startswith("further") and rows[name].notna().any()]
    found |= {name: median(rows[name].dropna()) for name in further}
    return {
        **found,
        **{str(name): estimate(rows[name], "number" if name in _EFFECTS else "share") for name in means},
        **{f"at_{name}": estimate(rows[name] / counts) for name in places},
    }


_EFFECTS = ("whole", "reached", "random", "random_changed", "largest", "without")


def set_table(rows: pd.DataFrame, network: int) -> pd.DataFrame:
    """`set_figures` by layer and share: columns layer, share, figure, n, mean, low, high."""
    return pd.DataFrame(
        {"layer": layer, "share": share, "figure": name, **figure.as_dict()}
        for (layer, share), some in rows.groupby(["layer", "share"], sort=False)
        for name, figure in set_figures(some, network).items()
    )


def transfer_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What sets of other levels have of the whole effect, from rows of `TransferredSets`.

    Returns:
        columns layer, sets (how many were tried), figure (other, union, union_count, random), n, mean, low, high.
    """
    return estimate_table(
        ({"layer": layer, "sets": int(part["sets"].iloc[0]), "figure": name}, estimate(part[name], "number"))
        for layer, part in rows.groupby("layer", sort=False)
        for name in ("other", "union", "union_count", "random")
    )


def curve_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of the whole effect by layer, ranking and count, from rows of `PatchCurves`."""
    return normalised_by(rows, ["layer", "ranking", "count"])


def channel_set_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of the whole effect by layer, ranking, count and metric, from rows of `ChannelSets`."""
    return normalised_by(rows, ["layer", "ranking", "count", "metric"])


def position_map(table: pd.DataFrame) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Rows of `position_table` of one layer and place as an image: shares (NaN where unknown), and its extent.

    The extent is (left, right, bottom, top) in positions from the place, downwards positive.
    """
    image = table.pivot(index="down", columns="right", values="share")
    down, right = (np.arange(axis.min(), axis.max() + 1) for axis in (image.index, image.columns))
    filled: Any = image.reindex(index=down, columns=right)
    return filled.to_numpy(), (right[0] - 0.5, right[-1] + 0.5, down[-1] + 0.5, down[0] - 0.5)
