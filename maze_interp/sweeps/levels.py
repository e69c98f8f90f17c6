"""Sets of levels, and mazes drawn in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maze_interp.arguments import checked, choice
from maze_interp.display import Tabled
from maze_interp.documents import read_text
from maze_interp.environment.levels import level_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode, LevelSeed, Maze
from maze_interp.sweeps.selection import parse_cheese, parse_seeds, seeds_name

_as_mode = choice("distribution mode", WORLD_SIZE)


@dataclass(frozen=True, repr=False)
class LevelSet(Tabled):
    """A set of levels, and where their cheese lies.

    Attributes:
        seeds: procgen level seeds in ascending order, a range or a list.
        distribution_mode: `"easy"` or `"hard"`.
        cheese: `"anywhere"` (procgen's own), `"none"`, `"half"` (procgen's own in levels of even seed,
            none in the others), or n for a random square of the top-right n×n, as in training.

    Raises:
        MazeInterpError: no seeds, one twice or negative, an unknown mode, or another place for the cheese.
    """

    seeds: Sequence[int]
    distribution_mode: DistributionMode
    cheese: int | str = "anywhere"

    def __post_init__(self) -> None:
        object.__setattr__(self, "distribution_mode", _as_mode(self.distribution_mode, "distribution_mode"))
        object.__setattr__(self, "seeds", parse_seeds(self.seeds))
        object.__setattr__(self, "cheese", parse_cheese(self.cheese))

    @checked
    def maze(self, seed: LevelSeed) -> Maze:
        """The maze of one level."""
        half = "none" if seed % 2 else "anywhere"
        return level_maze(seed, self.distribution_mode, half if self.cheese == "half" else self.cheese)

    @property
    def name(self) -> str:
        """The seeds as on the command line, `first:end`; if some are left out, their number and a hash as well."""
        return seeds_name(self.seeds)


def read_maze(path: Path, distribution_mode: DistributionMode, seed: int) -> Maze:
    """A maze drawn in a text file, with the looks of level `seed`.

    Raises:
        MazeInterpError: no such file, or a malformed drawing; the message names the file.
    """
    text = read_text(path)
    try:
        return Maze.from_ascii(text, distribution_mode, seed)
    except MazeInterpError as error:
        raise MazeInterpError(f"{path}: {error}") from error
