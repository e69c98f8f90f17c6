"""Results as files, each written whole or not at all: see `maze_interp.writing`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from maze_interp.writing import PARTIAL as PARTIAL
from maze_interp.writing import write_whole as write_whole
from maze_interp.writing import write_with as write_with


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write a table without its index; missing values are empty cells. Returns the path."""
    return write_whole(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of `write_csv` to the last digit; empty cells are NaN."""
    return pd.read_csv(path, float_precision="round_trip")


def write_json(path: Path, content: Any) -> Path:
    """Write plain JSON values and whatever has `as_dict` (an `Estimate`); returns the path."""
    return write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"a result is an estimate or a plain value, not {value!r}")
