"""The study `field`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.errors import OptionError
from maze_interp.studies.agent_study import AgentOptions
from maze_interp.studies.options import Cheese, Count, Mode

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.edits.base import Edit
    from maze_interp.mazes.maze import Maze as MazeType
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Field(AgentOptions):
    """Draw one level's vector field; with edits, the field before, after and the difference.

    Attributes:
        seed: The level.
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
        maze: A text file with a drawn maze to use instead of a level ('#' wall, '.' open, 'C' cheese, 'M' start).
        edits: A YAML file of edits to the network.
    """

    name: ClassVar[str] = "field"
    title: ClassVar[str] = "One level in full"
    needs_network: ClassVar[bool] = False

    seed: Count = 0
    region: Cheese = "anywhere"
    maze: Path | None = None
    edits: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.maze is not None and self.region != "anywhere":
            raise OptionError("--maze draws its own cheese; leave --region out")

    @cached_property
    def loaded_edits(self) -> tuple[Edit, ...]:
        """The edits in the file."""
        from maze_interp.edits import load

        return tuple(load(self.edits)) if self.edits else ()

    @cached_property
    def level(self) -> MazeType:
        """The maze."""
        from maze_interp.sweeps.levels import LevelSet, read_maze

        if self.maze is not None:
            return read_maze(self.maze, self.distribution_mode, self.seed)
        return LevelSet((self.seed,), self.distribution_mode, self.region).maze(self.seed)

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        drawn = self.level.to_ascii().splitlines()
        return {**super().settings(), "maze": drawn, "edits": [repr(edit) for edit in self.loaded_edits]}

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        return {}

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: the level with a decision square whose P(cheese) is nearest to one half."""
        from maze_interp.results.files import read_csv

        levels = read_csv(sweeps["anywhere"] / "levels.csv")
        levels = levels[levels["exit_cheese"].notna()]
        if not len(levels):
            return None
        nearest = levels.loc[(levels["p_cheese"] - 0.5).abs().idxmin()]
        return cls(agent=agent, mode=mode, seed=int(nearest["seed"]))
