"""What moves do to the mouse: a step to an open square, or nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maze_interp.mazes.maze import Maze
from maze_interp.policies.moves import MOVES, STEPS

EFFECTS = (*MOVES[:4], "stay")
"""A step to an open square in one of four directions; or none, after the no-op or a move into a wall."""


def free_moves(maze: Maze) -> NDArray[np.bool_]:
    """bool `[n, 5]`: on every square but the cheese's, the moves that lead to an open square; True for the no-op."""
    squares = np.array([square for square in maze.squares if square != maze.cheese])
    x, y = (squares[:, None] + 1 + STEPS).transpose(2, 0, 1)
    free: NDArray[np.bool_] = np.pad(maze.open, 1)[y, x]
    return free


def effects(probs: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probabilities of `EFFECTS` from those of the moves, both `[n, 5]`: moves into walls count as staying."""
    merged = np.where(free, probs, 0)
    merged[:, -1] += np.where(free, 0, probs).sum(axis=1)
    return merged
