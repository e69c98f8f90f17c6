"""The result of `probe` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.probing.controls import PIXELS
from maze_interp.probing.examples import KNOWN
from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested
from maze_interp.results.text import percent, short_layer
from maze_interp.studies.probe.edits import edit_effects
from maze_interp.studies.probe.figures import (
    METRICS,
    TOP,
    curve_figure,
    parts_figure,
    table_figure,
    top_channels_figure,
)
from maze_interp.studies.probe.maps import edits_figure, places_figure
from maze_interp.studies.probe.study import Probe
from maze_interp.studies.probe.tables import (
    NETWORKS,
    figure_estimate,
    main_figures,
    main_metric,
    main_table,
    result_lines,
)
from maze_interp.studies.result import Picture, Result

_NOTES = (
    "A probe is a linear model fitted to activations on three quarters of the levels (or in folds) and scored on the "
    "others; no level is on both sides. That a probe predicts something does not show that the network uses it. "
    "Questions about an observation take the whole layer; questions about a square take the channels at its position, "
    "with the same weights everywhere.",
    "What a layer adds is its score above that of the picture itself (pixels) and of the same layer with random "
    "weights. Shuffled labels show the score without information; random labels per level, how much could be memory of "
    "levels. Where the learning curve still rises, more levels would raise the score.",
)


def summarise(study: Probe, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`; the rows are `tables.TABLES`, and `edits` where probes were tried as edits."""
    scores = rows["scores"]
    figures, tables = main_figures(scores), {"probes": scores, "places": rows["places"], "channels": rows["channels"]}
    pictures = _pictures(scores, rows["places"], WORLD_SIZE[study.recorded["mode"]])
    numbers: dict[str, Any] = dict(figures)
    if "edits" in rows:
        effects = edit_effects(rows["edits"])
        tables |= {"edits": rows["edits"], "edit_effects": effects}
        named = [f"{edit} × {c:g}" for edit, c in zip(effects["edit"], effects["coefficient"], strict=True)]
        numbers["edits"] = nested(effects.assign(edit=named).drop(columns="coefficient"), ["edit", "outcome"])
        pictures["edits"] = Picture(
            edits_figure(effects),
            "The directions of the probes as edits that move the represented cheese to the corner, and controls.",
            "Points with intervals: three probabilities under each edit.",
        )
    return Result(
        statement=_statement(figures, study.policy.default_layer),
        lines=result_lines(scores),
        numbers=numbers,
        tables={**tables, "main": main_table(figures)},
        pictures=pictures,
        captions={"main": "Every main score and its controls, on held-out levels"},
        notes=_NOTES,
    )


def _statement(figures: Mapping[str, Any], default_layer: str) -> str:
    layers = [layer for layer in figures if layer != PIXELS] or [PIXELS]
    layer = default_layer if default_layer in layers else layers[-1]
    target = next(iter(figures[layer]))
    found, metric = figures[layer][target], main_metric(target)
    beside = {
        "the picture itself": figures[PIXELS][target][metric] if layer != PIXELS and PIXELS in figures else None,
        "the layer with random weights": found.get("untrained") if NETWORKS not in found else None,
        "the layer in ten networks with random weights": found.get(NETWORKS),
        "the mean" if KNOWN[target].kind == "number" else "the most frequent label": found.get("majority"),
    }
    controls = ", ".join(f"{words} {_score(figure, metric)}" for words, figure in beside.items() if figure)
    return (
        f"Fitted to {counted(found[metric]['training_levels'], 'level')}, a linear probe of {short_layer(layer)} "
        f"predicts {target} on held-out levels with {METRICS[metric]} {_score(found[metric], metric)} ({controls})."
    )


def _score(figure: Mapping[str, Any], metric: str) -> str:
    estimate: Estimate = figure_estimate(figure)
    if estimate.mean is None:
        return "not known"
    return f"{estimate.mean:.3f}" if metric == "r2" else percent(estimate)


def _pictures(scores: pd.DataFrame, places: pd.DataFrame, world: int) -> dict[str, Picture]:
    pictures = {
        "table": Picture(
            table_figure(scores),
            "Scores of the probes of each layer (rows) for each target (columns), on other levels than fitted to.",
            "A table of coloured cells; its numbers are in the table below.",
        )
    }
    for target in dict.fromkeys(scores["target"]):
        own = scores[scores["target"] == target]
        if (own["part"] == "learning curve").any():
            pictures[f"curve.{target}"] = Picture(
                curve_figure(scores, target),
                f"{target}: scores on held-out levels by the number of levels fitted to.",
                "A line per layer, with intervals; controls are dotted.",
            )
        pictures[f"parts.{target}"] = Picture(
            parts_figure(scores, target),
            f"{target}: scores by the cheese's distance from the mouse and from the corner, and by the maze's size.",
            "Three panels, a line per layer.",
        )
        if own["part"].str.fullmatch(TOP).any():
            pictures[f"top_channels.{target}"] = Picture(
                top_channels_figure(scores, target),
                f"{target}: scores of probes of the best channels alone; hollow: an untrained network.",
                "A line per layer and network over the number of channels.",
            )
        if target.startswith("cheese_") and len(places) and (places["target"] == target).any():
            pictures[f"places.{target}"] = Picture(
                places_figure(places, target, world),
                f"{target}: share of right answers by the place of the cheese in procgen's world.",
                "A map per layer.",
            )
    return pictures
