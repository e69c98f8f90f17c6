"""Which level each episode of a vector environment plays.

It is a function of (seed, environment, number of the episode) alone, so no environment's levels depend on what the
others do, nor on how many there are.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from maze_interp.arguments import shown, whole, word_or
from maze_interp.environment.levels import level_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, DistributionMode, Maze

Region = Annotated[int | Literal["anywhere", "none"], word_or(whole(1), "region", ("anywhere", "none"))]


def as_level_range(value: Any, name: str) -> range:
    """A range of level seeds with at least one in it."""
    if not isinstance(value, range) or not value or not all(0 <= seed <= MAX_SEED for seed in (value[0], value[-1])):
        raise MazeInterpError(f"{name} is a range of level seeds, 0 to {MAX_SEED}, not {shown(value)}")
    return value


def stream_of(seed: int | None, slot: int) -> int:
    """The name of an environment's sequence of levels, 64 bits."""
    return int(np.random.SeedSequence(seed, spawn_key=(slot,)).generate_state(1, np.uint64)[0])


def draw_level(stream: int, episode: int, levels: range, region: Region, mode: DistributionMode) -> Maze:
    """The level of an episode, drawn uniformly from `levels`; its cheese as `region` says, see `MazeVectorEnv`."""
    sequence = np.random.SeedSequence(stream, spawn_key=(episode,))
    seed = levels[int(np.random.default_rng(sequence).integers(len(levels)))]
    return level_maze(seed, mode, region)
