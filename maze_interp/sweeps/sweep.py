"""`sweep`: exact behaviour over many levels, row by row to disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from maze_interp.edits.base import Edit
from maze_interp.measure.behaviour import HORIZON
from maze_interp.sweeps.levels import COLUMNS, LevelSet, level_rows
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.run_directory import RowFile, run_directory
from maze_interp.sweeps.spread import cluster, ordered

JOB = 16
"""Levels in one job. Fixed, because which levels share a batch must not depend on the machine."""


@dataclass(frozen=True)
class Sweep:
    """What is swept.

    Attributes:
        policy: the network.
        agent: its name, for the record.
        levels: the levels.
        edits: changes to the network's activations, in force throughout.
        horizon: moves in an episode.
    """

    policy: nn.Module
    agent: str
    levels: LevelSet
    edits: Sequence[Edit] = ()
    horizon: int = HORIZON

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the rows, as plain JSON values."""
        return {
            "command": "sweep",
            **provenance(self.policy, self.agent),
            "seeds": self.levels.name,
            "mode": self.levels.distribution_mode,
            "cheese": self.levels.cheese,
            "edits": [repr(edit) for edit in self.edits],
            "horizon": self.horizon,
        }


def run_sweep(sweep: Sweep, out: Path, workers: int | None = None, scheduler: str | None = None) -> Path:
    """Run a sweep, or go on with one that was stopped; the rows do not depend on the workers.

    Args:
        sweep: what to measure.
        out: the run's folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the path of `levels.csv`, complete.

    Raises:
        MazeInterpError: the folder is another run's, or the scheduler does not answer.
    """
    with run_directory(out, sweep.settings):
        seeds = sweep.levels.seeds
        rows = RowFile(out / "levels.csv", COLUMNS, JOB, len(seeds))
        jobs = [seeds[first : first + JOB] for first in range(rows.done, len(seeds), JOB)]
        if jobs:
            _run_jobs(sweep, jobs, rows, workers, scheduler)
        return rows.path


def _run_jobs(
    sweep: Sweep, jobs: list[Sequence[int]], rows: RowFile, workers: int | None, scheduler: str | None
) -> None:
    with (
        cluster(workers, scheduler) as client,
        tqdm(total=len(sweep.levels.seeds), initial=rows.done, unit="level") as bar,
    ):
        for done in ordered(client, _job, sweep, jobs):
            rows.append(done)
            bar.update(len(done))


def _job(sweep: Sweep, seeds: Sequence[int]) -> list[dict[str, Any]]:
    return level_rows(sweep.policy, sweep.levels, seeds, sweep.edits, sweep.horizon)
