"""A folder that belongs to one run: the run can be stopped at any moment and resumed.

`run.json` says which run the folder belongs to; a run with other settings is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from maze_interp.documents import load_json
from maze_interp.errors import MazeInterpError
from maze_interp.results.files import PARTIAL, write_whole

RECORD = "run.json"
"""The file that says which run a folder belongs to."""

_OWN = {".lock", RECORD, f"{RECORD}{PARTIAL}"}  # what a kill may leave before the run is recorded
_claimed: ContextVar[tuple[Path, ...]] = ContextVar("claimed", default=())


@contextmanager
def run_directory(out: Path, settings: Mapping[str, Any]) -> Iterator[Path]:
    """Claim `out` for the run with these settings, new or resumed; yields the folder.

    The settings, plain JSON values, decide the content of every file of the run.

    Raises:
        MazeInterpError: the folder belongs to a run with other settings (the message names the
            first that differs), lies in that of another one, holds something else, cannot be written to, or is
            being written by another process.
            A run that raises this before it has written anything does not keep the folder.
    """
    check_folder(out)
    missing = [folder for folder in (out.resolve(), *out.resolve().parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MazeInterpError(f"another process is writing to {out}") from error
        if record.exists():
            _compare(record, settings)
        else:
            write_whole(record, json.dumps(settings, indent=1) + "\n")
        token = _claimed.set((*_claimed.get(), out.resolve()))
        try:
            yield out
        except MazeInterpError:
            if not any(path.is_file() and path.name not in _OWN for path in out.rglob("*")):
                for path in out.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                for folder in missing:
                    folder.rmdir()
            raise
        finally:
            _claimed.reset(token)


def check_folder(out: Path) -> None:
    """Refuse what cannot become or is not the folder of a run.

    Raises:
        MazeInterpError: `out` is a file, a folder that holds other files and no `run.json`, or a new one in the folder
            of another run or where nothing can be written.
    """
    if out.exists() and not out.is_dir():
        raise MazeInterpError(f"{out} is a file, not a folder to write a run to")
    if (out / RECORD).exists():
        return
    check_place(out)
    if out.is_dir() and any(path.name not in _OWN for path in out.iterdir()):
        raise MazeInterpError(f"{out} holds other files and no {RECORD}; choose an empty or new folder")


def check_place(path: Path) -> None:
    """Refuse a path at which nothing may be written, before what is to be written is measured.

    Raises:
        MazeInterpError: it lies in the folder of a run that has not been claimed around this call, in a file, or in a
            folder that cannot be written to.
    """
    folders = path.resolve().parents
    for folder in folders:
        if (folder / RECORD).exists() and folder not in _claimed.get():
            raise MazeInterpError(f"{path} would lie in {folder}, which is the folder of a run; choose another place")
    there = next(folder for folder in folders if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "cannot be written to" if there.is_dir() else "is a file"
        raise MazeInterpError(f"nothing can be written to {path}: {there} {why}")


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run that a folder belongs to.

    Raises:
        MazeInterpError: the folder holds no `run.json`, or a damaged one.
    """
    record = folder / RECORD
    if not record.exists():
        raise MazeInterpError(f"{folder} holds no {RECORD}: it is not the folder of a run")
    try:
        settings = load_json(record)
    except MazeInterpError as error:
        raise MazeInterpError(f"{record} is damaged: {error}") from error
    if not isinstance(settings, dict):
        raise MazeInterpError(f"{record} is damaged: it holds no settings")
    return settings


def _compare(record: Path, settings: Mapping[str, Any]) -> None:
    earlier, wanted = read_settings(record.parent), json.loads(json.dumps(settings))
    for key in {**earlier, **wanted}:
        if earlier.get(key) != wanted.get(key):
            where, before, now = _first_difference(key, earlier.get(key), wanted.get(key))
            raise MazeInterpError(
                f"{record.parent} belongs to another run: its {where} is {before!r}, not {now!r}; choose another folder"
            )


def _first_difference(where: str, earlier: Any, wanted: Any) -> tuple[str, Any, Any]:
    """Where two values differ, as names or places with `/` between, and what each of them has there.

    Lists of plain values are taken as a whole.
    """
    lists = isinstance(earlier, list) and isinstance(wanted, list) and len(earlier) == len(wanted)
    if lists and all(isinstance(item, dict) for item in (*earlier, *wanted)):
        earlier, wanted = dict(enumerate(earlier)), dict(enumerate(wanted))
    if isinstance(earlier, dict) and isinstance(wanted, dict) and earlier.keys() == wanted.keys():
        name = next(name for name in earlier if earlier[name] != wanted[name])
        return _first_difference(f"{where}/{name}", earlier[name], wanted[name])
    return where, earlier, wanted
