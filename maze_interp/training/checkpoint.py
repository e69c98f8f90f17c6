"""Where a training run stands, on disk: written whole or not at all, and taken up again by the same run alone."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from maze_interp.errors import MazeInterpError
from maze_interp.writing import write_whole, write_with

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FILE = "checkpoint.pt"


def save_checkpoint(out: Path, config: DataclassInstance, state: dict[str, Any]) -> None:
    """Put a new checkpoint in the place of the last once its bytes are on the disk.

    Raises:
        OSError: the disk is full, say; the last checkpoint is as it was.
    """
    image = io.BytesIO()  # torch's own writer has other errors than the system's
    torch.save({"config": asdict(config), **state}, image)
    write_with(out / _FILE, lambda path: path.write_bytes(image.getvalue()), durable=True)


def load_checkpoint(out: Path, config: DataclassInstance) -> dict[str, Any] | None:
    """The state last saved; None at the beginning. The folder is made if it is missing.

    Raises:
        MazeInterpError: the checkpoint is damaged, or of a run with another configuration.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / _FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        earlier = state.pop("config")
    except (RuntimeError, EOFError, KeyError, AttributeError, ValueError, pickle.UnpicklingError) as error:
        # What torch says of foreign bytes is advice to load them unsafely.
        foreign = isinstance(error, pickle.UnpicklingError)
        reason = "not what a run saves" if foreign else str(error).splitlines()[0]
        raise MazeInterpError(f"{path} is damaged ({reason}); remove it to start again") from error
    for key, value in asdict(config).items():
        if earlier.get(key) != value:
            raise MazeInterpError(
                f"{out} belongs to another run: its {key} is {earlier.get(key)!r}, not {value!r}; choose another folder"
            )
    return state


def take_up_log(path: Path, lines: int) -> None:
    """Keep the first `lines` lines of a log: those written before the checkpoint."""
    if not path.exists():
        return
    kept = path.read_text().splitlines(keepends=True)[:lines]
    write_whole(path, "".join(kept))


def read_log(path: Path) -> list[dict[str, Any]]:
    """A log's lines.

    Raises:
        MazeInterpError: it is damaged, or empty.
    """
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise MazeInterpError(f"{path} is damaged: {error}") from error
    if not all(isinstance(line, dict) for line in lines) or not lines:
        raise MazeInterpError(f"{path} is no log of a training run, or an empty one")
    return lines
