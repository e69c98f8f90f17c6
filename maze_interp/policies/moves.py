"""procgen's fifteen actions as five moves, and observations as network input."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.arrays import Pictures
from maze_interp.environment.observe import PIXELS
from maze_interp.errors import MazeInterpError

MOVES = ("left", "down", "up", "right", "noop")
"""The order of every move axis."""

ACTIONS = 15
"""procgen's actions."""

STEPS = np.array([(-1, 0), (0, -1), (0, 1), (1, 0), (0, 0)])
"""int `[5, 2]`: each move's (dx, dy)."""

MOVE_OF_ACTION = np.array([0, 0, 0, 1, 4, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4])
"""int `[15]`: index into `MOVES` of each action."""

_SUM = torch.nn.functional.one_hot(torch.from_numpy(MOVE_OF_ACTION), len(MOVES)).double()


def to_input(observations: Pictures, device: torch.device | str = "cpu") -> Tensor:
    """uint8 `[n, 64, 64, 3]` to float32 `[n, 3, 64, 64]` in [0, 1], laid out channels-last.

    Args:
        observations: the pictures.
        device: where to put them; they go there as bytes, without waiting for it.

    Raises:
        MazeInterpError: another type, such as floats, or another shape.

    Examples:
        >>> import maze_interp as mi
        >>> maze = mi.Maze.from_seed(0, "easy")
        >>> mi.to_input(mi.observe(maze, [maze.start])).shape
        torch.Size([1, 3, 64, 64])
    """
    given = np.asarray(observations)
    if given.dtype != np.uint8 or given.shape[1:] != (PIXELS, PIXELS, 3):
        raise MazeInterpError(f"observations are uint8 [n, 64, 64, 3], not {given.dtype} {list(given.shape)}")
    return pixels_to_input(given, device)


def pixels_to_input(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """`to_input` of a part of each observation, uint8 `[n, rows, columns, 3]`."""
    pictures = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
    if torch.device(device).type == "cuda":
        pictures = pictures.pin_memory()
    return pictures.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)


def move_probabilities(logits: Tensor) -> Tensor:
    """Logits `[n, 15]` to float64 probabilities `[n, 5]`, actions with one effect summed."""
    return logits.double().softmax(-1) @ _SUM.to(logits.device)
