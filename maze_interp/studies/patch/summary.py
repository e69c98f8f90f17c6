"""The result of `patch` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.numbers import counted
from maze_interp.results.tables import records, row_estimate
from maze_interp.results.text import percent, short_layer
from maze_interp.studies.patch.pairs import KINDS
from maze_interp.studies.patch.pictures import pictures
from maze_interp.studies.patch.sets import FURTHER, LEAST
from maze_interp.studies.patch.study import Patch
from maze_interp.studies.patch.tables import (
    agreement_table,
    channel_set_table,
    channel_table,
    curve_table,
    layer_table,
    network_size,
    position_table,
    set_table,
    transfer_table,
)
from maze_interp.studies.result import Result

_NOTES = (
    "A patch replaces the recipient's activation by the donor's, the mouse on the same square. The probability "
    "difference is P(move towards the donor's goal) − P(move towards the recipient's cheese) at the decision square: a "
    "patch that merely broke the policy would lower both. A share of the effect is (patched − recipient) / (donor − "
    "recipient), a ratio of means over levels.",
    f"Sets are sought level by level, where the whole effect is at least {LEAST}: activations are ranked by integrated "
    "gradients, the ranking is cut where the share is reached, and every activation is dropped that the rest can do "
    "without. Each set has been run. Sets of one or two are the smallest there are; larger ones are upper bounds. "
    "Controls are sets of the same size: random ones, and the activations that differ most.",
    "Such a set is sufficient. For whether it is necessary, all activations but the set are patched, too, and further "
    f"sets without a common member are sought, {FURTHER} at most, that have 90% of the effect again. Sets of the first "
    "half of the levels are tried at the same positions in the second.",
    "In whole episodes the same activations are patched on every square; a share is the lesser of the shares of the "
    "fall of P(cheese) and the rise of P(corner), and nothing is dropped.",
)

_CAPTIONS = {
    "by_layer": "Shares of the whole effect by layer and part",
    "smallest_sets": "The smallest sets, what all the rest has without them, and further disjoint ones",
    "transfer": "What sets found on the first half of the levels have on the second",
}


def summarise(study: Patch, rows: Mapping[str, pd.DataFrame]) -> Result:
    """The result, from the rows of every experiment by its name."""
    network = network_size(study.policy)
    tables = tables_of(rows, study.later.seeds[0], network)
    numbers = {
        "pairs": int(rows["layers"]["seed"].nunique()),
        "activations_of_the_network": network,
        "unpatched": unpatched(rows["layers"], study.paths[0]),
        **{
            name: records(tables.get(name, pd.DataFrame()))
            for name in ("by_layer", "agreement", "smallest_sets", "episode_sets", "transfer")
        },
    }
    return Result(
        statement=_statement(study, numbers, rows["sets"], tables.get("smallest_sets"), tables.get("transfer")),
        lines=_lines(numbers, tables),
        numbers=numbers,
        tables=tables,
        pictures=pictures(study, rows, tables),
        captions={name: caption for name, caption in _CAPTIONS.items() if name in tables},
        notes=_NOTES,
    )


def tables_of(rows: Mapping[str, pd.DataFrame], split: int, network: int) -> dict[str, pd.DataFrame]:
    """Tables over levels by name, of the experiments that gave rows.

    Levels before the seed `split` order channels; the whole network has `network` activations.
    """
    makers = {
        "by_layer": ("layers", layer_table),
        "by_channel": ("parts", lambda part: channel_table(part, split)),
        "by_position": ("parts", position_table),
        "agreement": ("parts", agreement_table),
        "by_count": ("curves", curve_table),
        "smallest_sets": ("sets", lambda part: set_table(part, network)),
        "episode_sets": ("episodes", lambda part: set_table(part, network)),
        "transfer": ("transfer", transfer_table),
        "channel_sets": ("channels", channel_set_table),
    }
    return {name: make(rows[source]) for name, (source, make) in makers.items() if len(rows[source])}


def unpatched(layers: pd.DataFrame, layer: str) -> dict[str, dict[str, Estimate]]:
    """What recipient and donor do, by metric, from rows of `LayerPatching`."""
    whole = layers[(layers["part"] == "whole") & (layers["layer"] == layer)]
    return {
        str(metric): {end: estimate(part[end]) for end in ("recipient", "donor")}
        for metric, part in whole.groupby("metric", sort=False)
    }


def _statement(
    study: Patch,
    numbers: Mapping[str, Any],
    rows: pd.DataFrame,
    sets: pd.DataFrame | None,
    transfer: pd.DataFrame | None,
) -> str:
    pairs = f"{counted(numbers['pairs'], 'pair')} of mazes ({KINDS[study.kind]})"
    if sets is None:
        return f"In none of {pairs} is the whole effect on the probability difference {LEAST} or more."
    layer = study.paths[0] if (sets["layer"] == study.paths[0]).any() else sets["layer"].iloc[0]
    figures = _figures(sets, layer, 0.9)
    count, random, changed = (figures[name] for name in ("count", "random", "random_changed"))
    activations = int(rows.loc[rows["layer"] == layer, "activations"].iloc[0])
    ends = "" if count.low is None else f" [{count.low:.0f}, {count.high:.0f}]"
    return (
        f"On {count.n} of {pairs}, where the whole effect is {LEAST} or more, the smallest set with 90% of the effect "
        f"of patching {short_layer(layer)} on the move at the decision square has {count.mean:.0f}{ends} of "
        f"{counted(activations, 'activation')} (median over levels, a set for each); random sets of that size have "
        f"{percent(random)}, drawn from those that differ {percent(changed)}. All activations but the set have "
        f"{percent(figures['without'])}. The number of further disjoint sets that suffice has the median "
        f"{figures['further'].mean:.0f} ({FURTHER} at most are sought).{_transfer(transfer, layer)}"
    )


def _transfer(table: pd.DataFrame | None, layer: str) -> str:
    if table is None or not (table["layer"] == layer).any():
        return ""
    part = table[table["layer"] == layer]
    figures = {row["figure"]: row_estimate(row) for row in part.to_dict("records")}
    return (
        f" Sets of other levels at the same positions have {percent(figures['other'])} each, "
        f"together ({counted(part['sets'].iloc[0], 'set')}) {percent(figures['union'])}."
    )


def _figures(table: pd.DataFrame, layer: str, share: float) -> dict[str, Estimate]:
    """The figures of `set_table` of one layer and share, by name."""
    part = table[(table["layer"] == layer) & (table["share"] == share)]
    return {row["figure"]: row_estimate(row) for row in part.to_dict("records")}


def _lines(numbers: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    difference = numbers["unpatched"]["probability_difference"]
    lines = [
        f"pairs: {numbers['pairs']}",
        f"probability difference, recipient: {difference['recipient']}, donor: {difference['donor']}",
    ]
    for name, words in {"smallest_sets": "", "episode_sets": "whole episodes, "}.items():
        if name not in tables:
            continue
        for layer, share in tables[name][["layer", "share"]].drop_duplicates().itertuples(index=False):
            figures = _figures(tables[name], layer, share)
            sets = f"median {figures['count']} activations; random sets: {figures['random']}"
            sets += f"; all but them: {figures['without']}" if "without" in figures else ""
            sets += f"; further disjoint sets: {figures['further']}" if "further" in figures else ""
            lines.append(f"{words}{share:.0%} of the effect, {short_layer(layer)}: {sets}")
    return lines
