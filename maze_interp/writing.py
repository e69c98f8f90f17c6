"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of a file that is still being written; what a kill leaves under it is never read."""


def write_with(path: Path, write: Callable[[Path], object], durable: bool = False) -> Path:
    """Write a file whole or not at all; missing folders are made. Returns its path.

    `write` writes the content to the path that it is given, which replaces `path` once it is complete; `durable` waits
    until the disk has its bytes and its name, so that a power cut loses neither.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    try:
        write(partial)
        if durable:
            _sync(partial)
        partial.replace(path)
        if durable:
            _sync(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write text (UTF-8) or bytes to a file, whole or not at all; returns the path."""
    data = content.encode() if isinstance(content, str) else content
    return write_with(path, lambda partial: partial.write_bytes(data))


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
