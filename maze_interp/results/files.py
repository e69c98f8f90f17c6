"""Files that are written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

PARTIAL = ".partial"
"""Suffix of a file that is still being written; what a kill leaves under it is never read."""


def write_with(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file whole or not at all; missing folders are made.

    Args:
        path: the file.
        write: writes the content to the path that it is given, which replaces `path` once it is complete.

    Returns:
        the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    try:
        write(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write text (UTF-8) or bytes to a file, whole or not at all; returns the path."""
    data = content.encode() if isinstance(content, str) else content
    return write_with(path, lambda partial: partial.write_bytes(data))


def write_csv(path: Path, table: pd.DataFrame) -> Path:
    """Write a table without its index; missing values are empty cells. Returns the path."""
    return write_whole(path, table.to_csv(index=False, lineterminator="\n"))


def write_json(path: Path, content: Any) -> Path:
    """Write plain JSON values and whatever has `as_dict` (an `Estimate`); returns the path."""
    return write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"a result is an estimate or a plain value, not {value!r}")
