"""Tables of estimates: made from estimates, turned into JSON, and prepared for reading."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import decimal

ENDS = ("n", "mean", "low", "high")
"""The columns of an estimate."""


def estimate_table(rows: Iterable[tuple[Mapping[str, Any], Estimate]]) -> pd.DataFrame:
    """A row per estimate: what it is of, then n, mean, low, high."""
    return pd.DataFrame([{**key, **estimate.as_dict()} for key, estimate in rows])


def cells(name: str, estimate: Estimate) -> dict[str, float | None]:
    """An estimate without its n as three cells of a row: `name`, `name_low`, `name_high`."""
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def bin_names(edges: Sequence[float]) -> list[str]:
    """Bins of whole numbers, each with its upper edge, in words: `1–2`, `3–8`, and `9 or more` up to infinity."""
    bins = ((low + 1, high) for low, high in pairwise(edges))
    return [f"{low:g}–{high:g}" if math.isfinite(high) else f"{low:g} or more" for low, high in bins]


def row_estimate(row: Mapping[str, Any] | pd.Series, name: str = "mean") -> Estimate:
    """The estimate in a row: of the columns n, mean, low, high, or of n and the `cells` of a name."""
    names = ENDS[1:] if name == "mean" else (name, f"{name}_low", f"{name}_high")
    mean, low, high = (None if pd.isna(row[end]) else float(row[end]) for end in names)
    return Estimate(int(row["n"]), mean, low, high)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON holds them, None for a missing value."""
    return list(table.astype(object).where(table.notna(), None).to_dict("records"))


def nested(table: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    """Nested mappings by the values of the key columns, in order; the leaves hold the other columns."""
    tree: dict[str, Any] = {}
    for row in records(table):
        branch = tree
        *path, last = (row.pop(key) for key in keys)
        for name in path:
            branch = branch.setdefault(name, {})
        branch[last] = row
    return tree


def readable(table: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """The table for people: estimates in one column, `mean [low, high]`; numbers rounded; nothing for a missing value.

    Columns `mean, low, high` become `mean`; `x, x_low, x_high` become `x`.
    """
    triples = {"mean": ("low", "high")} | {
        str(column): (f"{column}_low", f"{column}_high") for column in table.columns if f"{column}_low" in table
    }
    triples = {name: ends for name, ends in triples.items() if name in table and all(end in table for end in ends)}
    dropped = {end for ends in triples.values() for end in ends}
    shown = {}
    for column in table.columns:
        if column in dropped:
            continue
        values = [_cell(value, digits) for value in table[column]]
        if column in triples:
            low, high = ([_cell(value, digits) for value in table[end]] for end in triples[column])
            values = [f"{m} [{a}, {b}]" if a else m for m, a, b in zip(values, low, high, strict=True)]
        shown[str(column).replace("_", " ")] = values
    return pd.DataFrame(shown)


def _cell(value: Any, digits: int) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if isinstance(value, float):
        return decimal(value, 0 if value.is_integer() and abs(value) >= 2 else digits)
    return str(value)
