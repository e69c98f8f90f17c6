"""Whether a store's folder is sound: its settings, its shards all there, none of them damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from maze_interp.documents import load_json
from maze_interp.errors import MazeInterpError
from maze_interp.recording.shards import BLOCK, DAMAGE, open_shard


def read_settings(path: Path) -> dict[str, Any]:
    """`run.json` of a store, its keys all there.

    Raises:
        MazeInterpError: the folder is no store.
    """
    try:
        settings = load_json(path / "run.json")
    except MazeInterpError as error:
        raise MazeInterpError(f"there is no activation store in {path}: {_first_line(error)}") from error
    needed = {"agent", "agent_hash", "seeds", "layers", "columns", "shards"}
    if not isinstance(settings, dict) or settings.get("command") != "record" or needed - settings.keys():
        raise MazeInterpError(f"{path} holds another run, not an activation store made by `maze-interp record`")
    return settings


def require_finished(path: Path, shards: Sequence[str]) -> None:
    """Refuse a store that lacks some of its shards.

    Raises:
        MazeInterpError: it does.
    """
    there = sum((path / name).exists() for name in shards)
    if there < len(shards):
        raise MazeInterpError(
            f"{path} is unfinished, {there} of {len(shards)} shards are there; run the same command to finish "
            "it, or open it with partial=True"
        )


def check_shard(path: Path, settings: Mapping[str, Any], columns: Iterable[str] = ()) -> NDArray[np.int32]:
    """The level seeds of a shard's rows, once it and every byte of these columns have proved sound.

    Raises:
        MazeInterpError: it is damaged, or another store's.
    """
    with sound_shard(path, settings) as file:
        seeds: NDArray[np.int32] = file["seed"][:]
        for column in columns:
            for first in range(0, len(seeds), BLOCK):
                file[column][first : first + BLOCK]
    return seeds


@contextmanager
def sound_shard(path: Path, settings: Mapping[str, Any]) -> Iterator[h5py.File]:
    """A shard, open for reading.

    Raises:
        MazeInterpError: it is another store's, or turns out to be damaged.
    """
    try:
        with open_shard(path, settings) as file:
            yield file
    except DAMAGE as error:
        raise MazeInterpError(
            f"{path} is damaged ({_first_line(error)}); delete it and run the same command to record it again, or "
            "open the store with partial=True to do without"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
