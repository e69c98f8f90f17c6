"""What a store holds of every observation besides activations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maze_interp.environment.observe import FACINGS, PIXELS, Facing
from maze_interp.mazes.features import FEATURE_NAMES, maze_features
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square
from maze_interp.policies.moves import MOVES


@dataclass(frozen=True)
class Column:
    """What is held per observation: numpy's name of its type, and the shape of an observation's entry."""

    dtype: str
    shape: tuple[int, ...]


def label_columns(distribution_mode: str) -> dict[str, Column]:
    """The labels of an observation.

    Returns:
        `observation`, RGB; `seed` of the level; `square` (x, y) of the mouse; `facing`, 0 left and
        1 right; `cheese` (x, y), or (-1, -1) without one; `size` of the maze; `walls`, True for a
        wall, indexed `[y, x]`, the maze in the middle of procgen's world with
        (world − size) / 2 rows of wall on every side; `features`, the distances of `maze_features`
        in the order of `FEATURE_NAMES`, NaN for what the maze has not; `probs` of the moves left,
        down, up, right, noop; `value`, output of the value head.
    """
    world = WORLD_SIZE[distribution_mode]
    return {
        "observation": Column("uint8", (PIXELS, PIXELS, 3)),
        "seed": Column("int32", ()),
        "square": Column("int16", (2,)),
        "facing": Column("uint8", ()),
        "cheese": Column("int16", (2,)),
        "size": Column("int16", ()),
        "walls": Column("bool", (world, world)),
        "features": Column("float64", (len(FEATURE_NAMES),)),
        "probs": Column("float64", (len(MOVES),)),
        "value": Column("float64", ()),
    }


def row_bytes(columns: Mapping[str, Column]) -> int:
    """Bytes of one observation in these columns, before compression."""
    return sum(math.prod(column.shape) * np.dtype(column.dtype).itemsize for column in columns.values())


def level_labels(maze: Maze, states: Sequence[tuple[Square, Facing]]) -> dict[str, NDArray[np.generic]]:
    """The labels that follow from a level and the states chosen in it, each `[states, ...]`."""
    features = maze_features(maze)
    level = {
        "seed": maze.seed,
        "cheese": maze.cheese or (-1, -1),
        "size": maze.size,
        "walls": ~maze.padded().open,
        "features": [np.nan if features[name] is None else features[name] for name in FEATURE_NAMES],
    }
    return {
        "square": np.array([square for square, _ in states]),
        "facing": np.array([FACINGS.index(facing) for _, facing in states]),
        **{name: np.repeat(np.asarray(value)[None], len(states), axis=0) for name, value in level.items()},
    }
