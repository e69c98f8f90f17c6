"""`ablate`: measure, sum up, draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from maze_interp.errors import MazeInterpError
from maze_interp.measure.field import vector_field
from maze_interp.plots.ablation import METRICS, effects_figure, overlap_figure, strongest_figure
from maze_interp.plots.field import change_figure
from maze_interp.plots.style import save
from maze_interp.results.estimates import Estimate
from maze_interp.results.run_directory import run_directory
from maze_interp.results.text import short_layer
from maze_interp.studies.ablation import Ablation, DecisionAblation, ExactAblation
from maze_interp.studies.importance import (
    RATE,
    channel_effects,
    kind_agreement,
    level_effects,
    metric_overlap,
    separable,
    strongest,
    unedited,
)
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.spread import cluster

STRONGEST = 12
"""Channels of a metric that are drawn and written to the summary."""

PAIRS = (("decision_p_cheese", "p_solve"), ("p_cheese", "p_solve"))
"""A metric of where it goes, and one of whether it can solve mazes."""


def write_ablation(
    decision: DecisionAblation,
    exact: ExactAblation | None,
    out: Path,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[str]:
    """Run an ablation sweep and write `ablation.csv`, `summary.json`, tables and pictures.

    Args:
        decision: what is measured at decision squares.
        exact: what is measured exactly, on some of the same levels and layers; None for nothing.
        out: the run's folder; the rows of each level lie in folders in it.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: a layer is ablated in the second alone, none of the levels has a decision
            square, or the folder is another run's.
    """
    if exact is not None and (alone := [layer for layer in exact.layers if layer not in decision.layers]):
        raise MazeInterpError(f"{alone[0]} is measured exactly but not at decision squares; add it to the layers")
    experiments: list[Ablation] = [decision] if exact is None else [decision, exact]
    settings = {**decision.settings, "experiment": "ablate", "exact": None if exact is None else exact.settings}
    with run_directory(out, settings):
        with cluster(workers, scheduler):
            measured = {one: run_experiment(one, out / one.name) for one in experiments}
        for one, table in measured.items():
            if not len(table):
                raise MazeInterpError(f"none of the levels {one.levels.name} has a decision square")
        tables = summary_tables(list(measured.items()))
        figures = _figures(list(measured.items()), tables)
        write_figures(out, settings, figures, tables)
        _draw(decision, measured[decision], tables, out)
    return [*_lines(figures, tables["strongest"]), f"written to {out}"]


def summary_tables(measured: Sequence[tuple[Ablation, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Tables over levels by name.

    Args:
        measured: experiments with their tables; a second one is on some of the levels of the first.

    Returns:
        `ablation`, `strongest`, `kinds`; with a second experiment also `overlap` and `separable`, on
        its levels alone. See `maze_interp.studies.importance`.
    """
    tables = {
        "ablation": pd.concat(channel_effects(table, one.metrics) for one, table in measured),
        "strongest": pd.concat(strongest(table, one.metrics, STRONGEST) for one, table in measured),
        "kinds": pd.concat(
            kind_agreement(table, metric).assign(metric=metric) for one, table in measured for metric in one.metrics
        ),
    }
    if len(measured) > 1:
        joined = pd.merge(*(table for _, table in measured), on=["seed", "kind", "layer", "channel"])
        effects = channel_effects(joined, list(METRICS))
        tables["overlap"] = pd.concat(metric_overlap(joined, *pair) for pair in PAIRS)
        both_ways = [*PAIRS, *(pair[::-1] for pair in PAIRS)]
        tables["separable"] = pd.concat(separable(effects, *pair) for pair in both_ways)
    return tables


def _figures(measured: Sequence[tuple[Ablation, pd.DataFrame]], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    effects, kinds = tables["ablation"], tables["kinds"]
    told = effects.assign(told_from_0=effects["p"] <= RATE).groupby(["metric", "kind"], sort=False)["told_from_0"]
    figures = {
        "unedited": {metric: unedited(table, metric) for one, table in measured for metric in one.metrics},
        "told_from_0": _records(told.agg(channels="size", told_from_0="sum").reset_index()),
        "strongest": _records(tables["strongest"]),
        "kinds": _records(kinds[kinds["layer"] == "all"]),
    }
    if "overlap" in tables:
        figures["overlap"] = _records(tables["overlap"])
        counts = tables["separable"].groupby(["needed_for", "not_for", "kind"], sort=False).size()
        figures["separable"] = _records(counts.rename("channels").reset_index())
    return figures


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON holds them, None for what has no value."""
    return list(table.astype(object).where(table.notna(), None).to_dict("records"))


def _draw(decision: DecisionAblation, table: pd.DataFrame, tables: Mapping[str, pd.DataFrame], out: Path) -> None:
    effects, chosen = tables["ablation"], tables["strongest"]
    for kind in decision.kinds:
        save(effects_figure(effects, kind), out / f"effects_{kind}.png")
        if "overlap" in tables:
            save(overlap_figure(effects, kind, PAIRS), out / f"goal_and_ability_{kind}.png")
    if len(chosen):
        save(strongest_figure(effects, chosen), out / "strongest.png")
        save(strongest_change(decision, table, chosen), out / "strongest_channel.png")


def strongest_change(decision: DecisionAblation, table: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """The field without and with the channel ablated that matters most for P(cheese | decision square).

    The level is the one where it matters most.

    Args:
        decision: the experiment; the first of its kinds is drawn.
        table: its table.
        chosen: of `strongest`.
    """
    kind, (layer, channel) = decision.kinds[0], chosen[["layer", "channel"]].iloc[0]
    effects = level_effects(table, decision.metrics[0])[kind, layer, channel]
    maze = decision.levels.maze(int(effects.abs().idxmax()))
    edit = decision.edit(kind, layer, int(channel), maze.seed)
    figure = change_figure(vector_field(decision.policy, maze), vector_field(decision.policy, maze, [edit]))
    figure.suptitle(f"{kind} ablation of channel {channel} of {short_layer(layer)}", x=0.01, ha="left", fontsize=11)
    return figure


def _lines(figures: Mapping[str, Any], chosen: pd.DataFrame, count: int = 3) -> list[str]:
    lines = [f"{METRICS[metric]}, unedited: {one}" for metric, one in figures["unedited"].items()]
    for metric, some in chosen.groupby("metric", sort=False):
        channels = list(some.groupby(["layer", "channel"], sort=False))[:count]
        for (layer, channel), kinds in channels:
            found = [f"{row.kind} {Estimate(row.n, row.mean, row.low, row.high)}" for row in kinds.itertuples()]
            lines.append(f"{METRICS[metric]}, effect of {short_layer(layer)} {channel}: {', '.join(found)}")
    return lines
