"""The states of mazes as a network sees them: every distinct observation once, as a patch of its maze's picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from maze_interp.environment.observe import FACINGS, Facing, MazeView, cut_patches
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.moves import pixels_to_input
from maze_interp.policies.split import Patches

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class States:
    """The n distinct observations of m mazes, in the order of mazes, squares and facings.

    Attributes:
        squares: of each maze, the open squares but the cheese's.
        rows: of each maze, int `[squares, facings]`: the number of the observation of each (square, facing).
        pictures: uint8 `[m, 64, 64, 3]`, each maze without a mouse.
        picture: int `[n]`, the number of the maze.
        top: int `[n]`, first row of a patch that holds the mouse.
        left: int `[n]`, its first column.
        pixels: uint8 `[n, s, s, 3]`, the patch.
    """

    mazes: Sequence[Maze]
    squares: Sequence[tuple[Square, ...]]
    rows: Sequence[Numbers]
    pictures: NDArray[np.uint8]
    picture: Numbers
    top: Numbers
    left: Numbers
    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.picture)

    def observations(self, some: Numbers) -> NDArray[np.uint8]:
        """Some of them drawn, uint8 `[k, 64, 64, 3]`."""
        drawn = self.pictures[self.picture[some]]
        reach = np.arange(self.pixels.shape[1])
        rows, columns = self.top[some, None] + reach, self.left[some, None] + reach
        drawn[np.arange(len(some))[:, None, None], rows[:, :, None], columns[:, None, :]] = self.pixels[some]
        return drawn

    def patches(self, some: Numbers) -> Patches:
        """Some of them as a network takes them that knows the pictures."""
        picture, top, left = (torch.from_numpy(of[some]) for of in (self.picture, self.top, self.left))
        return Patches(picture, top, left, pixels_to_input(self.pixels[some]))


def states_of(mazes: Sequence[Maze], facings: Sequence[Facing] = FACINGS) -> States:
    """The states of some mazes of one mode.

    Facings between which the mouse looks the same share one, and so do all places where it is not seen.
    """
    squares = [tuple(square for square in maze.squares if square != maze.cheese) for maze in mazes]
    views = [MazeView(maze) for maze in mazes]
    rows, tops, lefts, pixels = [], [], [], []
    counts: list[int] = []
    for view, of_maze in zip(views, squares, strict=True):
        (top, left, _), *_ = of_facings = [view.patches(of_maze, facing) for facing in facings]
        patches = np.stack([pixels for _, _, pixels in of_facings], axis=1)
        first, inverse = _distinct(view.empty, top, left, patches)
        rows.append(inverse + sum(counts))
        counts.append(len(first))
        tops.append(top[first // len(facings)])
        lefts.append(left[first // len(facings)])
        pixels.append(patches.reshape(-1, *patches.shape[2:])[first])
    pictures = np.stack([view.empty for view in views])
    picture = np.repeat(np.arange(len(mazes)), counts)
    where = (picture, np.concatenate(tops), np.concatenate(lefts))
    return States(mazes, squares, rows, pictures, *_trimmed(pictures, *where, np.concatenate(pixels)))


def _distinct(
    picture: NDArray[np.uint8], top: Numbers, left: Numbers, patches: NDArray[np.uint8]
) -> tuple[Numbers, Numbers]:
    """Which (square, facing) to run, and for each of all the place among them of the one that looks like it.

    Returns:
        numbers `[k]` of k (square, facing), counted through the facings of each square, and int `[squares, facings]`.
    """
    n, facings, size = patches.shape[:3]
    same = (patches[:, :, None] == patches[:, None]).all(axis=(3, 4, 5))
    looks_like = np.arange(n)[:, None] * facings + same.argmax(axis=2)
    empty = cut_patches(picture[None], np.zeros_like(top), top, left, size)
    unseen = np.flatnonzero((patches == empty[:, None]).all(axis=(2, 3, 4)))
    if len(unseen):
        looks_like.ravel()[unseen] = unseen[0]
    first, inverse = np.unique(looks_like, return_inverse=True)
    return first, inverse.reshape(n, facings)


def _trimmed(
    pictures: NDArray[np.uint8], picture: Numbers, top: Numbers, left: Numbers, pixels: NDArray[np.uint8]
) -> tuple[Numbers, Numbers, Numbers, NDArray[np.uint8]]:
    """The patches without edges in which no observation differs from its picture."""
    size = pixels.shape[1]
    differs = (pixels != cut_patches(pictures, picture, top, left, size)).any(axis=3)
    ends = []
    for axis in (2, 1):
        some = differs.any(axis=axis)
        first = some.argmax(axis=1)
        ends.append((first, np.where(some.any(axis=1), size - some[:, ::-1].argmax(axis=1) - first, 1)))
    (down, height), (right, width) = ends
    kept = int(max(height.max(), width.max()))
    down, right = np.minimum(down, size - kept), np.minimum(right, size - kept)
    inner = cut_patches(pixels, np.arange(len(pixels)), down, right, kept)
    return picture, top + down, left + right, inner
