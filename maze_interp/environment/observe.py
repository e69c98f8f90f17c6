"""What the agent sees, pixel for pixel, for many mouse squares of a maze at little cost.

procgen draws each mouse inside its own cell and nothing else changes, so one rendering with mice on
every second cell of every second row holds a quarter of all squares. Four renderings per facing and
one without a mouse give every observation of a maze by copying small patches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import checked, choice, instance, pair, several
from maze_interp.arrays import Pictures
from maze_interp.environment import state as states
from maze_interp.environment.levels import state_of_maze
from maze_interp.environment.simulator import simulator
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square

PIXELS = 64
"""Side of an observation."""

Facing = Literal["left", "right"]
FACINGS: tuple[Facing, Facing] = ("left", "right")
"""`left` is the sprite as levels start; `right`, set by every right action, is its mirror image."""

Squares = Annotated[Sequence[Square], several(pair("(x, y)"), "squares (x, y)")]

_as_facing = choice("facing", FACINGS)
_OFF_PICTURE = (-2, -2)  # a cell outside the world


class MazeView:
    """All observations of one maze, rendered as they are first asked for."""

    @checked
    def __init__(self, maze: Maze) -> None:
        self.maze = maze
        self._simulator = simulator(maze.distribution_mode)
        self._state = state_of_maze(maze)
        self._sheets: dict[tuple[Facing, int, int], NDArray[np.uint8]] = {}
        self.empty = self._render([_OFF_PICTURE], "left")
        """uint8 `[64, 64, 3]`: the maze without a mouse."""

    def patch(self, square: Square, facing: Facing) -> tuple[tuple[slice, slice], NDArray[np.uint8]]:
        """Where in the picture the mouse's cell lies, and its pixels with the mouse there."""
        x, y = self.maze.require_open(square, "square")
        key = (_as_facing(facing, "facing"), x % 2, y % 2)
        if key not in self._sheets:
            alike = [other for other in self.maze.squares if (other[0] % 2, other[1] % 2) == key[1:]]
            self._sheets[key] = self._render([self._cell(other) for other in alike], facing)
        where = cell_pixels(self.maze, square)
        return where, self._sheets[key][where]

    def draw(self, out: NDArray[np.uint8], square: Square, facing: Facing) -> None:
        """Write the observation with the mouse on `square` into `out`, uint8 `[64, 64, 3]`."""
        where, pixels = self.patch(square, facing)
        out[:] = self.empty
        out[where] = pixels

    def _cell(self, square: Square) -> Square:
        return square[0] + self.maze.padding, square[1] + self.maze.padding

    def _render(self, cells: Sequence[Square], facing: Facing) -> NDArray[np.uint8]:
        return self._simulator.render(states.with_mice(self._state, cells, mirrored=facing == "right"))


def cell_pixels(maze: Maze, square: Square) -> tuple[slice, slice]:
    """The (rows, columns) of the 64×64 observation that the cell of `square` touches."""
    square, world = maze.require_on_grid(square, "square"), WORLD_SIZE[maze.distribution_mode]
    column, row = square[0] + maze.padding, world - 1 - square[1] - maze.padding
    return _touched(row, world), _touched(column, world)


@checked
def observe(maze: Maze, squares: Squares | None = None, facing: Facing = "left") -> Pictures:
    """The agent's view with the mouse on each of `squares` in turn.

    Args:
        maze: the maze; its cheese stays even under the mouse.
        squares: open squares; None for all of them, in the order of `maze.squares`.
        facing: `"left"` (the sprite as levels start) or `"right"` (mirrored).

    Returns:
        uint8 `[n, 64, 64, 3]`, RGB, equal to procgen's own observation in every pixel.

    Raises:
        MazeInterpError: a square in a wall or off the maze, or another facing.
    """
    return observe_many([maze], [squares], facing)


@checked
def observe_many(
    mazes: Annotated[Sequence[Maze], several(instance(Maze), "mazes")],
    squares: Sequence[Squares | None],
    facing: Facing = "left",
) -> Pictures:
    """`observe` over several mazes, results one after another."""
    wanted = [
        maze.squares if some is None else [maze.require_open(square, "square") for square in some]
        for maze, some in zip(mazes, squares, strict=True)
    ]
    observations = np.empty((sum(map(len, wanted)), PIXELS, PIXELS, 3), np.uint8)
    row = 0
    for maze, some in zip(mazes, wanted, strict=True):
        view = MazeView(maze)
        for square in some:
            view.draw(observations[row], square, facing)
            row += 1
    return observations


def _touched(cell: int, world: int) -> slice:
    return slice(math.floor(cell * PIXELS / world), math.ceil((cell + 1) * PIXELS / world))
