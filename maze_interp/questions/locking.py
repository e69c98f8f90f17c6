"""Locking a forecast: a hash and a time at its end, after which an edit of the file is found out.

The hash shows that a file is as it was when locked. That it was locked before a resolution is shown by publishing
the hash then, in a commit or a message that others have dated: whoever can write the file could write its lock anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from maze_interp.errors import MazeInterpError
from maze_interp.questions.documents import Entry, read_document
from maze_interp.results.files import write_whole


@dataclass(frozen=True)
class Lock:
    """When a forecast was locked (UTC, ISO 8601) and the SHA-256 of its text and that time, in hexadecimal."""

    time: str
    sha256: str


def read_lock(content: Entry) -> Lock | None:
    """The lock of a forecast file; None if it has none.

    Raises:
        MazeInterpError: the file was edited after its lock, or the lock is malformed or not at the end.
    """
    fields = content.children()
    if "lock" not in fields:
        return None
    entry = fields["lock"]
    parts = entry.fields(("time", "sha256"))
    lock = Lock(parts["time"].text(), parts["sha256"].text())
    lines = content.path.read_text(encoding="utf-8").splitlines(keepends=True)
    before, after = lines[: entry.line - 1], lines[entry.line - 1 :]
    if "".join(after) != _lock_text(lock) or lock.sha256 != _digest("".join(before), lock.time):
        raise entry.error(f"{content.path.name} was edited after it was locked at {lock.time}; restore it to score it")
    return lock


def lock_forecast(path: Path, time: datetime | None = None) -> Lock:
    """Stamp a forecast file with the time and a hash of its text, at its end.

    Args:
        path: a forecast file that loads.
        time: the time, with its zone; None for now.

    Raises:
        MazeInterpError: it is locked already, or was edited after that.
    """
    lock = read_lock(read_document(path, "forecast file"))
    if lock is not None:
        raise MazeInterpError(f"{path} is locked already, at {lock.time}")
    moment = (time or datetime.now(timezone.utc)).astimezone(timezone.utc)
    text = path.read_text(encoding="utf-8").rstrip() + "\n\n"
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    lock = Lock(stamp, _digest(text, stamp))
    write_whole(path, text + _lock_text(lock))
    return lock


def _digest(text: str, time: str) -> str:
    return hashlib.sha256(f"{text}{time}".encode()).hexdigest()


def _lock_text(lock: Lock) -> str:
    return f"lock:\n  time: {lock.time}\n  sha256: {lock.sha256}\n"
