"""What every part of a report is about: an agent, held-out levels, and two sweeps of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pandas as pd

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import AgentInfo, agent_info, agent_mode, is_agent, training_region
from maze_interp.policies.placement import Device, Precision
from maze_interp.results.files import read_csv
from maze_interp.studies.agent_study import NetworkOptions
from maze_interp.studies.sweep.study import Sweep
from maze_interp.sweeps.groups import in_region

FULL = 1000
"""Levels of a report of full size."""

NetworkStudy = TypeVar("NetworkStudy", bound=NetworkOptions)


@dataclass(frozen=True, eq=False)
class Context:
    """An agent, the levels it is measured on, and the report's folder.

    Attributes:
        agent: a name, or the path of a checkpoint.
        levels: how many held-out levels.
        given_mode: the levels' distribution; None for the agent's own.
        out: the report's folder.
        device: where networks run.
        precision: of the networks.

    Raises:
        MazeInterpError: no such agent, or fewer than one level.
    """

    agent: str
    levels: int
    given_mode: DistributionMode | None
    out: Path
    device: Device = "auto"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise MazeInterpError(f"a report needs at least 1 level, not {self.levels}")

    @cached_property
    def info(self) -> AgentInfo | None:
        """What is on record about the agent; None for a checkpoint file."""
        return agent_info(self.agent) if is_agent(self.agent) else None

    @cached_property
    def mode(self) -> DistributionMode:
        """The levels' distribution."""
        return self.given_mode or agent_mode(self.agent)

    @cached_property
    def region(self) -> int:
        """The n of the top-right n×n squares that the report divides levels by."""
        return training_region(self.agent)

    @property
    def region_known(self) -> bool:
        """Whether the cheese is known to have lain in that region in training."""
        return self.info is not None and isinstance(self.info.region, int)

    @property
    def share(self) -> float:
        """Size of the report, 1 for full size."""
        return self.levels / FULL

    @cached_property
    def sweeps(self) -> dict[str, Sweep]:
        """The cheese in the region, and where procgen puts it; on the same levels."""
        seeds = range(HELD_OUT, HELD_OUT + self.levels)
        made: dict[str, int | str] = {"region": self.region, "anywhere": "anywhere"}
        return {
            name: self.placed(Sweep(agent=self.agent, mode=self.given_mode, seeds=seeds, region=region))
            for name, region in made.items()
        }

    def placed(self, study: NetworkStudy) -> NetworkStudy:
        """The study on the report's device and in its precision."""
        return replace(study, device=self.device, precision=self.precision)

    def folder(self, name: str) -> Path:
        """Of one of the sweeps."""
        return self.out / f"sweep-{name}"

    @cached_property
    def rows(self) -> dict[str, pd.DataFrame]:
        """The rows of both finished sweeps, levels in the same order."""
        return {name: read_csv(self.folder(name) / "levels.csv") for name in self.sweeps}

    @cached_property
    def outside(self) -> pd.Series:
        """Of the rows of `anywhere`: whether there is a cheese and it lies outside the region."""
        rows = self.rows["anywhere"]
        return rows["cheese_x"].notna() & ~in_region(rows, self.region)
