"""`resample`: choose channels, measure, write the figures and the picture."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode
from maze_interp.plots.ablation import resampling_figure
from maze_interp.plots.style import save
from maze_interp.studies.channels import CHOOSING, cheese_channels
from maze_interp.studies.resampling import QUANTITIES, SETS, SOURCES, Resampling, count_channels, resampling_figures
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.levels import LevelSet


def parse_channels(policy: nn.Module, layer: str, channels: str, mode: DistributionMode) -> tuple[int, ...]:
    """Channels from a command line: numbers with commas between them, or `"auto"`.

    "auto" is the channels that track the cheese best, at most half of the layer, so that as many are left.

    Raises:
        MazeInterpError: not of that form, or none tracks the cheese.
    """
    if channels == "auto":
        found = cheese_channels(policy, layer, LevelSet(CHOOSING.seeds, mode))[: count_channels(policy, layer) // 2]
        if not found:
            raise MazeInterpError(f"no channel of {layer} tracks the cheese; name some, such as 3,17")
        return found
    try:
        return tuple(int(channel) for channel in channels.split(","))
    except ValueError as error:
        raise MazeInterpError(f"channels are auto or numbers with commas between them, not {channels!r}") from error


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
