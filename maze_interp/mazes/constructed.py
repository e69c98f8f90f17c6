"""Mazes with the cheese moved so that only one distance changes, or swapped between two branches.

All keep the walls of a maze without loops, such as procgen's own or `random_tree`, and move its cheese alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Annotated

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from maze_interp.arguments import checked, choice
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, LevelSeed, Maze, RegionSize, Square

METRICS = ("euclidean", "steps")
"""How far apart the decision square and the cheese are: in a straight line, or along the maze."""

LEAST_DIFFERENCE = {"euclidean": 2.0, "steps": 6.0}
"""By how many squares the one metric must differ in a pair that is equal in the other."""


@checked
def random_tree(size: int, distribution_mode: DistributionMode, seed: LevelSeed) -> Maze:
    """A maze of procgen's kind, without cheese: a random spanning tree of the squares with even coordinates.

    `seed` is that of the tree and of the maze's looks.

    Raises:
        MazeInterpError: a size that no maze has.
    """
    if size % 2 == 0 or size < 3:
        raise MazeInterpError(f"a maze has an odd side of 3 squares or more, not {size}")
    cells = (size + 1) // 2
    number = np.arange(cells**2).reshape(cells, cells)
    a = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    b = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    weights = 1 + np.random.default_rng(seed).random(len(a))
    tree = minimum_spanning_tree(coo_array((weights, (a, b)), shape=(cells**2, cells**2)).tocsr()).tocoo()
    grid = np.zeros((size, size), bool)
    grid[::2, ::2] = True
    (ay, ax), (by, bx) = np.divmod(tree.row, cells), np.divmod(tree.col, cells)
    grid[ay + by, ax + bx] = True  # the square between two cells
    return Maze(grid, (0, 0), None, distribution_mode, seed)


@checked
def swapped_branches(maze: Maze, region: RegionSize, shortest: int) -> tuple[Maze, Maze] | None:
    """The maze with the cheese at the end of either of two long branches that both end in the region.

    A branch runs from the fork, the last square that the ways from the start to both ends share. Of all pairs of ends
    it is that whose shorter branch is longest, the first in the order of squares if several. Either branch is at least
    `shortest` steps long. The maze's own cheese does not matter.

    Returns:
        the cheese at the one end, at the other; None if there is no such pair.
    """
    ends = [square for square in maze.region(region) if square != maze.start and _is_end(maze, square)]
    best: tuple[float, tuple[Square, Square] | None] = (shortest - 1, None)
    for a, b in combinations(ends, 2):
        fork = fork_of(maze, a, b)
        if fork not in (a, b):
            length = min(maze.steps(fork, a), maze.steps(fork, b))
            if length > best[0]:
                best = (length, (a, b))
    return best[1] and (maze.with_cheese(best[1][0]), maze.with_cheese(best[1][1]))


@checked
def fork_of(maze: Maze, a: Square, b: Square) -> Square:
    """The last square that the ways from the start to a and to b share."""
    ways = maze.path(maze.start, a), maze.path(maze.start, b)
    shared = sum(one == other for one, other in zip(*ways, strict=False))
    return ways[0][shared - 1]


@checked
def equal_pair(
    maze: Maze, equal: Annotated[str, choice("metric", METRICS)], region: RegionSize
) -> tuple[Maze, Maze] | None:
    """Two places of the cheese, equally far from the same decision square in one metric, unlike in the other.

    The cheese lies outside the region in both. Of all such pairs it is that with the greatest difference, at least
    `LEAST_DIFFERENCE`, the first in the order of squares if several. `equal` is one of `METRICS`; the maze's own cheese
    does not matter.

    Returns:
        the cheese nearer in the other metric, the cheese farther; None if there is no such pair.

    Raises:
        MazeInterpError: an unknown metric.
    """
    other = METRICS[1 - METRICS.index(equal)]
    by_distance: dict[tuple[Square, float], list[tuple[float, Maze]]] = {}
    for one in cheese_everywhere(maze):
        square, cheese = one.decision_square, one.cheese
        if square is None or cheese is None or cheese in maze.region(region):
            continue
        distance = {"euclidean": math.dist(square, cheese), "steps": maze.steps(square, cheese)}
        by_distance.setdefault((square, distance[equal]), []).append((distance[other], one))
    best: tuple[float, tuple[Maze, Maze] | None] = (0.0, None)
    for alike in by_distance.values():
        near, far = (choose(alike, key=lambda pair: pair[0]) for choose in (min, max))
        if far[0] - near[0] >= LEAST_DIFFERENCE[other] and far[0] - near[0] > best[0]:
            best = (far[0] - near[0], (near[1], far[1]))
    return best[1]


@checked
def detours(maze: Maze) -> dict[int, Maze]:
    """The cheese at every step along the deepest branch beside the way to the corner, by steps from that way.

    The branch is the way from the path start → corner to the square farthest from it, the first in the order of
    squares if several; the decision square is the same throughout. Empty where every square is on the path.
    """
    way = maze.path(maze.start, maze.top_right)
    off = np.min([maze.distances(square) for square in way], axis=0)
    farthest = max(maze.squares, key=lambda square: off[square[1], square[0]])
    path = maze.path(maze.start, farthest)
    return {
        int(off[y, x]): one
        for x, y in path
        if off[y, x] > 0 and (one := maze.with_cheese((x, y))).decision_square is not None
    }


@checked
def cheese_everywhere(maze: Maze) -> Iterator[Maze]:
    """The maze with its cheese on every open square but the start, in the order of squares."""
    for square in maze.squares:
        if square != maze.start:
            yield maze.with_cheese(square)


def _is_end(maze: Maze, square: Square) -> bool:
    """Whether one way only leads from the square."""
    x, y = square
    beside = np.pad(maze.open, 1)[[y + 1, y + 1, y, y + 2], [x, x + 2, x + 1, x + 1]]
    return int(beside.sum()) == 1
