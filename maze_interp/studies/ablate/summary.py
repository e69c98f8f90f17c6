"""The result of `ablate` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from maze_interp.results.numbers import counted
from maze_interp.results.tables import row_estimate
from maze_interp.results.text import percent, points, short_layer
from maze_interp.studies.ablate.effects import RATE, unedited
from maze_interp.studies.ablate.figures import effects_figure, example_figure, overlap_figure, strongest_figure
from maze_interp.studies.ablate.measure import METRICS, REFERENCE, DecisionAblation
from maze_interp.studies.ablate.study import Ablate
from maze_interp.studies.ablate.tables import PAIRS, significant_counts, summary_numbers, summary_tables
from maze_interp.studies.result import Picture, Result

_SHOWN = 3  # channels of each metric among the lines

_NOTES = (
    "An effect is the probability of the network as it is minus that with the channel ablated: positive where the "
    "channel serves the metric, negative where it works against it. The strongest channels are chosen on the first "
    "half of the levels and measured on the second; the control is all the other channels.",
    "Zero ablation sets a channel to 0, mean ablation to its mean over other levels "
    f"({REFERENCE.start} to {REFERENCE.stop - 1}, the mouse on every square), position by position, and resample "
    "ablation to its value in one observation of these, another for each level. Zero may be a value that the channel "
    "never has.",
    f"A dot marks an effect that differs from 0 by a t-test over levels, at a false discovery rate of {RATE} over all "
    "channels of the metric. More levels would give more dots.",
)


def summarise(study: Ablate, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    measured = [(experiment, rows[experiment.name]) for experiment in study.experiments]
    (decision, decisions), *_ = measured
    assert isinstance(decision, DecisionAblation)
    tables = summary_tables(measured)
    numbers = summary_numbers(measured, tables)
    return Result(
        statement=_statement(decision, decisions, tables["strongest"]),
        lines=_lines(numbers, tables),
        numbers=numbers,
        tables=tables,
        pictures=_pictures(decision, decisions, tables),
        captions={
            "strongest": "The channels of the largest effects, chosen on half of the levels, measured on the others",
            "kinds": "Agreement of the kinds of ablation: rank correlation over channels, and the share of the top "
            "tenth of channels in common; beside them a kind with itself on different halves of the levels",
            "overlap": "How far two metrics depend on the same channels",
            "separable": "Channels that change one metric and hardly touch the other",
        },
        notes=_NOTES,
    )


def _statement(decision: DecisionAblation, rows: pd.DataFrame, chosen: pd.DataFrame) -> str:
    metric, *_ = decision.metrics
    plain = f"{METRICS[metric]} is {percent(unedited(rows, metric))} unedited"
    if not len(chosen):
        return f"{plain}; the strongest channel is measured on other levels than chosen on, and there is one."
    first = chosen[chosen["metric"] == metric].iloc[0]
    return (
        f"{plain}; of {counted(_count(rows), 'channel')}, channel {first['channel']} of {short_layer(first['layer'])} "
        f"has the largest effect on it in half of the levels, and {points(row_estimate(first))} by {first['kind']} "
        f"ablation in the other half (n = {counted(int(first['n']), 'level')})."
    )


def _count(rows: pd.DataFrame) -> int:
    return len(rows[["layer", "channel"]].dropna().drop_duplicates())


def _lines(numbers: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    lines = [f"{METRICS[metric]}, unedited: {estimate}" for metric, estimate in numbers["unedited"].items()]
    for metric, of_metric in tables["strongest"].groupby("metric", sort=False):
        for (layer, channel), kinds in list(of_metric.groupby(["layer", "channel"], sort=False))[:_SHOWN]:
            effects = ", ".join(f"{row['kind']} {row_estimate(row)}" for _, row in kinds.iterrows())
            lines.append(f"{METRICS[str(metric)]}, effect of {short_layer(layer)} {channel}: {effects}")
    return lines + [
        f"{METRICS[row.metric]}, significant by {row.kind} ablation: {row.significant} of "
        f"{counted(row.channels, 'channel')}"
        for row in significant_counts(tables["ablation"]).itertuples()
    ]


def _pictures(decision: DecisionAblation, rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> dict[str, Picture]:
    effects, chosen = tables["ablation"], tables["strongest"]
    pictures = {}
    if len(chosen):
        pictures["strongest"] = Picture(
            strongest_figure(effects, chosen),
            "The channels of the largest effects, chosen on half of the levels and measured on the others.",
            "Points with intervals, a row per channel and a panel per metric; a band marks 95% of all channels.",
        )
    for kind in decision.kinds:
        pictures[f"effects_{kind}"] = Picture(
            effects_figure(effects, kind),
            f"Effect of {kind} ablation of every channel, mean over levels; a dot marks a significant effect.",
            "Maps with rows of coloured cells for the channels of each layer, a panel per metric.",
        )
    for kind in decision.kinds if "overlap" in tables else ():
        pictures[f"overlap_{kind}"] = Picture(
            overlap_figure(effects, kind, PAIRS),
            f"Effect of {kind} ablation on where the agent goes, against that on solving mazes as in training.",
            "A point per channel, coloured by part of the network, in two panels.",
        )
    if len(chosen):
        pictures["strongest_channel"] = Picture(
            example_figure(decision, rows, chosen),
            "The vector field without and with the strongest channel ablated, on the level where it matters most.",
            "Two mazes with an arrow on every square, and the difference.",
        )
    return pictures
