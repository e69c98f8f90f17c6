"""Where a square of the maze lies in the map of a layer."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from maze_interp.arguments import checked
from maze_interp.environment.observe import PIXELS
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square
from maze_interp.policies.architectures import new_network
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import resolve_layer, run_with_cache, without_hooks


@checked
def activation_pixel(maze: Maze, square: Square, layer: str, network: nn.Module | None = None) -> tuple[int, int]:
    """The position of `square`, open or wall, in the map of a convolutional layer, of the published network or another.

    It is the one that holds the square's centre: the published ⌊(i + ½) · 2.56 / 4⌋ for 16×16
    layers in hard mode, in general ⌊(i + ½) · side of the map / side of the world⌋ with i the
    square's column, or its row counted from the top, in procgen's padded world.

    Returns:
        (row, column), counted from the top left.

    Raises:
        MazeInterpError: a square off the maze, an unknown layer, or one without a map.

    Examples:
        >>> import maze_interp as mi
        >>> mi.activation_pixel(mi.Maze.from_seed(0, "easy"), (0, 0), "embedder.block2.res1.resadd")
        (9, 6)
    """
    return pixel_in(maze, square, _map_size(layer) if network is None else map_size(network, layer))


def pixel_in(maze: Maze, square: Square, size: tuple[int, int]) -> tuple[int, int]:
    """`activation_pixel` for a map of (rows, columns)."""
    x, y = maze.require_on_grid(square, "square")
    world = WORLD_SIZE[maze.distribution_mode]
    row, column = world - 1 - y - maze.padding, x + maze.padding
    return (2 * row + 1) * size[0] // (2 * world), (2 * column + 1) * size[1] // (2 * world)


def map_size(network: nn.Module, layer: str) -> tuple[int, int]:
    """Rows and columns of the map that `layer` puts out.

    Raises:
        MazeInterpError: an unknown layer, or one without a map.
    """
    layer = resolve_layer(network, layer)
    with without_hooks():
        _, seen = run_with_cache(network, torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(network)), [layer])
    if seen[layer].ndim != 4:
        raise MazeInterpError(f"{layer} has no map of positions; a convolutional layer has")
    height, width = seen[layer].shape[2:]
    return height, width


@cache
def _map_size(layer: str) -> tuple[int, int]:
    """`map_size` in the published network, of any width, from shapes alone."""
    with torch.device("meta"):
        return map_size(new_network(""), layer)
