"""procgen's own 512×512 picture of a maze, made for people."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from maze_interp.environment.levels import state_of_maze
from maze_interp.environment.simulator import procgen_environment
from maze_interp.mazes.maze import DistributionMode, Maze


def human_view(maze: Maze) -> NDArray[np.uint8]:
    """procgen's picture of `maze` with the mouse on its start, uint8 `[512, 512, 3]`, RGB.

    It shows the whole world, padding included, as the agent's 64×64 observation does.
    """
    env = _environment(maze.distribution_mode)
    env.set_state([state_of_maze(maze)])
    return cast(NDArray[np.uint8], env.get_info()[0]["rgb"].copy())


@cache
def _environment(distribution_mode: DistributionMode) -> Any:
    return procgen_environment(1, distribution_mode, start_level=0, num_levels=1, render_mode="rgb_array")
