"""Which levels a run learns from: as procgen draws them, or by what they still teach.

A random policy solves small mazes by chance, so learning begins there. The next size is opened once the policy goes
about straight to the goal in the largest open one; among the open sizes the worse a size is solved the more often it
is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from maze_interp.bundled import HELD_OUT
from maze_interp.environment.levels import maze_from_seed, region_maze
from maze_interp.mazes.maze import Maze
from maze_interp.training.objective import ExactConfig

SIZES = {"easy": range(3, 16, 2), "hard": range(3, 26, 2)}
"""Sizes of the mazes of each mode; procgen draws each as often as any other."""

_OPENS = 0.5  # efficiency in the largest open size from which on the next one is open
_SMOOTHING = 0.05  # share of a new level in a size's mean efficiency
_SHARE = 0.05  # least weight of an open size


class Curriculum:
    """Draws the levels of a run.

    Args:
        config: the run; without `config.curriculum` every size is as likely as any other.
        efficiency: mean efficiency by size so far, as `state` gives it.
    """

    def __init__(self, config: ExactConfig, efficiency: dict[int, float] | None = None) -> None:
        self._config = config
        self._efficiency = dict(efficiency or {})

    @property
    def state(self) -> dict[int, float]:
        """What a checkpoint keeps: smoothed efficiency by size, of the sizes drawn so far."""
        return dict(self._efficiency)

    def weights(self) -> dict[int, float]:
        """How likely each size is to be drawn, up to a factor."""
        if not self._config.curriculum:
            return {}
        weights = {}
        for size in SIZES[self._config.distribution_mode]:
            efficiency = self._efficiency.get(size, 0.0)
            weights[size] = max(1 - efficiency, _SHARE)
            if efficiency < _OPENS:
                break
        return weights

    def draw(self, rng: np.random.Generator) -> list[Maze]:
        """The new levels of one update."""
        weights = self.weights()
        if not weights:
            return [draw_level(self._config, rng) for _ in range(self._config.levels)]
        chance = np.array(list(weights.values()))
        sizes = rng.choice(list(weights), self._config.levels, p=chance / chance.sum())
        return [draw_level(self._config, rng, int(size)) for size in sizes]

    def learn(self, results: Iterable[tuple[int, float]]) -> None:
        """Take note of (size, efficiency) of levels."""
        for size, efficiency in results:
            before = self._efficiency.get(size, 0.0)
            self._efficiency[size] = before + _SMOOTHING * (efficiency - before)


def draw_level(config: ExactConfig, rng: np.random.Generator, size: int | None = None) -> Maze:
    """A new level below `HELD_OUT`, of a size if given; if the goal is the corner, the cheese lies elsewhere."""
    while True:
        seed = int(rng.integers(HELD_OUT))
        if config.region is None:
            maze = maze_from_seed(seed, config.distribution_mode)
        else:
            maze = region_maze(seed, config.region, config.distribution_mode)
        if size is not None and maze.size != size:
            continue
        if config.goal == "cheese" or maze.top_right not in (maze.cheese, maze.start):
            return maze
