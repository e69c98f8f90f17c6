"""`values`: measure, sum up, draw."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from maze_interp.plots.style import save
from maze_interp.plots.values import values_figure
from maze_interp.studies.values import NETWORKS, QUANTITIES, SQUARES, ValueAgreement, value_figures
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.spread import cluster


def write_values(
    anywhere: ValueAgreement,
    trained: ValueAgreement,
    out: Path,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[str]:
    """Run both experiments and write `values.csv`, `summary.json` and `values.png`.

    Args:
        anywhere: on held-out levels, the cheese anywhere: the decision square and all squares.
        trained: on levels as in training: squares of the region.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the folder is another run's.
    """
    with cluster(workers, scheduler):
        rows = value_rows(anywhere, trained, out)
    figures = value_figures(rows)
    settings = {**anywhere.settings, "trained_seeds": trained.levels.name, "trained_cheese": trained.levels.cheese}
    write_figures(out, settings, figures, {"values": rows})
    save(values_figure(figures), out / "values.png")
    lines = [
        f"{NETWORKS[network]}, {SQUARES[squares]}, {QUANTITIES[quantity]}: {one}"
        for network, by_squares in figures.items()
        for squares, some in by_squares.items()
        for quantity, one in some.items()
        if quantity in QUANTITIES
    ]
    return [*lines, f"written to {out}"]


def value_rows(anywhere: ValueAgreement, trained: ValueAgreement, out: Path) -> pd.DataFrame:
    """Rows of both experiments, each with the sets of squares that it is for."""
    test = run_experiment(anywhere, out / "anywhere")
    train = run_experiment(trained, out / "trained")
    return pd.concat([test[test["squares"] != "region"], train[train["squares"] == "region"]], ignore_index=True)
