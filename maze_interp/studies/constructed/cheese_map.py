"""One level with its cheese on every square in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn
from typing_extensions import Self

from maze_interp.mazes.constructed import cheese_everywhere
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import behaviours
from maze_interp.sweeps.experiment import Experiment
from maze_interp.sweeps.levels import LevelSet


@dataclass(frozen=True)
class CheesePlaces(LevelSet):
    """One level with its cheese on every open square but the start: a seed is the number of a place."""

    level: int = 0

    @cached_property
    def mazes(self) -> tuple[Maze, ...]:
        """The level with its cheese on each square, in the order of squares."""
        return tuple(cheese_everywhere(super().maze(self.level)))

    def maze(self, seed: int) -> Maze:
        """The level with its cheese on the square of that number."""
        return self.mazes[seed]


@dataclass(frozen=True)
class CheeseMap(Experiment):
    """A row for every place of the cheese in one level, given by its seed; exact."""

    name: ClassVar[str] = "cheese_map"
    columns: ClassVar[Sequence[str]] = ("x", "y", "p_cheese")
    batch: ClassVar[int] = 8

    level: int

    @classmethod
    def of_level(cls, policy: nn.Module, agent: str, levels: LevelSet, level: int) -> Self:
        """The experiment on one of some levels, given by its seed."""
        count = len(levels.maze(level).squares) - 1
        places = CheesePlaces(range(count), levels.distribution_mode, levels.cheese, level)
        return cls(policy, agent, places, level)

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        return self.rows_of_levels([maze])[0]

    def rows_of_levels(self, mazes: Sequence[Maze]) -> list[list[dict[str, Any]]]:
        """See `Experiment`."""
        return [
            [dict(zip(self.columns, (*(maze.cheese or ()), result.p_cheese), strict=True))]
            for maze, result in zip(mazes, behaviours(self.policy, mazes), strict=True)
        ]

    def table(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the level's seed in the place of the number of the place."""
        return rows.assign(seed=self.level)


def cheese_grid(rows: pd.DataFrame, size: int) -> NDArray[np.float64]:
    """Rows of `CheeseMap` as P(cheese) `[size, size]`, indexed `[y, x]`; NaN in walls and on the start."""
    grid = np.full((size, size), np.nan)
    grid[rows["y"], rows["x"]] = rows["p_cheese"]
    return grid


def shown_level(levels: LevelSet, candidates: int = 50) -> int:
    """Seed of the level whose map is shown: of the first 50, the one at the upper quartile of open squares."""
    seeds = levels.seeds[:candidates]
    order = np.argsort([len(levels.maze(seed).squares) for seed in seeds], kind="stable")
    return int(seeds[int(order[(3 * len(order)) // 4])])
