"""The grid of a maze: which squares are open, from truth values or from a drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import shown
from maze_interp.errors import MazeInterpError

Grid = NDArray[np.bool_]
Square = tuple[int, int]


def as_grid(value: Any, name: str) -> Grid:
    """Truth values (or zeros and ones) as a bool array that nobody can change."""
    try:
        grid = np.asarray(value)
        valid = grid.ndim > 0 and grid.dtype.kind in "biuf" and bool(np.isin(grid, (0, 1)).all())
    except (TypeError, ValueError, RuntimeError):
        valid = False
    if not valid:
        raise MazeInterpError(f"{name} is an array of True and False, not {shown(value)}")
    return np.frombuffer(grid.astype(bool).tobytes(), bool).reshape(grid.shape)  # bytes cannot be made writeable


def read_drawing(text: str) -> tuple[Grid, Square | None, Square | None]:
    """The open squares `[y, x]`, the start and the cheese of a drawing; see `Maze.from_ascii`.

    Raises:
        MazeInterpError: nothing, a ragged line, another character, or two `M` or `C`.
    """
    rows = [line.strip() for line in text.strip().splitlines()]
    if not rows:
        raise MazeInterpError("the drawing of the maze is empty")
    for number, row in enumerate(rows, 1):
        strange = set(row) - set("#.CM")
        if strange:
            raise MazeInterpError(f"maze line {number}: {min(strange)!r} is none of '#', '.', 'C', 'M'")
        if len(row) != len(rows):
            raise MazeInterpError(f"maze line {number} has {len(row)} squares, but the maze has {len(rows)} lines")
    cells = np.array([list(row) for row in rows[::-1]])
    return cells != "#", _single(cells, "M"), _single(cells, "C")


def draw(grid: Grid, start: Square, cheese: Square | None) -> str:
    """The drawing that `read_drawing` reads."""
    cells = np.where(grid, ".", "#")
    cells[start[::-1]] = "M"
    if cheese is not None:
        cells[cheese[::-1]] = "C"
    return "\n".join("".join(row) for row in cells[::-1])


def _single(cells: NDArray[np.str_], mark: str) -> Square | None:
    found = np.argwhere(cells == mark)
    if len(found) > 1:
        raise MazeInterpError(f"the maze has {len(found)} squares marked {mark!r}, at most one makes sense")
    return (int(found[0][1]), int(found[0][0])) if len(found) else None
