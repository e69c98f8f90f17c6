"""Which levels a run learns from: as procgen draws them, or by what they still teach.

A random policy solves small mazes by chance, so learning begins there. The next size is opened once the policy does
well in the largest open one; among the open sizes the worse a size is solved the more often it is drawn. At first it is
how straight the policy goes to the goal that counts (efficiency). To finish a policy it is whether it arrives at all
(success), and levels that it failed come again until it solves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from maze_interp.bundled import HELD_OUT
from maze_interp.mazes.maze import Maze
from maze_interp.training.objective import ExactConfig
from maze_interp.training.returns import LevelReturns

SIZES = {"easy": range(3, 16, 2), "hard": range(3, 26, 2)}
"""Sizes of the mazes of each mode; procgen draws each as often as any other."""

_OPENS = {"efficiency": 0.5, "success": 0.8}  # in the largest open size, from which on the next one is open
_SMOOTHING = 0.05  # share of a new level in a size's mean
_SHARE = 0.05  # least weight of an open size
_SOLVED = 0.95  # probability of success from which on a level is solved
_WAITING = 500  # most levels that wait to be repeated; the oldest go


class Curriculum:
    """Draws the levels of a run; without `config.curriculum` every size is as likely as any other.

    Attributes:
        by_size: mean efficiency or success so far of the sizes drawn, smoothed.
        failed: seeds of the levels that wait to be repeated, in order.
        measure: which of the two counts.
    """

    def __init__(
        self, config: ExactConfig, by_size: dict[int, float] | None = None, failed: Iterable[int] = ()
    ) -> None:
        self._config = config
        self.measure = "success" if config.repeat else "efficiency"
        self.by_size = dict(by_size or {})
        self.failed = list(failed)
        self._repeated = 0

    def weights(self) -> dict[int, float]:
        """How likely each size is to be drawn, up to a factor."""
        if not self._config.curriculum:
            return {}
        weights = {}
        for size in SIZES[self._config.distribution_mode]:
            mean = self.by_size.get(size, 0.0)
            weights[size] = max(1 - mean, _SHARE)
            if mean < _OPENS[self.measure]:
                break
        return weights

    def draw(self, rng: np.random.Generator) -> list[Maze]:
        """The levels of one update: first those repeated, which wait no longer, then new ones."""
        config, weights = self._config, self.weights()
        self._repeated = repeated = min(len(self.failed), int(config.levels * config.repeat))
        mazes = [config.level(seed) for seed in self.failed[:repeated]]
        del self.failed[:repeated]
        if not weights:
            return mazes + [draw_level(config, rng) for _ in range(config.levels - repeated)]
        chance = np.array(list(weights.values()))
        sizes = rng.choice(list(weights), config.levels - repeated, p=chance / chance.sum())
        return mazes + [draw_level(config, rng, int(size)) for size in sizes]

    def learn(self, mazes: Sequence[Maze], levels: Sequence[LevelReturns]) -> None:
        """Take note of how the levels drawn last went."""
        for maze, level in list(zip(mazes, levels, strict=True))[self._repeated :]:
            result = float(getattr(level, self.measure))
            before = self.by_size.get(maze.size, result if self._config.repeat else 0.0)
            self.by_size[maze.size] = before + _SMOOTHING * (result - before)
        if self._config.repeat:
            self.failed += [m.seed for m, level in zip(mazes, levels, strict=True) if level.success < _SOLVED]
            del self.failed[:-_WAITING]


def draw_level(config: ExactConfig, rng: np.random.Generator, size: int | None = None) -> Maze:
    """A new level below `HELD_OUT`, of a size if given; if the goal is the corner, the cheese lies elsewhere."""
    while True:
        maze = config.level(int(rng.integers(HELD_OUT)))
        if size is not None and maze.size != size:
            continue
        if config.goal == "cheese" or maze.top_right not in (maze.cheese, maze.start):
            return maze
