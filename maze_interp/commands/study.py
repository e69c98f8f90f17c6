"""Runs any study from the command line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from maze_interp.commands.options import Command, study_command
from maze_interp.studies.options import Positive
from maze_interp.studies.study import Study


@cache
def command_of(study: type[Study]) -> Command:
    """The command of a study: its own options and those of every run."""

    def options(
        out: Path = Path("runs") / study.name, workers: Positive | None = None, scheduler: str | None = None
    ) -> None:
        """Where a run is written and what measures it.

        Args:
            out: Folder for summary.json, tables, pictures and rows; a stopped run in it is resumed.
            workers: Processes on this machine; one per core unless given.
            scheduler: Address of a dask scheduler, tcp://host:port, to use instead of processes here.
        """

    return study_command(study, run, options)


def run(study: Study, out: Path, workers: int | None, scheduler: str | None) -> None:
    """Run the study and print its main figures."""
    result = study.run(out, workers, scheduler)
    print(result.statement, *result.lines, f"written to {out}", sep="\n")
