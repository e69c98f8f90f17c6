"""Runs any study: claims the folder, measures or resumes, writes tables, pictures and `summary.json`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from maze_interp.results.estimates import INTERVAL
from maze_interp.results.files import write_csv, write_json, write_whole
from maze_interp.results.run_directory import check_folder, run_directory
from maze_interp.studies.result import Result
from maze_interp.studies.study import Study
from maze_interp.sweeps.experiment import Experiment, run_experiment
from maze_interp.sweeps.spread import check_workers, cluster


@dataclass(frozen=True)
class Run:
    """A study under way.

    Attributes:
        folder: the run's folder.
        workers: processes to measure with, as in `Study.run`.
        scheduler: address of a dask scheduler, or None.
        files: where the rows measured so far lie, by the identity of their table.
    """

    folder: Path
    workers: int | None = 1
    scheduler: str | None = None
    files: dict[int, Path] = field(default_factory=dict)

    def rows(self, experiment: Experiment, name: str | None = None) -> pd.DataFrame:
        """The rows of an experiment, kept in `rows/<name>`, ordered by level; they do not depend on the workers."""
        folder = self.folder / "rows" / (name or experiment.name)
        table = run_experiment(experiment, folder, self.workers, self.scheduler)
        self.files[id(table)] = folder / f"{experiment.name}.csv"
        return table


def run_study(study: Study, out: Path | None, workers: int | None = 1, scheduler: str | None = None) -> Result:
    """Run a study, or go on with one that was stopped. See `Study.run`.

    With a folder, writes there: `summary.json`, each table as CSV, each picture as PNG, and the rows of every
    experiment under `rows/`.
    """
    check_workers(workers, scheduler)
    if out is not None:
        check_folder(out)
    settings = study.settings()  # refuses an unknown agent before the folder is claimed
    with _cpu_by_default(), _folder(out) as folder, run_directory(folder, settings), cluster(workers, scheduler):
        run = Run(folder, workers, scheduler)
        rows = study.measure(run)
        result = replace(
            study.summarise(rows),
            name=study.name,
            title=study.title,
            command=study.command(),
            settings=settings,
            folder=out,
        )
        if out is not None:
            write_result(result, out, run.files)
    return result


def write_result(result: Result, out: Path, files: Mapping[int, Path]) -> None:
    """Write the tables, pictures and `summary.json` of a result.

    A table of rows as they were measured is the file of its experiment, byte for byte: read back, a column of whole
    numbers with gaps would be one of fractions.
    """
    for name, table in result.tables.items():
        if (measured := files.get(id(table))) is not None:
            write_whole(out / f"{name}.csv", measured.read_bytes())
        else:
            write_csv(out / f"{name}.csv", table)
    for name, picture in result.pictures.items():
        write_whole(out / f"{name}.png", picture.png)
    summary = {**result.settings, "command": result.command, "interval": INTERVAL, "figures": result.numbers}
    write_json(out / "summary.json", summary)


def _cpu_by_default() -> AbstractContextManager[object]:
    """Tensors that a study makes begin on the CPU, whatever `torch.set_default_device` says."""
    import torch  # which options do not need

    return torch.device("cpu") if torch.get_default_device().type != "cpu" else nullcontext()


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="maze-interp-") as folder:
        yield Path(folder)
