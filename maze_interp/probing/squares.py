"""What a probe is asked about each square of the maze, and the labels at the resolution of a layer's map.

A square's label belongs to the pixel that holds its centre (`pixels.pixel_in`). Where a pixel holds several
squares, a target says how their labels combine; pixels without a labelled square have no label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.moves import STEPS
from maze_interp.policies.pixels import pixel_in
from maze_interp.probing.targets import Kind, Labels, Observed

Combine = Literal["any", "all", "agree"]
Grid = NDArray[np.float64]
"""Labels of the squares of a maze, `[size, size]`, indexed `[y, x]`; NaN for squares without one."""

WINDOWS = (3, 5, 9, 17)
"""Sides, in squares, of the windows in which a square may be connected to the cheese."""


@dataclass(frozen=True)
class SquareTarget:
    """Something each square is asked about.

    Attributes:
        kind: as of a `Target`.
        description: what a label means, and which squares have one.
        combine: the label of a pixel with several labelled squares: the greatest of theirs (`"any"`), the
            least (`"all"`), or theirs if they agree and none if not (`"agree"`).
        grid: the labels of a maze's squares, the mouse on one of them.
        follows_mouse: whether they depend on where the mouse is.
        needs_agent: whether they ask what the agent does.
    """

    name: str
    kind: Kind
    description: str
    combine: Combine
    grid: Callable[[Observed, Maze, Square], Grid]
    follows_mouse: bool = False
    needs_agent: bool = False


def wall(maze: Maze) -> Grid:
    """1 for a wall inside the maze, 0 for an open square."""
    return (~maze.open).astype(float)


def cheese_here(maze: Maze) -> Grid:
    """1 for the cheese's square, 0 for any other, walls included."""
    found = np.zeros(maze.open.shape)
    if maze.cheese is not None:
        found[maze.cheese[::-1]] = 1
    return found


def on_path(maze: Maze, mouse: Square, goal: Square | None) -> Grid:
    """1 for the open squares of the mouse's shortest path to the goal, both ends included; 0 for the others."""
    found = np.where(maze.open, 0.0, np.nan)
    if goal is None:
        return np.full_like(found, np.nan)
    for x, y in maze.path(mouse, goal):
        found[y, x] = 1
    return found


def move_to_cheese(maze: Maze) -> Grid:
    """For each open square but the cheese's, the number in `MOVES` of the shortest path's first move to the cheese."""
    found = np.full(maze.open.shape, np.nan)
    if maze.cheese is None:
        return found
    steps = np.pad(maze.distances(maze.cheese), 1, constant_values=np.inf)
    for x, y in maze.squares:
        beside = [steps[y + 1 + dy, x + 1 + dx] for dx, dy in STEPS[:4]]
        if 0 < steps[y + 1, x + 1] < np.inf:
            found[y, x] = int(np.argmin(beside))
    return found


def agent_move(seen: Observed, maze: Maze) -> Grid:
    """For each open square but the cheese's, the number in `MOVES` of the agent's most probable move there."""
    found = np.full(maze.open.shape, np.nan)
    x, y = np.array(maze.squares).T
    found[y, x] = seen.outcome(maze).moves
    return found


def dead_end(maze: Maze) -> Grid:
    """1 for the open squares with one open neighbour at most, 0 for the other open squares."""
    return np.where(maze.open, (_ways(maze) <= 1).astype(float), np.nan)


def dead_end_depth(maze: Maze) -> Grid:
    """For each dead end, the steps from it to the nearest junction, a square with three or more open neighbours.

    A dead end without a junction to go to has no label, nor has any other square.
    """
    ways, found = _ways(maze), np.full(maze.open.shape, np.nan)
    junctions = maze.open & (ways >= 3)
    for y, x in np.argwhere(dead_end(maze) == 1):
        depth = np.min(maze.distances((int(x), int(y)))[junctions], initial=np.inf)
        if np.isfinite(depth):
            found[y, x] = depth
    return found


def near_cheese(maze: Maze, window: int) -> Grid:
    """Whether a search that sees no more than a window around a square finds a way from it to the cheese.

    1 for an open square joined to the cheese by open squares of the window × window squares around it, 0 for
    one that is not; labelled are the open squares whose window holds the cheese, but not the cheese's own.
    """
    found = np.full(maze.open.shape, np.nan)
    if maze.cheese is None:
        return found
    reach = window // 2
    cx, cy = maze.cheese
    for x, y in maze.squares:
        if max(abs(x - cx), abs(y - cy)) <= reach and (x, y) != maze.cheese:
            left, below = max(x - reach, 0), max(y - reach, 0)
            parts, _ = label(maze.open[below : y + reach + 1, left : x + reach + 1])
            found[y, x] = parts[y - below, x - left] == parts[cy - below, cx - left]
    return found


def _ways(maze: Maze) -> NDArray[np.int64]:
    """Open neighbours of every square, int `[size, size]`."""
    padded = np.pad(maze.open, 1).astype(np.int64)
    return padded[1:-1, :-2] + padded[1:-1, 2:] + padded[:-2, 1:-1] + padded[2:, 1:-1]


def _of_maze(grid: Callable[[Maze], Grid]) -> Callable[[Observed, Maze, Square], Grid]:
    """Labels that the maze alone decides."""
    return lambda seen, maze, mouse: grid(maze)


_ALL = (
    SquareTarget("wall", "class", "whether the square, inside the maze, is a wall", "all", _of_maze(wall)),
    SquareTarget("cheese_here", "class", "whether the cheese lies on the square", "any", _of_maze(cheese_here)),
    SquareTarget(
        "on_path_to_cheese",
        "class",
        "whether the open square lies on the mouse's shortest path to the cheese",
        "any",
        lambda seen, maze, mouse: on_path(maze, mouse, maze.cheese),
        follows_mouse=True,
    ),
    SquareTarget(
        "on_path_to_corner",
        "class",
        "whether the open square lies on the mouse's shortest path to the top-right corner",
        "any",
        lambda seen, maze, mouse: on_path(maze, mouse, maze.top_right),
        follows_mouse=True,
    ),
    SquareTarget(
        "move_to_cheese",
        "class",
        "the shortest path's move from the open square towards the cheese",
        "agree",
        _of_maze(move_to_cheese),
    ),
    SquareTarget(
        "agent_move",
        "class",
        "the agent's most probable move if it stood on the open square",
        "agree",
        lambda seen, maze, mouse: agent_move(seen, maze),
        needs_agent=True,
    ),
    SquareTarget(
        "dead_end", "class", "whether the open square has one open neighbour at most", "any", _of_maze(dead_end)
    ),
    SquareTarget(
        "dead_end_depth", "number", "steps from a dead end to the nearest junction", "any", _of_maze(dead_end_depth)
    ),
    *(
        SquareTarget(
            f"near_cheese_{window}",
            "class",
            f"whether the open square is joined to the cheese within the {window}×{window} squares around it, "
            "if they hold the cheese",
            "any",
            _of_maze(partial(near_cheese, window=window)),
        )
        for window in WINDOWS
    ),
)

SQUARE_TARGETS: dict[str, SquareTarget] = {target.name: target for target in _ALL}
"""What each square can be asked about, by name."""


def label_maps(target: SquareTarget, seen: Observed, shape: tuple[int, int]) -> Labels:
    """A target's labels of n observations at a layer's resolution: float64 `[n, rows, columns]`, NaN for no label."""
    found = np.full((len(seen), *shape), np.nan)
    for maze, rows in seen.levels():
        if not target.follows_mouse:
            found[rows] = to_pixels(maze, target.grid(seen, maze, maze.start), target.combine, shape)
            continue
        for row in rows:
            x, y = seen.square[row]
            found[row] = to_pixels(maze, target.grid(seen, maze, (int(x), int(y))), target.combine, shape)
    return found


def to_pixels(maze: Maze, grid: Grid, combine: Combine, shape: tuple[int, int]) -> Labels:
    """Labels of squares as labels of pixels, `[rows, columns]`; see `SquareTarget.combine`."""
    ends = [pixel_in(maze, (i, i), shape) for i in range(maze.size)]
    rows, columns = (np.array(some) for some in zip(*ends, strict=True))
    y, x = np.nonzero(~np.isnan(grid))
    highest, lowest = np.full(shape, np.nan), np.full(shape, np.nan)
    np.fmax.at(highest, (rows[y], columns[x]), grid[y, x])
    np.fmin.at(lowest, (rows[y], columns[x]), grid[y, x])
    if combine == "agree":
        return np.where(highest == lowest, highest, np.nan)
    return highest if combine == "any" else lowest
