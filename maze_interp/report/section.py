"""What a section of the report is made of. Numbers stand once, in `numbers`; text and tables only point at them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.figure import Figure

from maze_interp.results.estimates import Estimate

Unit = Literal["probability", "difference", "moves", "count"]
_UNITS: dict[Unit, str] = {"probability": "%", "difference": " points", "moves": " moves", "count": ""}


@dataclass(frozen=True)
class Number:
    """A measured number and how it is written.

    Attributes:
        estimate: mean, interval and number of levels; a figure of one level has no interval.
        unit: `"probability"` and `"difference"` (of probabilities) are written in percent.
    """

    estimate: Estimate
    unit: Unit = "probability"

    @property
    def mean(self) -> str:
        """The mean with one decimal and the unit."""
        return "no levels" if self.estimate.mean is None else self._write(self.estimate.mean) + _UNITS[self.unit]

    @property
    def interval(self) -> str:
        """The 95% interval in brackets; empty without one."""
        low, high = self.estimate.low, self.estimate.high
        return "" if low is None or high is None else f"[{self._write(low)}, {self._write(high)}]"

    def __str__(self) -> str:
        return f"{self.mean} {self.interval}".rstrip()

    def _write(self, value: float) -> str:
        sign = "+" if self.unit == "difference" else ""
        shown = round(value if self.unit in ("moves", "count") else 100 * value, 1) + 0.0  # + 0.0: no minus zero
        return f"{shown:{sign}.1f}".replace("-", "−")

    @property
    def as_dict(self) -> dict[str, Any]:
        """The unrounded figures as plain JSON values."""
        return {"unit": self.unit, **self.estimate.as_dict()}


def exact(value: float, unit: Unit = "probability") -> Number:
    """A figure of one level, which has no interval."""
    return Number(Estimate(1, value, None, None), unit)


Cell = str | int | float | Number | None


@dataclass(frozen=True)
class Table:
    """A table of the page, also written as CSV.

    Attributes:
        name: the CSV file's name, without suffix.
        caption: what it tables.
        headings: one per column.
        rows: cells; a `Number` is written with its interval.
        folded: whether the page shows it only when asked.
    """

    name: str
    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False

    def csv(self) -> str:
        """The table unrounded; a column with numbers becomes four: mean, low, high, n."""
        wide = [any(isinstance(row[column], Number) for row in self.rows) for column in range(len(self.headings))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            part
            for name, four in zip(self.headings, wide, strict=True)
            for part in ([name, f"{name}: low", f"{name}: high", f"{name}: n"] if four else [name])
        )
        for row in self.rows:
            writer.writerow(part for cell, four in zip(row, wide, strict=True) for part in _values(cell, four))
        return text.getvalue()


@dataclass(frozen=True)
class Picture:
    """A picture of the page, also written as PNG.

    Attributes:
        name: the file's name, without suffix.
        figure: the picture.
        caption: the text below it.
        alt: what it shows, for who cannot see it.
    """

    name: str
    figure: Figure
    caption: str
    alt: str


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: short and unique, of letters and hyphens: the anchor, and the key in `summary.json`.
        title: the heading.
        body: paragraphs. `{name}` stands for the number of that name; other braces are doubled.
        numbers: the figures of the section by name.
        pictures: shown after the text.
        tables: shown after the pictures.
        how_to_read: what a figure means, and what it does not.
        how_to_reproduce: command lines.
        details: long texts by title, folded away.
    """

    name: str
    title: str
    body: Sequence[str]
    numbers: Mapping[str, Number] = field(default_factory=dict)
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    how_to_read: Sequence[str] = ()
    how_to_reproduce: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


def _values(cell: Cell, four: bool) -> list[Any]:
    if isinstance(cell, Number):
        one = cell.estimate
        return [one.mean, one.low, one.high, one.n]
    return [cell, None, None, None] if four else [cell]
