"""The study `sweep`: a row per level, means by group of levels, P(cheese) by distance, size and place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Cheese, Horizon, Seeds

if TYPE_CHECKING:
    import pandas as pd

    from maze_interp.edits.base import Edit
    from maze_interp.studies.runner import Run
    from maze_interp.sweeps.sweep import LevelSweep


@dataclass(frozen=True, kw_only=True)
class Sweep(AgentStudy):
    """Measure exact behaviour on many levels: one row per level, means with intervals, pictures.

    Attributes:
        seeds: Levels, first:end, the end not included.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
        edits: A YAML file of edits to the network, in force throughout.
        horizon: Moves in an episode.
    """

    name: ClassVar[str] = "sweep"
    title: ClassVar[str] = "Behaviour by level"
    needs_network: ClassVar[bool] = False

    seeds: Seeds = range(1000)
    region: Cheese = "anywhere"
    edits: Path | None = None
    horizon: Horizon = 500

    @cached_property
    def loaded_edits(self) -> tuple[Edit, ...]:
        """The edits in the file."""
        from maze_interp.edits import load

        return tuple(load(self.edits)) if self.edits else ()

    @property
    def experiment(self) -> LevelSweep:
        """What is measured."""
        from maze_interp.sweeps.sweep import LevelSweep

        return LevelSweep(self.policy, self.agent, self.levels(cheese=self.region), self.loaded_edits, self.horizon)

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        return {**super().settings(), "edits": [repr(edit) for edit in self.loaded_edits]}

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        return {"levels": run.rows(self.experiment)}
