"""What a finished study yields: one sentence, numbers, tables and pictures; written to files, shown as HTML."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from maze_interp.plots.style import png


@dataclass(frozen=True)
class Picture:
    """A figure with the caption below it and, for those who cannot see it, what it shows."""

    figure: Figure
    caption: str
    alt: str

    @cached_property
    def png(self) -> bytes:
        """The figure as a PNG file, drawn once."""
        return png(self.figure)


@dataclass(frozen=True)
class Result:
    """What a study found.

    Attributes:
        statement: the result in one sentence, with the main numbers and their intervals.
        lines: the main figures, one line each: printed by the command, listed in the report.
        numbers: nested mappings whose leaves are of type `Estimate` or plain JSON values; written to `summary.json`.
        tables: every table by name; written as `<name>.csv`.
        pictures: by name, the main one first; written as `<name>.png`.
        captions: of the tables that the report shows, by table name, folded.
        notes: what the figures mean and what they do not, a paragraph each.
    """

    statement: str
    lines: Sequence[str] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    # Set by the runner.
    name: str = ""
    title: str = ""
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The pictures' matplotlib figures by name."""
        if "IPython" in sys.modules:  # a notebook shows figures as pictures once pyplot has set it up
            import matplotlib.pyplot  # noqa: F401
        return {name: picture.figure for name, picture in self.pictures.items()}

    @property
    def text(self) -> str:
        """The statement and the main figures, one line each."""
        return "\n".join((self.statement, *self.lines))

    def __repr__(self) -> str:
        """The statement, and the names of what there is."""
        return f"<{self.name or 'result'}: {self.statement} tables: {', '.join(self.tables) or 'none'}>"[:390]

    def _repr_html_(self) -> str:
        """For notebooks: as a section of the report, in a frame."""
        from maze_interp.studies.section import section

        return section(self, framed=True)
