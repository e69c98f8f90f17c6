"""Results as files, each written whole or not at all: see `maze_interp.writing`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from maze_interp.writing import PARTIAL as PARTIAL
from maze_interp.writing import write_whole as write_whole
from maze_interp.writing import write_with as write_with


def csv_text(table: pd.DataFrame) -> str:
    """A table without its index; missing values are empty cells."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write the `csv_text` of a table; returns the path."""
    return write_whole(path, csv_text(table))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of `write_csv` to the last digit; empty cells are NaN."""
    return pd.read_csv(path, float_precision="round_trip")


def json_text(content: Any) -> str:
    """Plain JSON values, and whatever has `as_dict` (an `Estimate`)."""
    return json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n"


def write_json(path: Path, content: Any) -> Path:
    """Write the `json_text` of values; returns the path."""
    return write_whole(path, json_text(content))


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"a result is an estimate or a plain value, not {value!r}")
