"""Questions on levels in which only the cheese moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.errors import Unmeasurable
from maze_interp.mazes.constructed import swapped_branches
from maze_interp.mazes.maze import Maze
from maze_interp.questions.measured import Measured
from maze_interp.questions.resolvers.distances import refitted
from maze_interp.questions.resolvers.setting import Setting, level_figures
from maze_interp.studies.constructed.measure import SWAP, ConstructedLevels
from maze_interp.studies.constructed.region_parts import INSIDE, OUTSIDE, RegionParts, matched_difference
from maze_interp.studies.constructed.tables import swap_levels
from maze_interp.studies.statistics.fits import Array

GROUPS = {"cheese in a region of several parts": INSIDE, "cheese outside the region": OUTSIDE}


def branch_swap(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`branch-swap`: of procgen's levels those with two such branches, of moves off the fork."""
    shortest = int(parameters["shortest"])

    def asked(maze: Maze) -> bool:
        return swapped_branches(maze, setting.region, shortest) is not None

    levels = setting.levels(parameters["levels"], decision=False, asked=asked)
    experiment = ConstructedLevels(setting.policy, setting.agent, levels, setting.region, shortest, (SWAP,))
    figures = level_figures(swap_levels(setting.run(experiment)), _each, ("follows", "switch"))
    return setting.measured(figures, levels, f"maze-interp constructed {setting.options} --shortest {shortest}")


def _each(means: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): values for name, values in means.items()}


def region_parts(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`matched-difference`; levels are resampled, with both of their places of the cheese."""
    groups = tuple(GROUPS.get(parameters[name], parameters[name]) for name in ("group", "against"))
    if groups != (INSIDE, OUTSIDE):
        raise Unmeasurable(f"nothing measures {parameters['group']!r} against {parameters['against']!r}")
    levels = setting.levels(parameters["levels"], decision=False, least=300)
    table = setting.run(RegionParts(setting.policy, setting.agent, levels, setting.region))
    if not (table["cheese"] == INSIDE).any():
        raise Unmeasurable(f"in none of {len(levels.seeds)} levels is the region in several parts")
    seeds, place = np.unique(table["seed"], return_inverse=True)

    def statistic(counts: Array) -> Array:
        return np.array([matched_difference(table, counts[place])])

    figures = refitted(["difference"], statistic, len(seeds))
    return setting.measured(figures, levels, f"maze-interp constructed {setting.options}")
