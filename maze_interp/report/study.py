"""What the report measures: an agent on held-out levels, the cheese as in training and as procgen has it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from torch import nn

from maze_interp.environment.levels import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import AgentInfo, agent_info, agent_mode, load_network, training_region
from maze_interp.policies.names import agent_label, names_file
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.groups import in_region, read_levels
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep

FULL = 1000
"""Levels of a report of full size, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class Study:
    """An agent, the levels it is measured on, and the folder.

    Attributes:
        agent: a name, or the path of a checkpoint.
        policy: its network.
        info: what is recorded about it; None for a checkpoint file.
        mode: the levels' distribution.
        region: the n of the top-right n×n it was trained with, or the published 5 if not recorded.
        seeds: the levels.
        out: the report's folder.
    """

    agent: str
    policy: nn.Module
    info: AgentInfo | None
    mode: DistributionMode
    region: int
    seeds: range
    out: Path

    def some(self, count: int) -> range:
        """The first `count` levels of a report of full size; of a smaller one, as large a share of its levels."""
        share = -(-count * len(self.seeds) // FULL)
        return self.seeds[: max(1, min(count, share))]

    @property
    def name(self) -> str:
        """The agent's name, or its file's without folder and suffix."""
        return agent_label(self.agent)

    @property
    def region_recorded(self) -> bool:
        """Whether the training region is known."""
        return self.info is not None and isinstance(self.info.region, int)

    @property
    def where_trained(self) -> str:
        """Where the cheese lay in training, as far as that is known."""
        if self.region_recorded:
            return f"{self.region_name} squares"
        return "not on record" if self.info is None or self.info.region is None else str(self.info.region)

    @property
    def region_name(self) -> str:
        """Such as "top-right 3×3"."""
        return f"top-right {self.region}×{self.region}"

    @property
    def trained_sweep(self) -> LevelSweep:
        """The levels with the cheese in the region."""
        return self._sweep(self.region)

    @property
    def anywhere_sweep(self) -> LevelSweep:
        """The same levels with the cheese where procgen puts it."""
        return self._sweep("anywhere")

    @cached_property
    def trained(self) -> pd.DataFrame:
        """Rows of `trained_sweep`."""
        return read_levels(self.folder(self.trained_sweep) / "levels.csv")

    @cached_property
    def anywhere(self) -> pd.DataFrame:
        """Rows of `anywhere_sweep`, on the same levels in the same order."""
        return read_levels(self.folder(self.anywhere_sweep) / "levels.csv")

    @cached_property
    def outside(self) -> pd.Series:
        """Of the rows of `anywhere`: whether the cheese lies outside the region."""
        return ~in_region(self.anywhere, self.region)

    def folder(self, sweep: LevelSweep) -> Path:
        """The folder of one of the sweeps."""
        return self.out / "sweeps" / ("anywhere" if sweep.levels.cheese == "anywhere" else "region")

    def measure(self, sweep: LevelSweep) -> None:
        """Run one of the sweeps, or what is left of it."""
        run_experiment(sweep, self.folder(sweep))

    def command(self, command: str, **options: str | int) -> str:
        """A command line about this agent."""
        given = {"agent": self.agent, **options}
        if self.mode != agent_mode(self.agent):
            given["mode"] = self.mode
        return shlex.join(
            [
                "maze-interp",
                *command.split(),
                *(part for key, value in given.items() for part in (f"--{key}", str(value))),
            ]
        )

    def sweep_command(self, sweep: LevelSweep) -> str:
        """The command that makes one of the sweeps."""
        cheese = str(sweep.levels.cheese)
        return self.command("sweep", seeds=sweep.levels.name, region=cheese, out=f"runs/{self.folder(sweep).name}")

    def _sweep(self, cheese: int | str) -> LevelSweep:
        return LevelSweep(self.policy, self.agent, LevelSet(self.seeds, self.mode, cheese))


def make_study(agent: str, out: Path, levels: int, mode: DistributionMode | None) -> Study:
    """The study of an agent on the first `levels` held-out levels.

    Raises:
        MazeInterpError: no such agent, or fewer than one level.
    """
    if levels < 1:
        raise MazeInterpError(f"a report needs at least 1 level, not {levels}")
    return Study(
        agent=agent,
        policy=load_network(agent),
        info=None if names_file(agent) else agent_info(agent),
        mode=mode or agent_mode(agent),
        region=training_region(agent),
        seeds=range(HELD_OUT, HELD_OUT + levels),
        out=out,
    )


def difference(a: pd.Series, b: pd.Series) -> Estimate:
    """Mean of a − b over the levels where both are known, paired by row."""
    return estimate(a.to_numpy() - b.to_numpy())


def tells(one: Estimate) -> int:
    """What an interval of a difference tells: 1 above zero, −1 below, 0 neither (or no interval)."""
    if one.low is None or one.high is None:
        return 0
    return int(one.low > 0) - int(one.high < 0)
