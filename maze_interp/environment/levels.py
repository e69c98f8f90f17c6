"""Between procgen's states and `Maze`: levels by seed, and the state that shows a given maze."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from maze_interp.arguments import checked
from maze_interp.environment import state as states
from maze_interp.environment.simulator import simulator
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, LevelSeed, RegionSize, set_level_maker
from maze_interp.mazes.maze import Maze as Maze  # `mi.Maze` comes from here, its `from_seed` at work


@checked
def maze_from_seed(seed: LevelSeed, distribution_mode: DistributionMode = "hard") -> Maze:
    """The maze of procgen's level `seed`, its cheese where procgen put it (anywhere but the start)."""
    return maze_from_state(_level_state(seed, distribution_mode))


set_level_maker(maze_from_seed)


def maze_from_state(state: bytes) -> Maze:
    """The maze in a procgen state; the mouse's place in the state does not matter.

    Raises:
        MazeInterpError: the bytes are not a state of procgen's maze in easy or hard mode.
    """
    at = states.layout(state)
    modes: dict[int, DistributionMode] = {15: "easy", 25: "hard"}
    if at.world not in modes:
        raise MazeInterpError(f"a world of {at.world} cells is neither easy (15) nor hard (25) mode")
    padding = (at.world - at.size) // 2
    inner = states.read_grid(state)[padding : padding + at.size, padding : padding + at.size]
    cheese = np.argwhere(inner == states.CHEESE)
    return Maze(
        open=inner != states.WALL,
        cheese=(int(cheese[0][1]), int(cheese[0][0])) if len(cheese) else None,
        distribution_mode=modes[at.world],
        seed=states.read_level_seed(state),
    )


@checked
def state_of_maze(maze: Maze) -> bytes:
    """The procgen state in which `maze` is about to be played from its start."""
    state = _level_state(maze.seed, maze.distribution_mode)
    grid = np.full_like(states.read_grid(state), states.WALL)
    inner = grid[maze.padding : maze.padding + maze.size, maze.padding : maze.padding + maze.size]
    inner[maze.open] = states.OPEN
    if maze.cheese is not None:
        inner[maze.cheese[::-1]] = states.CHEESE
    cell = (maze.start[0] + maze.padding, maze.start[1] + maze.padding)
    return states.with_mice(states.with_size(states.with_grid(state, grid), maze.size), [cell], mirrored=False)


@checked
def region_maze(seed: LevelSeed, region: RegionSize, distribution_mode: DistributionMode = "hard") -> Maze:
    """Level `seed` with the cheese as in training: a random open square of the top-right n×n.

    The published training environment draws it uniformly among the open cells of the region (n
    capped at the maze's size). Ours draws it from a generator seeded by (level, n), so a level
    and a region name one maze; the start, which lies inside small mazes' regions, is left out.
    """
    maze = maze_from_seed(seed, distribution_mode)
    choices = [square for square in maze.region(region) if square != maze.start]
    choice = np.random.default_rng([seed, region]).integers(len(choices))
    return maze.with_cheese(choices[choice])


def level_maze(seed: int, distribution_mode: DistributionMode, cheese: int | str) -> Maze:
    """Level `seed`, its cheese in the top-right n×n as by `region_maze`, `"anywhere"` as by procgen, or `"none"`."""
    if isinstance(cheese, int):
        return region_maze(seed, cheese, distribution_mode)
    maze = maze_from_seed(seed, distribution_mode)
    return maze if cheese == "anywhere" else maze.with_cheese(None)


@lru_cache(maxsize=64)
def _level_state(seed: int, distribution_mode: DistributionMode) -> bytes:
    return simulator(distribution_mode).level(seed)
