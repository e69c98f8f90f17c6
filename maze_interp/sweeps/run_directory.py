"""A folder that belongs to one run: it can be stopped at any moment and gone on with.

`run.json` says which run the folder belongs to; a command with other settings is refused. Rows go
to a CSV file in whole jobs and in order, so what a stop leaves is a prefix of the finished file.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maze_interp.errors import MazeInterpError

Row = Mapping[str, Any]

_PARTIAL = ".partial"


@contextmanager
def run_directory(out: Path, settings: Mapping[str, Any]) -> Iterator[Path]:
    """Claim `out` for the run with these settings, made or taken up again; yields the folder.

    Args:
        out: the folder; it is created if missing.
        settings: plain JSON values that decide the content of every file of the run.

    Raises:
        MazeInterpError: the folder belongs to a run with other settings (the message names the
            first that differs), holds something else, or is being written by another process.
    """
    if out.exists() and not out.is_dir():
        raise MazeInterpError(f"{out} is a file, not a folder to write a run to")
    out.mkdir(parents=True, exist_ok=True)
    record = out / "run.json"
    ours = {".lock", f"{record.name}{_PARTIAL}"}  # what a kill may leave before the run is recorded
    if not record.exists() and any(path.name not in ours for path in out.iterdir()):
        raise MazeInterpError(f"{out} holds other files and no run.json; choose an empty or new folder")
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MazeInterpError(f"another process is writing to {out}") from error
        if record.exists():
            _compare(record, settings)
        else:
            write_whole(record, json.dumps(settings, indent=1) + "\n")
        yield out


def _compare(record: Path, settings: Mapping[str, Any]) -> None:
    try:
        earlier = json.loads(record.read_text())
    except ValueError as error:
        raise MazeInterpError(f"{record} is damaged: {error}") from error
    wanted = json.loads(json.dumps(settings))
    for key in {**earlier, **wanted}:
        if earlier.get(key) != wanted.get(key):
            raise MazeInterpError(
                f"{record.parent} belongs to another run: its {key} is {earlier.get(key)!r}, not {wanted.get(key)!r}"
            )


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_text(text)
    partial.replace(path)


class RowFile:
    """A CSV file that grows by whole jobs of rows.

    Args:
        path: the file; it is created with a heading if missing.
        columns: the heading.
        job: rows in a job; a resumed file keeps only whole jobs.
        total: rows of the finished file, whose last job may be shorter.

    Attributes:
        done: rows in the file.

    Raises:
        MazeInterpError: the file has another heading.
    """

    def __init__(self, path: Path, columns: Sequence[str], job: int, total: int) -> None:
        self.path, self.columns = path, columns
        self.done = self._keep_whole_jobs(job, total) if path.exists() else 0
        if not self.done:
            path.write_text(self._lines([dict(zip(columns, columns, strict=True))]))

    def append(self, rows: Sequence[Row]) -> None:
        """Add the rows of one job at once."""
        with self.path.open("a", newline="") as file:
            file.write(self._lines(rows))
        self.done += len(rows)

    def _lines(self, rows: Sequence[Row]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self.columns, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def _keep_whole_jobs(self, job: int, total: int) -> int:
        with self.path.open("rb+") as file:
            heading = file.readline()
            if not heading.endswith(b"\n"):
                return 0
            if heading.decode().strip() != ",".join(self.columns):
                raise MazeInterpError(f"{self.path} has other columns than this run writes")
            done, keep = 0, file.tell()
            for number, line in enumerate(iter(file.readline, b""), 1):
                if line.endswith(b"\n") and (number % job == 0 or number == total):
                    done, keep = number, file.tell()
            file.truncate(keep)
        return done
