"""What the agent sees, pixel for pixel, for many mouse squares of a maze at little cost.

procgen draws each mouse inside its own cell and nothing else changes, so one rendering with mice on
every second cell of every second row holds a quarter of all squares. Four renderings per facing and
one without a mouse give every observation of a maze by copying small patches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

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
        where = cell_pixels(self.maze, square)
        return where, self._sheet(_as_facing(facing, "facing"), x % 2, y % 2)[where]

    def patches(
        self, squares: Sequence[Square], facing: Facing
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]:
        """Patches of one size that hold the mouse's cell for each of n open squares: all that it changes.

        Returns:
            first row `[n]`, first column `[n]`, and pixels `[n, s, s, 3]`.
        """
        world = WORLD_SIZE[self.maze.distribution_mode]
        size = math.ceil(PIXELS / world) + 1  # as many as a cell touches
        x, y = np.array(squares).T
        cells = np.stack([world - 1 - y, x]) + [[-self.maze.padding], [self.maze.padding]]
        top, left = np.minimum(cells * PIXELS // world, PIXELS - size)
        pixels = np.empty((len(squares), size, size, 3), np.uint8)
        for odd_x, odd_y in np.unique(np.stack([x, y]) % 2, axis=1).T.tolist():
            alike = np.flatnonzero((x % 2 == odd_x) & (y % 2 == odd_y))
            pixels[alike] = cut_patches(
                self._sheet(facing, odd_x, odd_y)[None], 0 * alike, top[alike], left[alike], size
            )
        return top, left, pixels

    def _sheet(self, facing: Facing, odd_x: int, odd_y: int) -> NDArray[np.uint8]:
        """The picture with mice on every open square whose coordinates are odd, or even, alike."""
        key = (facing, odd_x, odd_y)
        if key not in self._sheets:
            shift = self.maze.padding
            cells = [(x + shift, y + shift) for x, y in self.maze.squares if (x % 2, y % 2) == (odd_x, odd_y)]
            self._sheets[key] = self._render(cells, facing)
        return self._sheets[key]

    def draw(self, out: NDArray[np.uint8], square: Square, facing: Facing) -> None:
        """Write the observation with the mouse on `square` into `out`, uint8 `[64, 64, 3]`."""
        where, pixels = self.patch(square, facing)
        out[:] = self.empty
        out[where] = pixels

    def _render(self, cells: Sequence[Square], facing: Facing) -> NDArray[np.uint8]:
        return self._simulator.render(states.with_mice(self._state, cells, mirrored=facing == "right"))


def cut_patches(
    pictures: NDArray[Any], picture: NDArray[np.intp], top: NDArray[np.intp], left: NDArray[np.intp], size: int
) -> NDArray[Any]:
    """Patches `[n, size, size, ...]` of pictures `[m, 64, 64, ...]`, by number of the picture, first row and column."""
    reach = np.arange(size)
    rows, columns = top[:, None] + reach, left[:, None] + reach
    return np.asarray(pictures[picture[:, None, None], rows[:, :, None], columns[:, None, :]])


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

    Examples:
        >>> import maze_interp as mi
        >>> maze = mi.Maze.from_seed(0, "easy")
        >>> mi.observe(maze, [(0, 0), (0, 1)], facing="right").shape
        (2, 64, 64, 3)
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
