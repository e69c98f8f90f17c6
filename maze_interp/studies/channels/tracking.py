"""How well channels track things in one maze: where their maps peak while cheese and mouse are moved about.

A channel may mark a thing with its highest or with its lowest value, so each is looked at with both signs: the peak of
sign 1 is the map's maximum, that of sign −1 its minimum. A peak *hits* a thing if it lies within one position of the
thing's, in rows and in columns. How well a channel tracks a target in one maze is the share of observations in which it
hits, less the share to be expected by chance:

- **cheese**, **mouse**: chance is hitting where the thing lies in the other observations of the same
  maze. A channel that always peaks in one place scores 0 exactly, wherever that is.
- **corner** (the top-right square): it lies still, so chance is hitting the corners of mazes of the
  other sizes. Observations whose cheese or mouse is so near that one peak could hit both are left out.
- **walls**: in place of hits, the correlation over the positions inside the maze of the map (times
  the sign) with the share of wall in each; chance is the same with the maze turned and mirrored,
  seven ways. That keeps the lattice all mazes have and the channel's preference for places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from maze_interp.environment.observe import PIXELS, observe_many
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square
from maze_interp.policies.devices import batch_size, device_of, on_host
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import pixel_in
from maze_interp.policies.split import split
from maze_interp.policies.threads import one_thread

Floats = NDArray[np.float64]
Maps = NDArray[np.float32]
"""A layer's output, `[n, channels, rows, columns]`."""
Places = NDArray[np.intp]
"""(row, column) pairs, `[..., 2]`."""

TARGETS = ("cheese", "mouse", "corner", "walls")
SIGNS = (1, -1)

NEAR = 1
"""Rows and columns between a peak and what it hits, at most."""


@dataclass(frozen=True)
class Placements:
    """A maze with cheese and mouse moved about, neither ever twice on one square.

    Attributes:
        cheeses: n squares.
        mice: n squares, in no observation the cheese's.
    """

    maze: Maze
    cheeses: tuple[Square, ...]
    mice: tuple[Square, ...]

    def observations(self) -> NDArray[np.uint8]:
        """The n observations, uint8 `[n, 64, 64, 3]`, the mouse un-mirrored."""
        return observe_many([self.maze.with_cheese(one) for one in self.cheeses], [[mouse] for mouse in self.mice])


def place(maze: Maze, count: int) -> Placements:
    """`count` random placements, fewer where the maze has fewer squares; its seed decides them."""
    random = np.random.default_rng([maze.seed, count])
    squares = [square for square in maze.squares if square != maze.start]
    cheeses = [squares[i] for i in random.permutation(len(squares))[:count]]
    while True:
        mice = [maze.squares[i] for i in random.permutation(len(maze.squares))[: len(cheeses)]]
        if not any(cheese == mouse for cheese, mouse in zip(cheeses, mice, strict=True)):
            return Placements(maze, tuple(cheeses), tuple(mice))


def maps_of(network: nn.Module, layer: str, observations: NDArray[np.uint8]) -> Maps:
    """The output of `layer` for observations `[n, 64, 64, 3]`; only the network up to it is run.

    Raises:
        MazeInterpError: an unknown layer.
    """
    cut = split(network, layer)
    device = device_of(network)
    size = batch_size(device)
    parts = (observations[first : first + size] for first in range(0, len(observations), size))
    with torch.inference_mode(), one_thread():
        return on_host([cut.prefix(to_input(part, device)).activation for part in parts])


def mean_maps(network: nn.Module, layer: str, mazes: Iterable[Maze], count: int) -> Maps:
    """Each channel's mean map over the placements of each maze, then over mazes: `[channels, rows, columns]`."""
    means = [maps_of(network, layer, place(maze, count).observations()).mean(axis=0) for maze in mazes]
    return np.mean(means, axis=0)


def peaks(maps: Maps, sign: int) -> Places:
    """Where each map has its maximum (`sign` 1) or minimum (−1), the first of equals: int `[n, channels, 2]`."""
    flat = (sign * maps).reshape(*maps.shape[:2], -1).argmax(axis=2)
    return np.stack(np.unravel_index(flat, maps.shape[2:]), axis=-1)


def track(placements: Placements, maps: Maps, sign: int) -> Mapping[str, tuple[Floats, Floats]]:
    """How well each channel tracks each of `TARGETS` in the observations of one maze, and how well by chance.

    Returns:
        by target, two of float64 `[channels]`: share of hits (for walls, correlation), and chance;
        NaN where the maze is too small to show it.
    """
    maze, size, peak = placements.maze, maps.shape[2:], peaks(maps, sign)
    cheese, mouse = (_places(maze, squares, size) for squares in (placements.cheeses, placements.mice))
    corner = _places(maze, (maze.top_right,), size)
    clear = (np.abs(np.stack([cheese, mouse]) - corner).max(axis=2) > 2 * NEAR).all(axis=0)
    own, chance = wall_correlation(maps, maze)
    return {
        "cheese": hits_of_own(peak, cheese),
        "mouse": hits_of_own(peak, mouse),
        "corner": (_share(peak[clear], corner), _share(peak[clear], _other_corners(maze, size))),
        "walls": (sign * own, sign * chance),
    }


def hits_of_own(peak: Places, target: Places) -> tuple[Floats, Floats]:
    """How often peaks `[n, channels, 2]` hit their own observation's target `[n, 2]`, and how often another's.

    Shares of the n pairs, and of the n(n − 1) others, float64 `[channels]`; NaN if n < 2.
    """
    n = len(peak)
    if n < 2:
        return np.full(peak.shape[1], np.nan), np.full(peak.shape[1], np.nan)
    own = _hits(peak, target[:, None]).mean(axis=0)
    return own, (n * _share(peak, target) - own) / (n - 1)


def value_at_cheese(placements: Placements, maps: Maps, sign: int) -> Maps:
    """The extremum of that sign among the positions where a peak would hit the cheese, `[n, channels]`."""
    rows, columns = maps.shape[2:]
    row, column = _places(placements.maze, placements.cheeses, maps.shape[2:]).T
    steps = range(-NEAR, NEAR + 1)
    around = [
        maps[np.arange(len(maps)), :, (row + down).clip(0, rows - 1), (column + right).clip(0, columns - 1)]
        for down in steps
        for right in steps
    ]
    return sign * (sign * np.array(around)).max(axis=0)


def wall_correlation(maps: Maps, maze: Maze) -> tuple[Floats, Floats]:
    """Each channel's mean correlation with the walls, and with the walls turned and mirrored, float64 `[channels]`.

    0 for a channel that is the same all over the maze; NaN for a maze so small that no position lies inside.
    """
    inside, walls = _walls(maze, maps.shape[2:])
    if not inside.any():
        return np.full(maps.shape[1], np.nan), np.full(maps.shape[1], np.nan)
    own, *others = _correlation(maps[..., inside].astype(np.float64), walls).mean(axis=0).T
    return own, np.mean(others, axis=0)


def _share(peak: Places, targets: Places) -> Floats:
    """Of all pairs of n observations and m targets, the share that is a hit: `[channels]`; NaN without any."""
    if not len(peak):
        return np.full(peak.shape[1], np.nan)
    return np.mean([_hits(peak, target) for target in targets], axis=(0, 1))


def _hits(peak: Places, target: Places) -> NDArray[np.bool_]:
    return (np.abs(peak - target) <= NEAR).all(axis=-1)


def _correlation(a: Floats, b: Floats) -> Floats:
    """Pearson's, over the last axis, of `[n, c, p]` with `[k, p]`: `[n, c, k]`, 0 where one does not vary."""
    a, b = (one - one.mean(axis=-1, keepdims=True) for one in (a, b))
    norm = np.linalg.norm(a, axis=-1)[..., None] * np.linalg.norm(b, axis=-1)
    return np.divide(a @ b.T, norm, out=np.zeros_like(norm), where=norm > 1e-9)


@lru_cache(maxsize=4)  # for every network and sign the same
def _walls(maze: Maze, size: tuple[int, ...]) -> tuple[NDArray[np.bool_], Floats]:
    """Which positions lie inside the maze, and the share of wall in each, in the maze and its seven images."""
    inside = _resized(np.pad(np.ones_like(maze.open), maze.padding), size) > 0.5
    images = [np.rot90(image, turns) for image in (maze.open, maze.open.T) for turns in range(4)]
    return inside, np.stack([_resized(~np.pad(image, maze.padding), size)[inside] for image in images])


def _resized(cells: NDArray[np.bool_], size: tuple[int, ...]) -> Floats:
    """The share of each position's part of the picture that is True in the world (`[y, x]`)."""
    cell = np.arange(PIXELS) * len(cells) // PIXELS
    picture = torch.from_numpy(cells[::-1][np.ix_(cell, cell)].astype(np.float64))
    return adaptive_avg_pool2d(picture[None], (size[0], size[1]))[0].numpy()


@lru_cache(maxsize=16)
def _places(maze: Maze, squares: tuple[Square, ...], size: tuple[int, ...]) -> Places:
    return np.array([pixel_in(maze, square, (size[0], size[1])) for square in squares])


@lru_cache(maxsize=4)
def _other_corners(maze: Maze, size: tuple[int, ...]) -> Places:
    """Where the top-right squares of mazes of the other sizes lie."""
    world = WORLD_SIZE[maze.distribution_mode]
    edges = [(world + side) // 2 - 1 for side in range(3, world + 1, 2) if side != maze.size]
    return _places(maze.padded(), tuple((edge, edge) for edge in edges), size)
