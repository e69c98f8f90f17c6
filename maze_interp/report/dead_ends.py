"""`deadends`: measure, sum up, draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from maze_interp.errors import MazeInterpError
from maze_interp.plots.dead_ends import dead_ends_figure
from maze_interp.plots.style import save
from maze_interp.studies.dead_ends import POLICIES, QUANTITIES, DeadEnds, dead_end_figures, dead_end_table, moves_lost
from maze_interp.sweeps.experiment import run_experiment, write_figures


def write_dead_ends(
    experiment: DeadEnds, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run the experiment and write `dead_ends.csv`, `by_depth.csv`, `summary.json` and `dead_ends.png`.

    Args:
        experiment: what is measured.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: no level has a dead end, or the folder is another run's.
    """
    rows = run_experiment(experiment, out, workers, scheduler)
    if not len(rows):
        raise MazeInterpError(f"none of the levels {experiment.levels.name} has a dead end; give more levels")
    table = dead_end_table(rows)
    figures = {policy: dead_end_figures(some) for policy, some in rows.groupby("policy", sort=False)}
    lost = moves_lost(rows)
    by_depth = table[table["depth"] != "any"]
    write_figures(
        out,
        experiment.settings,
        {"any_depth": figures, "moves_lost_per_episode": lost, "by_depth": _nested(by_depth)},
        {"by_depth": table},
    )
    save(dead_ends_figure(table), out / "dead_ends.png")
    lines = [
        f"{POLICIES[policy]}, {QUANTITIES[quantity]}: {one}"
        for policy, some in figures.items()
        for quantity, one in some.items()
    ]
    lost_lines = [f"{POLICIES[policy]}, moves of an episode in dead ends: {one}" for policy, one in lost.items()]
    return [*lines, *lost_lines, f"written to {out}"]


def _nested(table: pd.DataFrame) -> dict[str, Any]:
    """Policy → depth → quantity → figures."""
    found: dict[str, Any] = {}
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        policy, depth, quantity = (row.pop(name) for name in ("policy", "depth", "quantity"))
        found.setdefault(policy, {}).setdefault(depth, {})[quantity] = row
    return found
