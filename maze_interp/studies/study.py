"""A study: a frozen dataclass whose fields are its options, which measures rows over levels and sums them up."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.display import Tabled
from maze_interp.studies.options import Mode, coerced, default_of, option_name, written

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.results.estimates import Estimate
    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True, repr=False)
class Study(Tabled, ABC):
    """What every study is. A subclass adds its options as fields with defaults, described in its docstring.

    The docstring's first line is the command's help, its attributes are the options' help.
    """

    name: ClassVar[str]
    """Of the command, the section of the report, the folder under `runs/` and, with underscores, the Python name."""
    title: ClassVar[str]
    """The heading of its section."""
    report_levels: ClassVar[int] = 0
    """Levels that it measures for a report of full size (1,000 levels); 0 for a study that the report leaves out."""

    def __init_subclass__(cls) -> None:
        cls.__repr__ = Tabled.__repr__  # type: ignore[method-assign]  # which dataclass would replace

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, coerced(type(self), field.name, getattr(self, field.name)))

    @abstractmethod
    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """The rows that the result is made of, by name: `run.rows(experiment)` measures or resumes each.

        Raises:
            MazeInterpError: too few levels qualify, or the options do not fit the agent.
        """

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """The result, from the rows of `measure`: unless overridden, by `summary.summarise(study, rows)` beside it."""
        result: Result = import_module(".summary", type(self).__module__.rpartition(".")[0]).summarise(self, rows)
        return result

    def comparison(self, rows: Mapping[str, pd.DataFrame]) -> Mapping[str, Estimate]:
        """The main figures for comparing agents, by name, from the rows of `measure`.

        Each is a share or a difference of shares, and missing where no level has it. A study without this method
        takes no part in comparisons.
        """
        return {}

    @classmethod
    def compared(cls) -> bool:
        """Whether it takes part in comparisons of agents."""
        return cls.comparison is not Study.comparison

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the figures, as plain JSON values: the run's identity."""

    def run(self, out: Path | str | None = None, workers: int | None = 1, scheduler: str | None = None) -> Result:
        """Measure and summarise; with a folder, resume a run that was stopped and write every file.

        Args:
            out: the run's folder; None keeps nothing on disk.
            workers: processes on this machine, 1 for the calling process, None for one per core.
            scheduler: address of a dask scheduler to use instead.

        Raises:
            MazeInterpError: the folder is another run's, or what `measure` raises.
        """
        from maze_interp.studies.runner import run_study

        return run_study(self, None if out is None else Path(out), workers, scheduler)

    def sized(self, levels: int) -> Self:
        """The same study on its first `levels` levels, as the report has it."""
        return self

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """The study as a part of the report on an agent; None leaves it out.

        Args:
            agent: a name or file.
            mode: the levels' distribution; None for the agent's own.
            share: size of the report, 1 for full size.
            sweeps: folders of the report's finished sweeps: `region` and `anywhere`.
        """
        return None

    def command(self) -> str:
        """The command line that makes exactly this study: the options that differ from their defaults."""
        parts = ["maze-interp", self.name]
        for field in fields(self):
            value = getattr(self, field.name)
            if value == coerced(type(self), field.name, default_of(field)) or value is None:
                continue
            name, text = option_name(field.name), written(value)
            parts += [name] if value is True else [f"{name}={text}"] if text.startswith("-") else [name, text]
        return shlex.join(parts)
