"""The tables of a run: scores, places and channels, and the main figures of every layer and target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from maze_interp.probing.controls import PIXELS
from maze_interp.probing.examples import KNOWN
from maze_interp.probing.scoring import MAIN
from maze_interp.results.estimates import Estimate
from maze_interp.results.tables import records

TABLES = ("scores", "places", "channels")
"""The tables of a run.

Scores have a row per figure: layer, target, network (`"agent"`, `"untrained"`, or `NETWORKS`: several untrained ones,
whose n and interval are over networks), labels (`"true"`, `"shuffled"`, `"random"` ones per level, or `"majority"` for
the guess without features), training_levels, part (of the observations), metric, n (levels), value, low, high. Places
hold the accuracy by the cheese's square in procgen's world: layer, target, x, y, levels, n, accuracy. Channels hold the
share of a probe's output that comes from each.
"""

NETWORKS = "untrained networks"
"""In the column `network`: several with random weights; of the layer studied by default."""

CONTROLS = ("untrained", "shuffled", "random", "majority")
"""What stands beside a score: random weights, shuffled labels, random labels per level, the most frequent label."""


def gathered(parts: Sequence[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """The tables, from the rows of every layer and target."""
    return {name: pd.DataFrame([row for part in parts for row in part[name]]) for name in TABLES}


def main_figures(scores: pd.DataFrame) -> dict[str, Any]:
    """The figures of every layer and target, and the main one of each control: layer → target → name → figure."""
    figures: dict[str, Any] = {}
    whole = scores[scores["part"] == "all"]
    for row in records(whole):
        control = row["labels"] if row["network"] == "agent" else row["network"]
        if control == "true" or row["metric"] == main_metric(row["target"]):
            name = row["metric"] if control == "true" else control
            figure = {"mean": row["value"], **{key: row[key] for key in ("low", "high", "n", "training_levels")}}
            figures.setdefault(row["layer"], {}).setdefault(row["target"], {})[name] = figure
    return figures


def main_table(figures: Mapping[str, Any]) -> pd.DataFrame:
    """The main score of every layer and target with its interval, and those of the controls beside it."""
    rows = []
    for layer, targets in figures.items():
        for target, found in targets.items():
            main = found[main_metric(target)]
            controls = {name: found[name]["mean"] if name in found else None for name in CONTROLS}
            rows.append({"layer": layer, "target": target, **figure_estimate(main).as_dict(), **controls})
    return pd.DataFrame(rows)


def main_metric(target: str) -> str:
    """The metric that stands for a target in pictures and summaries."""
    return MAIN[KNOWN[target].kind]


def result_lines(scores: pd.DataFrame) -> list[str]:
    """The main figures in words, a line for each layer and target; those of the picture itself last."""
    lines = []
    for layer, targets in sorted(main_figures(scores).items(), key=lambda item: item[0] == PIXELS):
        for target, figures in targets.items():
            names = (main_metric(target), "x_accuracy", "y_accuracy", "located")
            shown = {name: figures[name] for name in names if name in figures}
            own = ", ".join(f"{name.replace('_', ' ')} {figure_estimate(one)}" for name, one in shown.items())
            beside = ", ".join(
                f"{name} {figures[name]['mean']:.3f}"
                for name in (NETWORKS if NETWORKS in figures else "untrained", "majority", "shuffled")
                if name in figures and figures[name]["mean"] is not None
            )
            lines.append(f"{target} at {layer}: {own}; {beside}")
    return lines


def figure_estimate(figure: Mapping[str, Any]) -> Estimate:
    """A figure of `main_figures` as an estimate."""
    return Estimate(**{key: figure[key] for key in ("n", "mean", "low", "high")})
