"""`constructed`: measure, sum up, draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.errors import Unmeasurable
from maze_interp.mazes.maze import Maze
from maze_interp.plots.constructed import cheese_map_figure, detour_figure, pairs_figure
from maze_interp.plots.style import save
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.studies.constructed import (
    DETOUR,
    KINDS,
    OUTCOMES,
    SWAP,
    Constructed,
    cheese_map,
    detour_slope,
    detour_table,
    pair_table,
    swap_levels,
)
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.levels import LevelSet


def write_constructed(
    experiment: Constructed, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run the experiment and write its tables, `summary.json` and three pictures.

    Args:
        experiment: what is measured.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        Unmeasurable: no level allows any of the constructions, or the folder is another run's.
    """
    rows = run_experiment(experiment, out, workers, scheduler)
    if not len(rows):
        raise Unmeasurable(f"none of the levels {experiment.levels.name} allows a construction; give more levels")
    pairs, along, figures = pair_table(rows), detour_table(rows), constructed_figures(rows)
    write_figures(out, experiment.settings, {**figures, "pairs": _nested(pairs)}, {"pairs": pairs, "detours": along})
    if len(pairs):
        save(pairs_figure(pairs), out / "pairs.png")
    if len(along):
        save(detour_figure(along), out / "detours.png")
    maze = shown_level(experiment.levels)
    save(cheese_map_figure(maze, cheese_map(experiment.policy, maze), experiment.region), out / "cheese_map.png")
    lines = [f"{name.replace('_', ' ')}: {one}" for name, one in figures.items()]
    changes = pairs[(pairs["variant"] == "1 − 0") & (pairs["outcome"] == "p_cheese") & (pairs["kind"] != SWAP)]
    lines += [
        f"{KINDS[row.kind]}: change of {OUTCOMES['p_cheese']} {Estimate(row.n, row.mean, row.low, row.high)}"
        for row in changes.itertuples()
    ]
    return [*lines, f"written to {out}"]


def constructed_figures(rows: pd.DataFrame) -> dict[str, Estimate]:
    """`follows` and `switch` of swapped branches, and the slope of P(cheese) along a branch, over levels."""
    found: dict[str, Estimate] = {}
    if (rows["kind"] == SWAP).any():
        found |= {str(name): estimate(values) for name, values in swap_levels(rows).items()}
    if (rows["kind"] == DETOUR).any():
        found["p_cheese_per_step_off_the_way"] = detour_slope(rows)
    return found


def shown_level(levels: LevelSet) -> Maze:
    """The level whose map is shown: of the first 50, the one at the upper quartile of open squares."""
    mazes = [levels.maze(seed) for seed in levels.seeds[:50]]
    order = np.argsort([len(maze.squares) for maze in mazes], kind="stable")
    return mazes[int(order[(3 * len(order)) // 4])]


def _nested(table: pd.DataFrame) -> dict[str, Any]:
    """Kind → outcome → variant → figures."""
    found: dict[str, Any] = {}
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        kind, outcome, variant = (row.pop(name) for name in ("kind", "outcome", "variant"))
        found.setdefault(kind, {}).setdefault(outcome, {})[variant] = row
    return found
