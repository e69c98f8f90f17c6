"""Easy mazes that are small or of a given size, and the map of the layer that is studied by default."""

from __future__ import annotations

from maze_interp.mazes.maze import Maze

LAYER = "embedder.block2.res1.resadd"
SIZE = (16, 16)
"""Of the layer's map."""

SMALL = range(4052, 4100)
"""Easy levels in a row, most of them small: three jobs of a sweep."""


def level_of_size(size: int) -> Maze:
    """The first easy level of that size."""
    return next(maze for maze in (Maze.from_seed(seed, "easy") for seed in range(100)) if maze.size == size)


MAZE = level_of_size(9)

TREE = Maze.from_ascii(
    """
    ..#..
    .###.
    ..C#.
    .###.
    M....
    """,
    "easy",
)
"""The cheese off the way to the corner, and two dead ends."""
