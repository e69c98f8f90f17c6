"""One row per level: the maze's features and the policy's exact behaviour."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from maze_interp.edits.base import Edit
from maze_interp.environment.levels import maze_from_seed, region_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.features import FEATURE_NAMES, maze_features
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.behaviour import HORIZON, Behaviour, behaviours

OUTCOMES = (
    "p_cheese",
    "p_top_right",
    "p_region",
    "expected_steps",
    "decision_p_cheese",
    "decision_p_top_right",
    "decision_p_other",
    "exit_cheese",
    "exit_top_right",
    "exit_other",
)
"""What a policy does in a level, as in `Behaviour` and, at the decision square, `VectorField` and `FirstExit`."""

COLUMNS = (
    "seed",
    "size",
    "open_squares",
    "cheese_x",
    "cheese_y",
    "decision_x",
    "decision_y",
    *FEATURE_NAMES,
    *OUTCOMES,
)
"""Columns of `levels.csv`; what a level has not (no decision square, say) is left empty."""


@dataclass(frozen=True)
class LevelSet:
    """Which levels, and where their cheese lies.

    Attributes:
        seeds: procgen level seeds, rising: a half-open range, or some.
        distribution_mode: `"easy"` or `"hard"`.
        cheese: `"anywhere"` (procgen's own), `"none"`, `"half"` (procgen's own in levels of even seed,
            none in the others), or n for a random square of the top-right n×n, as in training.
    """

    seeds: Sequence[int]
    distribution_mode: DistributionMode
    cheese: int | str = "anywhere"

    def maze(self, seed: int) -> Maze:
        """The maze of one level."""
        if isinstance(self.cheese, int):
            return region_maze(seed, self.cheese, self.distribution_mode)
        maze = maze_from_seed(seed, self.distribution_mode)
        without = self.cheese == "none" or (self.cheese == "half" and seed % 2 == 1)
        return maze.with_cheese(None) if without else maze

    @property
    def name(self) -> str:
        """The seeds as on the command line, `first:end`; if some are left out, their number and a hash as well."""
        span = f"{self.seeds[0]}:{self.seeds[-1] + 1}" if self.seeds else "0:0"
        if isinstance(self.seeds, range):
            return span
        digest = hashlib.sha256(json.dumps(list(self.seeds)).encode()).hexdigest()[:8]
        return f"{span}, {len(self.seeds)} of them ({digest})"


def parse_seeds(text: str) -> range:
    """`"0:1000"` (half-open) or `"7"` (one level) as a range.

    Raises:
        MazeInterpError: not of that form, or empty.
    """
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError as error:
        raise MazeInterpError(f"seeds are written first:end, such as 0:1000, not {text!r}") from error
    if not seeds:
        raise MazeInterpError(f"the seed range {text} is empty; the end is not included")
    if seeds.start < 0:
        raise MazeInterpError(f"level seeds start at 0, not {seeds.start}")
    return seeds


def parse_cheese(text: str) -> int | str:
    """`"anywhere"`, `"none"`, `"half"`, or the n of a top-right n×n region.

    Raises:
        MazeInterpError: anything else.
    """
    if text in ("anywhere", "none", "half"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise MazeInterpError(f"the region is a whole number from 1, or anywhere, or none, or half; not {text!r}")


def level_rows(
    policy: nn.Module, levels: LevelSet, seeds: Sequence[int], edits: Sequence[Edit] = (), horizon: int = HORIZON
) -> list[dict[str, Any]]:
    """Rows for some of the levels, in order; columns as in `COLUMNS`."""
    results = behaviours(policy, (levels.maze(seed) for seed in seeds), edits, horizon)
    return [level_row(seed, result) for seed, result in zip(seeds, results, strict=True)]


def level_row(seed: int, result: Behaviour) -> dict[str, Any]:
    """One level's row."""
    maze, field, first_exit = result.maze, result.field, result.first_exit
    return {
        "seed": seed,
        "size": maze.size,
        "open_squares": len(maze.squares),
        **dict(zip(("cheese_x", "cheese_y"), maze.cheese or (None, None), strict=True)),
        **dict(zip(("decision_x", "decision_y"), maze.decision_square or (None, None), strict=True)),
        **maze_features(maze),
        "p_cheese": result.p_cheese,
        "p_top_right": result.p_top_right,
        "p_region": result.p_region,
        "expected_steps": result.expected_steps,
        "decision_p_cheese": field.p_cheese,
        "decision_p_top_right": field.p_top_right,
        "decision_p_other": field.p_other,
        "exit_cheese": first_exit and first_exit.cheese,
        "exit_top_right": first_exit and first_exit.top_right,
        "exit_other": first_exit and first_exit.other,
    }


def read_maze(path: Path, distribution_mode: DistributionMode, seed: int) -> Maze:
    """A maze drawn in a text file, with the looks of level `seed`.

    Raises:
        MazeInterpError: no such file, or a malformed drawing; the message names the file.
    """
    try:
        return Maze.from_ascii(path.read_text(), distribution_mode, seed)
    except (OSError, UnicodeDecodeError) as error:
        raise MazeInterpError(f"{path} cannot be read as text: {error}") from error
    except MazeInterpError as error:
        raise MazeInterpError(f"{path}: {error}") from error
