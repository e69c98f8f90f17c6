"""Runs any study: claims the folder, measures or resumes, writes tables, pictures and `summary.json`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits
from typing_extensions import Self

from maze_interp.results.estimates import INTERVAL
from maze_interp.results.files import csv_text, json_text, write_whole
from maze_interp.results.run_directory import check_folder, run_directory
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.result import Result
from maze_interp.studies.section import Section
from maze_interp.studies.study import Study
from maze_interp.sweeps.experiment import Experiment, run_experiment
from maze_interp.sweeps.spread import check_workers, cluster, soon

Content = str | bytes | Path
"""Of a file, or the file that has it."""


@dataclass(frozen=True)
class Run:
    """A study under way.

    Attributes:
        folder: the run's folder.
        workers: processes to measure with, as in `Study.run`.
        scheduler: address of a dask scheduler, or None.
        tables: the rows measured so far, each with the file in which they lie.
    """

    folder: Path
    workers: int | None = 1
    scheduler: str | None = None
    tables: list[tuple[pd.DataFrame, Path]] = field(default_factory=list)

    def rows(self, experiment: Experiment, name: str | None = None) -> pd.DataFrame:
        """The rows of an experiment, kept in `rows/<name>`, ordered by level; they do not depend on the workers."""
        folder = self.folder / "rows" / (name or experiment.name)
        table = run_experiment(experiment, folder, self.workers, self.scheduler)
        self.tables.append((table, folder / f"{experiment.name}.csv"))
        return table


@dataclass(frozen=True)
class Measured:
    """All that a study's result is made of.

    Attributes:
        study: the study.
        settings: of the study.
        rows: what `Study.measure` returned.
        files: those of the rows that are the table of an experiment, by name.
    """

    study: Study
    settings: Mapping[str, Any]
    rows: Mapping[str, pd.DataFrame]
    files: Mapping[str, Path]

    @classmethod
    def of(cls, study: Study, run: Run, settings: Mapping[str, Any]) -> Self:
        """Measure a study, or go on with it."""
        rows = study.measure(run)
        files = {name: path for name, rows in rows.items() for table, path in run.tables if table is rows}
        return cls(study, settings, rows, files)

    def result(self) -> Result:
        """The result; its sums do not depend on the number of cores."""
        with threadpool_limits(1):
            result = self.study.summarise(self.rows)
        name, title = self.study.name, self.study.title
        command = self.study.command() if STUDIES.get(name) is type(self.study) else ""  # only those have a command
        return replace(result, name=name, title=title, command=command, settings=self.settings)

    def contents(self, result: Result) -> dict[str, Content]:
        """The files of the result by name: its tables, its pictures and `summary.json`.

        A table of rows as they were measured is the file of its experiment, byte for byte: read back, a column of
        whole numbers with gaps would be one of fractions.
        """
        measured = {id(self.rows[name]): path for name, path in self.files.items()}
        summary = {**result.settings, "command": result.command, "interval": INTERVAL, "figures": result.numbers}
        return {
            **{f"{name}.csv": measured.get(id(table)) or csv_text(table) for name, table in result.tables.items()},
            **{f"{name}.png": picture.png for name, picture in result.pictures.items()},
            "summary.json": json_text(summary),
        }


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
        measured = Measured.of(study, Run(folder, workers, scheduler), settings)
        result = replace(measured.result(), folder=out)
        if out is not None:
            _write(out, measured.contents(result))
    return result


def begin_study(study: Study, out: Path, workers: int | None, scheduler: str | None) -> Callable[[], Section]:
    """`run_study` for a page: measure now; a worker makes the result while the next study is measured.

    Returns:
        what waits for the result, writes its files and returns its section.
    """
    settings = study.settings()
    with _cpu_by_default(), run_directory(out, settings), cluster(workers, scheduler) as client:
        drawn = soon(client, _drawn, Measured.of(study, Run(out, workers, scheduler), settings))

    def finish() -> Section:
        with run_directory(out, settings):
            contents, section = drawn()
            _write(out, contents)
        return section

    return finish


def _drawn(measured: Measured) -> tuple[dict[str, Content], Section]:
    result = measured.result()
    return measured.contents(result), Section.of(result)


def _write(out: Path, contents: Mapping[str, Content]) -> None:
    for name, content in contents.items():
        write_whole(out / name, content.read_bytes() if isinstance(content, Path) else content)


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
