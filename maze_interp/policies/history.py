"""Checkpoints of an agent's training in one file: the weights of `NAME@UPDATES`.

`history.safetensors` beside an agent's weights holds them in half precision, under the names `<updates>/<parameter>`.
Their value heads are not fitted.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from maze_interp.errors import MazeInterpError, unknown_name

FILE = "history.safetensors"


def split_name(agent: str) -> tuple[str, str | None]:
    """`NAME@UPDATES` as name and updates; None for updates without an @."""
    name, at, updates = agent.partition("@")
    return name, updates if at else None


def kept_updates(folder: Path) -> list[int]:
    """After how many updates the history of the agent in a folder has its weights, in order.

    Raises:
        MazeInterpError: the folder has no history, or its file is damaged.
    """
    file = _file(folder)
    try:
        with safe_open(file, framework="pt") as stored:
            return sorted({int(key.partition("/")[0]) for key in stored.keys()})  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise MazeInterpError(f"{file} is damaged: {error}") from error


def read_checkpoint(folder: Path, updates: str) -> dict[str, Tensor]:
    """The weights of the agent in a folder after so many updates, float32.

    Raises:
        MazeInterpError: the folder has no history, its file is damaged, or it lacks these updates; the message
            names those that it has.
    """
    kept = kept_updates(folder)
    if updates not in map(str, kept):
        raise unknown_name(f"update of {folder.name}:", updates, map(str, kept))
    with safe_open(_file(folder), framework="pt") as stored:
        keys = [key for key in stored.keys() if key.startswith(f"{updates}/")]  # noqa: SIM118
        return {key.partition("/")[2]: stored.get_tensor(key).to(torch.float32) for key in keys}


def _file(folder: Path) -> Path:
    file = folder / FILE
    if not file.exists():
        raise MazeInterpError(f"{folder.name} has no history: there is no {file}")
    return file
