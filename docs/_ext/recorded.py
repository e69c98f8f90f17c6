"""Reads recorded results for the pages: runs, resolutions of questions, agents' cards.

An address names a value; its parts stand between colons:

- `NAME:TABLE.csv:ROW[:COLUMN]`, a cell of a run's table. ROW is `value; value; column=value`, and exactly one row has
  them all; a value without its column is in a column before `n`. COLUMN is `mean` unless given, and brings its ends.
- `NAME:summary.json:KEY/KEY/…`, an estimate among the figures of a run's summary, or another of its numbers.
- `resolutions:AGENT:QUESTION:FIGURE`, a figure of a resolution in `data/resolutions`.
- `cards:AGENT:LEVELS`, a row of the table on an agent's card; `default` is the default agent.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.errors import MazeInterpError
from maze_interp.results.files import read_csv
from maze_interp.results.numbers import decimal

ROOT = Path(__file__).parent.parent.parent
FINDINGS = ROOT / "docs" / "findings"
RESULTS = FINDINGS / "results"


@dataclass(frozen=True)
class Measured:
    """A number with the ends of its interval and its n, or a text; None for what there is not."""

    mean: float | str
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return written(self.mean)
        mean, low, high = written(self.mean, self.low, self.high).split("|")
        return f"{mean} [{low}, {high}]"


def written(*numbers: float | str) -> str:
    """Numbers as pages write them, alike, with `|` between; a text as it is."""
    if any(isinstance(number, str) for number in numbers):
        return "|".join(map(str, numbers))
    largest = max(abs(float(number)) for number in numbers)
    if (largest >= 2 or not largest) and all((2 * float(number)).is_integer() for number in numbers):  # counts, medians
        return "|".join(f"{float(number):,g}" for number in numbers).replace("-", "−")
    digits = 1 if largest >= 10 else 3
    return "|".join(decimal(float(number), digits, ",") for number in numbers)


def shown(role: str, found: Measured) -> str:
    """A value as its role writes it.

    Raises:
        MazeInterpError: an n is asked for and none is recorded.
    """
    if role == "n":
        if found.n is None:
            raise MazeInterpError("no n is recorded for this value")
        return f"{found.n:,}"
    if role == "percent":
        return f"{decimal(100 * float(found.mean))}%"
    return str(found) if role == "figure" else written(found.mean)


@lru_cache
def runs() -> dict[str, str]:
    """The command of each run of `runs.yaml`, by name, in order."""
    return {name: " ".join(command.split()) for name, command in yaml.safe_load(_text(FINDINGS / "runs.yaml")).items()}


def inputs(command: str) -> list[str]:
    """The runs whose folders a command reads."""
    return re.findall(r"runs/findings/([\w-]+)", command)


@lru_cache
def summary(run: str) -> dict[str, Any]:
    """The summary of a run; its `command` is the one that made it."""
    content: dict[str, Any] = json.loads(_text(_file(run, "summary.json")))
    return content


def agents(content: dict[str, Any]) -> list[tuple[str, str]]:
    """The agents of a summary, each with the hash of its weights."""
    parts = [content, *content.get("agents", [])]
    return [(part["agent"], part["agent_hash"]) for part in parts if part.get("agent_hash")]


@lru_cache
def table(run: str, name: str) -> pd.DataFrame:
    """A table of a run."""
    _text(_file(run, name))
    return read_csv(_file(run, name))


def look_up(address: str) -> Measured:
    """The value at an address.

    Raises:
        MazeInterpError: there is none, or there are several; the message says where the search ended.
    """
    source, *parts = (part.strip() for part in address.split(":"))
    if source == "resolutions" and len(parts) == 3:
        return _resolved(*parts)
    if source == "cards" and len(parts) == 2:
        return _entry(cards(_agent(parts[0])), parts[1], f"the card of {_agent(parts[0])}")
    if len(parts) == 2 and parts[0].endswith(".json"):
        return _in_summary(source, parts[1])
    if len(parts) in (2, 3) and parts[0].endswith(".csv"):
        return cell(table(source, parts[0]), *parts[1:])
    raise MazeInterpError(f"{address!r} is no address of a recorded value; docs/_ext/recorded.py says what is")


def cell(frame: pd.DataFrame, row: str, column: str = "mean") -> Measured:
    """The cell of the one row with the values that the text names."""
    rows = frame[[matches(record, row) for record in frame.astype(object).to_dict("records")]]
    if len(rows) != 1:
        raise MazeInterpError(f"{len(rows)} rows have {row!r}, not 1")
    found = rows.iloc[0]
    if column not in frame:
        raise MazeInterpError(f"there is no column {column!r}, only {', '.join(map(str, frame.columns))}")
    return in_row(found, column)


def in_row(row: pd.Series, column: str) -> Measured:
    """A cell with its n and the ends of its interval."""
    if pd.isna(row[column]):
        raise MazeInterpError(f"the cell in {column!r} is empty")
    found = [None if pd.isna(row[end]) else float(row[end]) for end in ends(list(row.index), column)]
    low, high = found or (None, None)
    return Measured(row[column], low, high, int(row["n"]) if "n" in row and not pd.isna(row["n"]) else None)


def ends(columns: list[str], column: str) -> tuple[str, ...]:
    """The columns of an interval: `X_low`, `X_high` of `X` or `X_mean`, or `low, high` right after the column."""
    name = column.removesuffix("_mean")
    if f"{name}_low" in columns:
        return f"{name}_low", f"{name}_high"
    return ("low", "high") if columns[columns.index(column) + 1 :][:2] == ["low", "high"] else ()


def matches(record: dict[str, Any], row: str) -> bool:
    """Whether a row of a table has the values that a text names, or those of one of several texts with `or` between."""
    names = list(record)
    keys = names[: names.index("n")] if "n" in names else names
    groups = [[part.strip() for part in group.split(";") if part.strip()] for group in row.split(" or ")]
    return any(all(_has(record, keys, part) for part in group) for group in groups)


def _has(record: dict[str, Any], keys: list[str], part: str) -> bool:
    column, equals, value = part.partition("=")
    if equals and column in record:
        return any(_same(record[column], option) for option in value.split("|"))
    return any(_same(record[key], part) for key in keys)


def _same(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    try:
        return math.isclose(float(value), float(text.replace("−", "-")))
    except ValueError:
        return False


def cards(agent: str) -> dict[str, Measured]:
    """The table on an agent's card, by the levels measured; `size 15, …` and `…, size 15` are the same."""
    found = {}
    number = r"([\d.]+)"
    for levels, n, mean, low, high in re.findall(
        rf"^\| (.+?) \| (\d+) \| {number} \| {number} – {number} \|$",
        _text(ROOT / "agents" / agent / "README.md"),
        re.M,
    ):
        size = re.fullmatch(r"(size \d+), (.+)", levels)
        found[f"{size[2]}, {size[1]}" if size else levels] = Measured(float(mean), float(low), float(high), int(n))
    return found


@lru_cache
def resolution(agent: str) -> dict[str, Any]:
    """What `questions resolve` measured of an agent."""
    content: dict[str, Any] = yaml.safe_load(_text(ROOT / "data" / "resolutions" / f"{agent}.yaml"))
    return content


def _agent(name: str) -> str:
    return DEFAULT_AGENT if name == "default" else name


def _resolved(agent: str, question: str, figure: str) -> Measured:
    answers = resolution(_agent(agent))["answers"]
    figures = _entry(answers, question, f"the resolution of {_agent(agent)}")["figures"]
    found = _entry(figures, figure, question)
    return Measured(found["value"], found.get("low"), found.get("high"), found.get("n"))


def _in_summary(run: str, path: str) -> Measured:
    found = {**summary(run), **summary(run)["figures"]}
    for key in path.split("/"):
        found = _entry(found, key.strip(), f"the summary of {run}")
    if not isinstance(found, dict):
        return Measured(found)
    return Measured(found["mean"], found.get("low"), found.get("high"), found.get("n"))


def _entry(mapping: dict[str, Any], key: str, where: str) -> Any:
    if key not in mapping:
        raise MazeInterpError(f"{where} has no {key!r}, only {', '.join(map(str, mapping))}")
    return mapping[key]


def _file(run: str, name: str) -> Path:
    if run not in runs():
        raise MazeInterpError(f"{run!r} is no run of docs/findings/runs.yaml, which has {', '.join(runs())}")
    return RESULTS / run / name


def _text(path: Path) -> str:
    if not path.is_file():
        raise MazeInterpError(f"{path.relative_to(ROOT)} is missing; `make findings` makes the results of runs")
    return path.read_text(encoding="utf-8")
