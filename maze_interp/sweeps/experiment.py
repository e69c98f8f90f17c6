"""An experiment: one table, some rows of it from every level, spread over processes and resumed after any stop."""

from __future__ import annotations

import dataclasses
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from torch import nn
from tqdm import tqdm

from maze_interp.arguments import shown
from maze_interp.edits.base import Edit
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.policies.identity import code_hash
from maze_interp.results.files import read_csv, write_whole, write_with
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.spread import cluster, ordered

Row = Mapping[str, Any]

_finished: ContextVar[dict[str, Path] | None] = ContextVar("finished", default=None)  # tables by settings


@dataclass(frozen=True)
class Experiment(ABC):
    """What a policy does on each of many levels. A subclass adds its own settings as fields."""

    name: ClassVar[str]
    """Of the experiment and, with `.csv`, of its table."""
    columns: ClassVar[Sequence[str]]
    """Of the table, after `seed`."""
    batch: ClassVar[int] = 1
    """Levels measured together. Fixed, because which levels share a batch must not depend on the machine."""

    policy: nn.Module
    agent: str
    levels: LevelSet

    @abstractmethod
    def rows(self, maze: Maze) -> Sequence[Row]:
        """The rows of one level, in an order that depends on nothing else; none if it does not qualify."""

    def rows_of_levels(self, mazes: Sequence[Maze]) -> Sequence[Sequence[Row]]:
        """The rows of each of some levels, at most `batch`; one level after the other unless overridden."""
        return [self.rows(maze) for maze in mazes]

    def prepare(self) -> None:  # noqa: B027  # most need nothing
        """Compute what the levels share, once: a cached property goes to the workers with the experiment."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the rows, as plain JSON values."""
        own = [field.name for field in dataclasses.fields(self) if field.name not in ("policy", "agent", "levels")]
        code = code_hash(type(self))
        return {
            "experiment": self.name,
            **({"code": code} if code else {}),
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

    The table, ordered by level, is kept as `<name>.csv` in the folder `out`; empty cells are NaN.

    Raises:
        MazeInterpError: the folder is another run's, or the scheduler does not answer.
    """
    settings, finished = experiment.settings, _finished.get()
    with run_directory(out, settings):
        table, parts = out / f"{experiment.name}.csv", out / "parts"
        same = json.dumps(settings, sort_keys=True)
        if not table.exists() and finished and same in finished:
            write_whole(table, finished[same].read_bytes())
        elif not table.exists():
            _run_jobs(experiment, parts, workers, scheduler)
            write_with(table, lambda path: _gather(experiment, parts, path))
        shutil.rmtree(parts, ignore_errors=True)
        if finished is not None:
            finished[same] = table
        return read_csv(table)


@contextmanager
def each_once() -> Iterator[None]:
    """Within the context an experiment of the same settings as an earlier one copies its rows."""
    token = _finished.set({})
    try:
        yield
    finally:
        _finished.reset(token)


def _jobs(experiment: Experiment) -> list[Sequence[int]]:
    seeds, size = experiment.levels.seeds, experiment.batch
    return [seeds[first : first + size] for first in range(0, len(seeds), size)]


def _run_jobs(experiment: Experiment, parts: Path, workers: int | None, scheduler: str | None) -> None:
    parts.mkdir(exist_ok=True)
    missing = [job for job in _jobs(experiment) if not _part(parts, job).exists()]
    if not missing:
        return
    experiment.prepare()
    levels, name = len(experiment.levels.seeds), f"{experiment.name}, {experiment.levels.distribution_mode} mode"
    with (
        cluster(workers, scheduler) as client,
        tqdm(total=levels, initial=levels - sum(map(len, missing)), unit="level", desc=name) as bar,
    ):
        for job, rows in zip(missing, ordered(client, _measure, experiment, missing), strict=True):
            text = "".join(_lines(seed, of_level, experiment.columns) for seed, of_level in zip(job, rows, strict=True))
            write_whole(_part(parts, job), text)
            bar.update(len(job))


def _measure(experiment: Experiment, job: Sequence[int]) -> Sequence[Sequence[Row]]:
    return experiment.rows_of_levels([experiment.levels.maze(seed) for seed in job])


def _gather(experiment: Experiment, parts: Path, table: Path) -> None:
    with table.open("w", newline="") as file:
        file.write(",".join(("seed", *experiment.columns)) + "\n")
        for job in _jobs(experiment):
            file.write(_part(parts, job).read_text())


def _part(parts: Path, job: Sequence[int]) -> Path:
    return parts / f"{job[0]}.csv"


def _lines(seed: int, rows: Sequence[Row], columns: Sequence[str]) -> str:
    for row in rows:
        if row.keys() != set(columns):
            raise AssertionError(f"a row has {sorted(row)}, the table {sorted(columns)}")
    table = pd.DataFrame(rows, columns=list(columns))
    table.insert(0, "seed", seed)
    return str(table.to_csv(index=False, header=False, lineterminator="\n"))


def _plain(value: Any) -> Any:
    """A setting as JSON holds it: numbers and words as they are, lists by element, anything else by its repr.

    Raises:
        MazeInterpError: a repr that says where an object lies in memory or leaves numbers out.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if " at 0x" in (text := repr(value)) or "..." in text:
        raise MazeInterpError(f"{shown(value)} does not say all that it is, so the record of a run could not name it")
    code = code_hash(value) if isinstance(value, Edit) else None
    return f"{text} {code}" if code else text
