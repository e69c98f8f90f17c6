"""Shortest ways through a grid of open squares, by scipy's graph routines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from maze_interp.errors import MazeInterpError

Square = tuple[int, int]


def adjacency(grid: NDArray[np.bool_]) -> coo_array:
    """Graph of neighbouring open squares: sparse `[size², size²]`, node `y · size + x`."""
    nodes = np.arange(grid.size).reshape(grid.shape)
    across, up = grid[:, 1:] & grid[:, :-1], grid[1:] & grid[:-1]
    a = np.concatenate([nodes[:, :-1][across], nodes[:-1][up]])
    b = np.concatenate([nodes[:, 1:][across], nodes[1:][up]])
    return coo_array((np.ones(len(a)), (a, b)), shape=(grid.size, grid.size))


def distances(grid: NDArray[np.bool_], source: Square) -> NDArray[np.float64]:
    """Steps from `source` to every square, read-only `[size, size]`; inf where it cannot go."""
    node = source[1] * len(grid) + source[0]
    found = dijkstra(adjacency(grid).tocsr(), directed=False, unweighted=True, indices=node).reshape(grid.shape)
    found.flags.writeable = False
    return found


def unique_path(from_a: NDArray[np.float64], from_b: NDArray[np.float64], a: Square, b: Square) -> tuple[Square, ...]:
    """The shortest path a → b from the distances to both ends.

    A square lies on a shortest path just when its two distances add up to the whole; the path is
    unique just when there is one such square per step.

    Raises:
        MazeInterpError: no path, or several shortest ones.
    """
    length = from_a[b[1], b[0]]
    if not np.isfinite(length):
        raise MazeInterpError(f"there is no path from {tuple(a)} to {tuple(b)}")
    on_path = np.argwhere(from_a + from_b == length)
    if len(on_path) != length + 1:
        raise MazeInterpError(f"the maze has loops: several shortest paths join {tuple(a)} and {tuple(b)}")
    ordered = on_path[np.argsort(from_a[on_path[:, 0], on_path[:, 1]])]
    return tuple((int(x), int(y)) for y, x in ordered)
