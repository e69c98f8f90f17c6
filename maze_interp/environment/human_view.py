"""procgen's own 512×512 picture of a maze, made for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import checked
from maze_interp.environment.levels import state_of_maze
from maze_interp.environment.simulator import simulator
from maze_interp.mazes.maze import Maze


@checked
def human_view(maze: Maze) -> NDArray[np.uint8]:
    """procgen's picture of `maze` with the mouse on its start, uint8 `[512, 512, 3]`, RGB.

    It shows the whole world, padding included, as the agent's 64×64 observation does.
    """
    return simulator(maze.distribution_mode, for_people=True).render_for_people(state_of_maze(maze))
