"""The pictures of a result of `patch`, with their captions; the vector field of one level before and after."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from matplotlib.figure import Figure

from maze_interp.measure.field import field_of
from maze_interp.plots.field import change_figure
from maze_interp.results.text import short_layer
from maze_interp.studies.patch.figures import (
    channel_sets_figure,
    channels_figure,
    counts_figure,
    curves_figure,
    layers_figure,
    positions_figure,
)
from maze_interp.studies.patch.fixed_sets import episode_rankings
from maze_interp.studies.patch.pairs import KINDS, make_pair
from maze_interp.studies.patch.runs import run_pair, run_states
from maze_interp.studies.patch.smallest_set import prefixes
from maze_interp.studies.patch.study import Patch
from maze_interp.studies.result import Picture


def pictures(study: Patch, rows: Mapping[str, pd.DataFrame], tables: Mapping[str, pd.DataFrame]) -> dict[str, Picture]:
    """The pictures by name, from the rows of every experiment and the tables."""
    shown = {
        "by_count": Picture(
            curves_figure(tables["by_count"], list(tables["by_count"]["layer"].unique())),
            "The share of the effect on the probability difference as more activations are patched, by what they are "
            "ranked by; bands are 95% intervals.",
            "A panel per layer, one curve for each ranking, from one activation to the whole layer.",
        ),
        "by_layer": Picture(
            layers_figure(tables["by_layer"], study.policy.branches),
            "The share of the effect when a layer is patched around one place only, and when a residual branch is "
            "patched whole. Shares do not add up to the whole, because probabilities saturate.",
            "One line for each place over the depth of the network; points for each residual branch.",
        ),
    }
    if len(tables["by_channel"]):
        shown["by_channel"] = Picture(
            channels_figure(tables["by_channel"]),
            "Every channel patched alone, in the order of its effect on other levels.",
            "A panel per layer, a point with its interval for each channel.",
        )
    for layer in tables["by_position"]["layer"].unique():
        shown[f"by_position_{short_layer(layer)}"] = Picture(
            positions_figure(tables["by_position"], layer),
            f"Single positions of {short_layer(layer)} patched, by their offset from the two goals and the mouse.",
            "Three maps of shares of the effect; a cross marks the place.",
        )
    counts = {"on the decision square": rows["sets"], "on every square, whole episodes": rows["episodes"]}
    if known := {title: part for title, part in counts.items() if len(part)}:
        shown["counts"] = Picture(
            counts_figure(known),
            "How many activations it takes, a dot per level and a bar at the median.",
            "Dots on a log scale by layer and share of the effect.",
        )
    if "channel_sets" in tables:
        shown["channel_sets"] = Picture(
            channel_sets_figure(tables["channel_sets"]),
            "The same first channels patched in every level, in an order chosen on other levels, and random ones.",
            "A panel per layer, lines over the number of channels.",
        )
    for name, figure in field_figures(study, rows["layers"], rows["episodes"]).items():
        shown[name] = Picture(
            figure,
            "The vector field before and after the patch on every square, and the change, on a large maze of those "
            "where P(cheese) falls most.",
            "Three mazes with arrows: before, after, and the change, coloured by its size.",
        )
    return shown


def field_figures(study: Patch, layers: pd.DataFrame, episodes: pd.DataFrame) -> dict[str, Figure]:
    """The field before and after the first layer is patched whole, and after a small set of it is, on one level.

    It is the largest maze of those where P(cheese) falls by within a tenth of the greatest fall. From rows of
    `LayerPatching` and of `EpisodeSets`; if the level has a set for 90%, that is drawn too.
    """
    layer = study.paths[0]
    rows = layers[(layers["metric"] == "p_cheese") & (layers["layer"] == layer)].set_index("seed")
    fall = rows["recipient"] - rows["donor"]
    mazes = [study.levels().maze(int(seed)) for seed in fall.index[fall >= fall.max() - 0.1]]
    maze = max(mazes, key=lambda maze: maze.size)
    pair = make_pair(maze, study.kind, study.training_region)
    assert pair is not None
    run = run_pair(study.policy, pair, layer, pair.between)
    n = run.whole.numel()
    masks = {"whole": run.whole}
    sets = episodes[(episodes["seed"] == maze.seed) & (episodes["layer"] == layer) & (episodes["share"] == 0.9)]
    for count in sets["count"]:
        masks["set"] = prefixes(episode_rankings(run, maze.seed)[0], [count], n).reshape(run.whole.shape)
    before, *after = run_states(study.policy, pair, layer).patched(torch.cat([run.none, *masks.values()]))
    figures = {}
    for (name, mask), states in zip(masks.items(), after, strict=True):
        figure = change_figure(field_of(before), field_of(states), study.training_region)
        words = f"{int(mask.sum()):,} of {n:,} activations of {short_layer(layer)} patched on every square"
        figure.suptitle(f"{words}: {KINDS[study.kind]}", x=0.01, ha="left", fontsize=11)
        figures[f"field_{name}"] = figure
    return figures
