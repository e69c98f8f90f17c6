"""An experiment: one table, some rows of it from every level, spread over processes and resumed after any stop."""

from __future__ import annotations

import dataclasses
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from torch import nn
from tqdm import tqdm

from maze_interp.mazes.maze import Maze
from maze_interp.sweeps.intervals import Estimate
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.run_directory import Row, run_directory, write_whole
from maze_interp.sweeps.spread import cluster, ordered


@dataclass(frozen=True)
class Experiment(ABC):
    """What is measured on each of many levels. A subclass adds its own settings as fields.

    Attributes:
        policy: the network.
        agent: its name, for the record.
        levels: the levels.
    """

    name: ClassVar[str]
    """Of the experiment and, with `.csv`, of its table."""
    columns: ClassVar[Sequence[str]]
    """Of the table, after `seed`."""

    policy: nn.Module
    agent: str
    levels: LevelSet

    @abstractmethod
    def rows(self, maze: Maze) -> Sequence[Row]:
        """The rows of one level, in an order that depends on nothing else; none if it does not qualify."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the rows, as plain JSON values."""
        own = [field.name for field in dataclasses.fields(self) if field.name not in ("policy", "agent", "levels")]
        return {
            "experiment": self.name,
            **provenance(self.policy, self.agent),
            "seeds": self.levels.name,
            "mode": self.levels.distribution_mode,
            "cheese": self.levels.cheese,
            **{name: _plain(getattr(self, name)) for name in own},
        }


def run_experiment(
    experiment: Experiment, out: Path, workers: int | None = None, scheduler: str | None = None
) -> pd.DataFrame:
    """Run an experiment, or go on with one that was stopped; the rows do not depend on the workers.

    Args:
        experiment: what to measure.
        out: the run's folder; the table is `<name>.csv` in it.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the table, ordered by level; empty cells are NaN.

    Raises:
        MazeInterpError: the folder is another run's, or the scheduler does not answer.
    """
    with run_directory(out, experiment.settings):
        table = out / f"{experiment.name}.csv"
        if not table.exists():
            parts = out / "parts"
            parts.mkdir(exist_ok=True)
            _run_levels(experiment, parts, workers, scheduler)
            whole = "".join(_part(parts, seed).read_text() for seed in experiment.levels.seeds)
            write_whole(table, ",".join(("seed", *experiment.columns)) + "\n" + whole)
            shutil.rmtree(parts)
        return pd.read_csv(table)


def write_figures(
    out: Path, settings: Mapping[str, Any], figures: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> None:
    """Write `summary.json` and one CSV file per table beside the table of an experiment.

    Args:
        out: the run's folder.
        settings: of the experiment.
        figures: nested mappings whose leaves are `Estimate`s or plain JSON values.
        tables: by file name without suffix.
    """
    for name, table in tables.items():
        write_whole(out / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    summary = {**settings, "interval": "95%, bootstrap over levels, 2000 resamples, seed 0", "figures": figures}
    write_whole(out / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False, default=_figure) + "\n")


def _run_levels(experiment: Experiment, parts: Path, workers: int | None, scheduler: str | None) -> None:
    seeds = experiment.levels.seeds
    missing = [seed for seed in seeds if not _part(parts, seed).exists()]
    if not missing:
        return
    with (
        cluster(workers, scheduler) as client,
        tqdm(total=len(seeds), initial=len(seeds) - len(missing), unit="level", desc=experiment.name) as bar,
    ):
        for seed, rows in zip(missing, ordered(client, _level, experiment, missing), strict=True):
            write_whole(_part(parts, seed), _lines(seed, rows, experiment.columns))
            bar.update()


def _level(experiment: Experiment, seed: int) -> Sequence[Row]:
    return experiment.rows(experiment.levels.maze(seed))


def _part(parts: Path, seed: int) -> Path:
    return parts / f"{seed}.csv"


def _lines(seed: int, rows: Sequence[Row], columns: Sequence[str]) -> str:
    for row in rows:
        if row.keys() != set(columns):
            raise AssertionError(f"a row has {sorted(row)}, the table {sorted(columns)}")
    table = pd.DataFrame(rows, columns=list(columns))
    table.insert(0, "seed", seed)
    return str(table.to_csv(index=False, header=False, lineterminator="\n"))


def _plain(value: Any) -> Any:
    """A setting as JSON holds it: numbers and words as they are, lists by element, anything else by its repr."""
    if value is None or isinstance(value, str | int | float):
        return value
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else repr(value)


def _figure(value: Any) -> Any:
    if isinstance(value, Estimate):
        return value.as_dict()
    raise TypeError(f"a figure is an estimate or a plain value, not {value!r}")
