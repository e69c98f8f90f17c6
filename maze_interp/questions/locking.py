"""Locking a forecast: a hash and a time at its end, which show a later edit.

The hash shows that a file is as it was when locked. That it was locked before a resolution is shown by publishing
the hash then, in a commit or a message that others have dated: whoever can write the file could write another lock.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path

from maze_interp.documents import load_yaml
from maze_interp.results.files import write_whole
from maze_interp.validation import Document, Words, line_of, mistake


class Lock(Document):
    """When a forecast was locked (UTC, ISO 8601) and the SHA-256 of its text and that time, in hexadecimal."""

    time: Words
    sha256: Words


def check_lock(path: Path, lock: Lock | None) -> None:
    """Check that a forecast file is as it was when it was locked, and that its lock stands at its end.

    Raises:
        MazeInterpError: it was edited after that.
    """
    if lock is None:
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    end = line_of(path, "lock") - 1
    if "".join(lines[end:]) != _lock_text(lock) or lock.sha256 != _digest("".join(lines[:end]), lock.time):
        raise mistake(path, ["lock"], f"the file was edited after it was locked at {lock.time}; restore it to score it")


def lock_forecast(path: Path, time: datetime | None = None) -> Lock:
    """Stamp a forecast file with the time and a hash of its text, at its end.

    Args:
        path: a forecast file that loads.
        time: the time, with its zone; None for now.

    Raises:
        MazeInterpError: it is locked already.
    """
    if "lock" in load_yaml(path):
        raise mistake(path, ["lock"], "the file is locked already")
    moment = (time or datetime.now(timezone.utc)).astimezone(timezone.utc)
    text = path.read_text(encoding="utf-8").rstrip() + "\n\n"
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    lock = Lock(time=stamp, sha256=_digest(text, stamp))
    write_whole(path, text + _lock_text(lock))
    return lock


def _digest(text: str, time: str) -> str:
    return hashlib.sha256(f"{text}{time}".encode()).hexdigest()


def _lock_text(lock: Lock) -> str:
    return f"lock:\n  time: {lock.time}\n  sha256: {lock.sha256}\n"
