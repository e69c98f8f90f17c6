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


def read_checkpoint(folder: Path, updates: str) -> dict[str, Tensor]:
    """The weights of the agent in a folder after so many updates, float32.

    Raises:
        MazeInterpError: the folder has no history, its file is damaged, or it lacks these updates; the message
            names those that it has.
    """
    file = folder / FILE
    if not file.exists():
        raise MazeInterpError(f"{folder.name} has no history: there is no {file}")
    try:
        with safe_open(file, framework="pt") as stored:
            keys = [key.partition("/") for key in stored.keys()]  # noqa: SIM118
            kept = sorted({number for number, _, _ in keys}, key=int)
            if updates not in kept:
                raise unknown_name(f"update of {folder.name}:", updates, kept)
            return {
                name: stored.get_tensor(f"{number}/{name}").to(torch.float32)
                for number, _, name in keys
                if number == updates
            }
    except (SafetensorError, ValueError) as error:
        raise MazeInterpError(f"{file} is damaged: {error}") from error
