"""`resample`: choose channels, measure, write the figures and the picture."""

from __future__ import annotations

from pathlib import Path

from maze_interp.plots.ablation import resampling_figure
from maze_interp.plots.style import save
from maze_interp.studies.resampling import QUANTITIES, SETS, SOURCES, Resampling, resampling_figures
from maze_interp.sweeps.experiment import run_experiment, write_figures


def write_resampling(
    experiment: Resampling, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run the experiment and write `resampling.csv`, `summary.json` and `resampling.png`.

    Args:
        experiment: what is measured.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the folder is another run's.
    """
    figures = resampling_figures(run_experiment(experiment, out, workers, scheduler))
    sets = {f"{name} {draw}": list(channels) for (name, draw), channels in experiment.sets.items()}
    write_figures(out, {**experiment.settings, "sets": sets}, figures, {})
    save(resampling_figure(figures), out / "resampling.png")
    names = {"tv": "total variation distance", "changed": "greedy moves changed"}
    lines = [
        f"{names[quantity]}, {name} channels from a level with the {source} cheese square: "
        f"{figures[quantity][name][source]}"
        for quantity in QUANTITIES
        for name in SETS
        for source in SOURCES
    ]
    return [f"channels {', '.join(map(str, experiment.channels))} of {experiment.layer}", *lines, f"written to {out}"]
