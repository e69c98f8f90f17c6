"""`patch`: measure, sum up, draw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure

from maze_interp.measure.evaluate import Evaluation
from maze_interp.measure.field import VectorField
from maze_interp.plots.field import change_figure
from maze_interp.plots.patching import (
    channel_sets_figure,
    channels_figure,
    counts_figure,
    curves_figure,
    layers_figure,
    positions_figure,
)
from maze_interp.plots.style import save
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.run_directory import run_directory
from maze_interp.results.text import short_layer as short
from maze_interp.studies.fixed_sets import episode_rankings
from maze_interp.studies.pairs import KINDS, make_pair
from maze_interp.studies.patch_study import Patching
from maze_interp.studies.patch_tables import (
    agreement_table,
    channel_set_table,
    channel_table,
    curve_table,
    layer_table,
    network_size,
    position_table,
    set_table,
)
from maze_interp.studies.patching import run_pair, run_states
from maze_interp.studies.smallest_set import prefixes
from maze_interp.sweeps.experiment import write_figures
from maze_interp.sweeps.spread import cluster


def write_patching(
    patching: Patching, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Measure, and write `summary.json`, tables and pictures; rows by level lie in folders in it.

    Args:
        patching: what is patched.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: no level qualifies, or the folder is another run's.
    """
    with run_directory(out, patching.settings):
        with cluster(workers, scheduler):
            rows = patching.measure(out)
        network = network_size(patching.policy)
        tables = tables_of(rows, patching.later.seeds[0], network)
        figures = {
            "pairs": int(rows["layers"]["seed"].nunique()),
            "activations_of_the_network": network,
            "unpatched": unpatched(rows["layers"]),
            **{name: records(tables[name]) for name in ("by_layer", "agreement", "smallest_sets", "episode_sets")},
        }
        write_figures(out, patching.settings, figures, tables)
        draw(patching, rows, tables, out)
    return [*_lines(figures, tables["smallest_sets"]), f"written to {out}"]


def tables_of(rows: Mapping[str, pd.DataFrame], split: int, network: int) -> dict[str, pd.DataFrame]:
    """Tables over levels by name, of the experiments that were run.

    Args:
        rows: by the experiment's name.
        split: the seed from which levels do not order channels.
        network: activations of the whole network.
    """
    makers = {
        "by_layer": ("layers", layer_table),
        "by_channel": ("parts", lambda some: channel_table(some, split)),
        "by_position": ("parts", position_table),
        "agreement": ("parts", agreement_table),
        "by_count": ("curves", curve_table),
        "smallest_sets": ("sets", lambda some: set_table(some, network)),
        "episode_sets": ("episodes", lambda some: set_table(some, network)),
        "channel_sets": ("channels", channel_set_table),
    }
    return {name: make(rows[source]) for name, (source, make) in makers.items() if len(rows.get(source, ()))}


def unpatched(layers: pd.DataFrame) -> dict[str, dict[str, Estimate]]:
    """What recipient and donor do, by metric, from rows of `LayerPatching`."""
    one = layers[(layers["part"] == "whole") & (layers["layer"] == layers["layer"].iloc[0])]
    return {
        str(metric): {end: estimate(some[end]) for end in ("recipient", "donor")}
        for metric, some in one.groupby("metric", sort=False)
    }


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON holds them, None for what has no value."""
    return list(table.astype(object).where(table.notna(), None).to_dict("records"))


def draw(
    patching: Patching, rows: Mapping[str, pd.DataFrame], tables: Mapping[str, pd.DataFrame], out: Path
) -> list[Path]:
    """Draw what was measured into the run's folder."""
    figures = {
        "by_layer": layers_figure(tables["by_layer"]),
        "by_channel": channels_figure(tables["by_channel"]),
        "by_count": curves_figure(tables["by_count"], list(tables["by_count"]["layer"].unique())),
    }
    for layer in tables["by_position"]["layer"].unique():
        figures[f"by_position_{short(layer)}"] = positions_figure(tables["by_position"], layer)
    counts = {"on the decision square": rows["sets"], "on every square, whole episodes": rows["episodes"]}
    if found := {title: some for title, some in counts.items() if len(some)}:
        figures["counts"] = counts_figure(found)
    if "channel_sets" in tables:
        figures["channel_sets"] = channel_sets_figure(tables["channel_sets"])
    figures.update(field_figures(patching, rows["layers"], rows["episodes"]))
    return [save(figure, out / f"{name}.png") for name, figure in figures.items()]


def field_figures(patching: Patching, layers: pd.DataFrame, episodes: pd.DataFrame) -> dict[str, Figure]:
    """The field before and after a whole layer is patched, and after a small set of it is, on a telling level.

    It is the largest maze of those where P(cheese) falls by within a tenth of the greatest fall.

    Args:
        patching: what is patched; its first layer is drawn.
        layers: rows of `LayerPatching`.
        episodes: rows of `EpisodeSets`; if the level has a set for 90%, that is drawn too.
    """
    layer = patching.layers[0]
    some = layers[(layers["metric"] == "p_cheese") & (layers["layer"] == layer)].set_index("seed")
    fall = some["recipient"] - some["donor"]
    mazes = [patching.levels.maze(int(seed)) for seed in fall.index[fall >= fall.max() - 0.1]]
    maze = max(mazes, key=lambda one: one.size)
    pair = make_pair(maze, patching.kind, patching.region)
    assert pair is not None
    run = run_pair(patching.policy, pair, layer, pair.between)
    n = run.whole.numel()
    masks = {"whole": run.whole}
    sets = episodes[(episodes["seed"] == maze.seed) & (episodes["layer"] == layer) & (episodes["share"] == 0.9)]
    for count in sets["count"]:
        masks["set"] = prefixes(episode_rankings(run, maze.seed)[0], [count], n).reshape(run.whole.shape)
    before, *after = run_states(patching.policy, pair, layer).patched(torch.cat([run.none, *masks.values()]))
    figures = {}
    for (name, mask), states in zip(masks.items(), after, strict=True):
        figure = change_figure(_field(before), _field(states), patching.region)
        words = f"{int(mask.sum()):,} of {n:,} activations of {short(layer)} patched on every square"
        figure.suptitle(f"{words}: {KINDS[patching.kind]}", x=0.01, ha="left", fontsize=11)
        figures[f"field_{name}"] = figure
    return figures


def _field(states: Evaluation) -> VectorField:
    """The vector field of the states in which the mouse faces left."""
    return VectorField(states.maze, states.squares, states.probs[:, 0], states.value[:, 0])


def _lines(figures: Mapping[str, Any], sets: pd.DataFrame | None) -> list[str]:
    lead = figures["unpatched"]["lead"]
    lines = [f"pairs: {figures['pairs']}", f"lead, recipient: {lead['recipient']}, donor: {lead['donor']}"]
    for (layer, share), some in () if sets is None else sets.groupby(["layer", "share"], sort=False):
        found = some.set_index("figure")
        count, random = (
            Estimate(int(row["n"]), row["mean"], row["low"], row["high"])
            for row in (found.loc["count"], found.loc["random"])
        )
        lines.append(f"{share:.0%} of the effect, {short(layer)}: median {count} activations; random sets: {random}")
    return lines
