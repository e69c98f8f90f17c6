"""What every resolver is given: the agent, how much to measure, on which levels, and where to keep it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from maze_interp.bundled import HELD_OUT
from maze_interp.environment.levels import maze_from_seed
from maze_interp.errors import Unmeasurable
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.placement import Device, Precision
from maze_interp.questions.measured import Draws, Measured, resample_levels
from maze_interp.questions.resolutions import Size
from maze_interp.results.files import write_csv
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.experiment import Experiment, run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.provenance import provenance

CHOOSING = 100_000_000
"""The first seed of the levels on which something is chosen or fitted; those reported on begin at `HELD_OUT`."""

SIZES: dict[Size, int] = {"full": 1, "medium": 5, "quick": 20}
"""By what the levels and steps of a question's parameters are divided."""

LEAST = 12
"""Levels that a smaller run keeps of each number, unless the question has fewer."""

RAREST = 300
"""Levels that are looked at for one that qualifies."""


@dataclass(frozen=True)
class Setting:
    """One run over all questions for one agent.

    Attributes:
        agent: name or file of the agent.
        region: the n of the top-right n×n that the agent was trained with.
        size: of `SIZES`.
        out: folder that everything measured is kept in.
        workers: local processes, None for one per core.
        used: folders in `out` that were asked for since the list was last cleared: the evidence of a question.
    """

    agent: str
    mode: DistributionMode
    region: int
    size: Size
    out: Path
    workers: int | None = None
    scheduler: str | None = None
    device: Device = "auto"
    precision: Precision = "float32"
    used: list[str] = field(default_factory=list, compare=False, repr=False)

    @cached_property
    def policy(self) -> PolicyNetwork:
        """The network."""
        return load_network(self.agent, self.device, self.precision)

    @property
    def options(self) -> str:
        """The options of a command that name the agent and, where they are not the usual ones, mode and precision."""
        mode = "" if self.mode == agent_mode(self.agent) else f" --mode {self.mode}"
        precision = "" if self.precision == "float32" else f" --precision {self.precision}"
        return f"--agent {shlex.quote(self.agent)}{mode}{precision}"

    def count(self, number: int, least: int = LEAST) -> int:
        """A number of levels, steps or the like at the size of this run."""
        return max(round(number / SIZES[self.size]), min(number, least))

    def levels(
        self,
        number: int,
        cheese: str = "anywhere",
        decision: bool = True,
        first: int = HELD_OUT,
        least: int = LEAST,
        asked: Callable[[Maze], bool] | None = None,
    ) -> LevelSet:
        """The first levels that qualify, as many as `count` says.

        Args:
            number: of the question.
            cheese: where it lies: anywhere, region, outside, none.
            decision: whether they need a decision square.
            first: seed to begin with, such as `CHOOSING`.
            least: of `count`.
            asked: what else a level must meet.

        Raises:
            Unmeasurable: fewer than one in `RAREST` levels qualifies.
        """
        where: dict[str, int | str] = {"region": self.region, "none": "none"}
        placed = LevelSet(range(1), self.mode, where.get(cheese, "anywhere"))

        def qualifies(seed: int) -> bool:
            maze = placed.maze(seed)
            if asked is not None and not asked(maze):
                return False
            if decision and maze_from_seed(seed, self.mode).decision_square is None:
                return False
            return cheese != "outside" or maze.cheese not in maze.region(self.region)

        wanted = self.count(number, least)
        if cheese != "outside" and not decision and asked is None:
            return replace(placed, seeds=range(first, first + wanted))
        seeds = tuple(islice(filter(qualifies, range(first, first + RAREST * wanted)), wanted))
        if len(seeds) < wanted:
            raise Unmeasurable(f"of {RAREST * wanted:,} levels {len(seeds)} qualify, not the {wanted} needed")
        return replace(placed, seeds=seeds)

    def run(self, experiment: Experiment) -> pd.DataFrame:
        """The table of an experiment, kept in a folder named after it and its settings."""
        settings = json.dumps(experiment.settings, sort_keys=True)
        name = f"{experiment.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"
        return run_experiment(experiment, self.folder(name), self.workers, self.scheduler)

    def keep(self, name: str, about: Mapping[str, Any], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """A table made once, kept in the folder `name`; plain JSON values `about` it decide it, besides the agent."""
        settings = {**provenance(self.policy, self.agent), "mode": self.mode, **json.loads(json.dumps(about))}
        with run_directory(self.folder(name), settings) as folder:
            path = folder / "table.csv"
            if not path.exists():
                write_csv(path, make())
            return pd.read_csv(path)

    def folder(self, name: str) -> Path:
        """The folder of that name in `out`, noted as evidence."""
        self.used.append(name)
        return self.out / name

    def measured(
        self, figures: Mapping[str, Draws], levels: LevelSet, command: str, chosen: str | None = None
    ) -> Measured:
        """What a resolver hands back, with the folders used since the list was cleared."""
        return Measured(figures, span(levels), command, chosen, tuple(dict.fromkeys(self.used)))


def span(levels: LevelSet) -> str:
    """The seeds from the first to the last, `first:end`, whether all between them qualify or not."""
    return f"{levels.seeds[0]}:{levels.seeds[-1] + 1}"


def level_figures(
    table: pd.DataFrame, statistic: Callable[[pd.DataFrame], Mapping[str, ArrayLike]], columns: Sequence[str]
) -> dict[str, Draws]:
    """Figures of a table with one row per level, complete in the given columns; see `resample_levels`."""
    return resample_levels(table[list(columns)].dropna().reset_index(drop=True), statistic)
