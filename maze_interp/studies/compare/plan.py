"""What is compared: sweeps to run, sweeps that are there, and an untrained network for each mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode
from maze_interp.measure.behaviour import HORIZON
from maze_interp.policies.agents import agent_folders, agent_info, agent_mode, training_region
from maze_interp.policies.architectures import new_network
from maze_interp.policies.names import agent_label
from maze_interp.probing.controls import untrained_like
from maze_interp.studies.compare.measures import UNTRAINED
from maze_interp.studies.compare.seeds import way_of_training
from maze_interp.studies.runner import Run
from maze_interp.studies.statistics.data import FinishedSweep
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep

SOLVES = 0.95
"""P(cheese) on held-out levels as in training from which on an agent is compared unless agents are named."""


@dataclass(frozen=True, eq=False)
class Planned:
    """One agent of a comparison.

    Attributes:
        sweep: to run, or finished.
        region: the n of the top-right n×n outside which its cheese counts as outside.
    """

    sweep: LevelSweep | FinishedSweep
    region: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the sweep."""
        return self.sweep.settings

    @property
    def name(self) -> str:
        """In the tables: of the agent or its file, its mode, and whether its activations were edited."""
        edited = ", edited" if self.settings.get("edits") else ""
        return f"{agent_label(self.settings['agent'])} ({self.settings['mode']}{edited})"

    @property
    def folder(self) -> str:
        """A name for its folder."""
        return self.name.translate(str.maketrans(" ", "-", "(),"))

    def seeds(self, count: int) -> Sequence[int]:
        """Its first levels."""
        if isinstance(self.sweep, FinishedSweep):
            return [int(seed) for seed in self.sweep.levels["seed"][:count]]
        return self.sweep.levels.seeds[:count]

    def finished(self, run: Run) -> FinishedSweep:
        """The sweep, run to its end unless it is finished."""
        if isinstance(self.sweep, FinishedSweep):
            return self.sweep
        return FinishedSweep(self.settings, run.rows(self.sweep, f"sweeps/{self.folder}"), self.region)


def last_stages() -> tuple[str, ...]:
    """One agent at hand of each way of training, without earlier stages of the same levels and region.

    Agents that solve less than `SOLVES` of held-out levels as in training are left out: where they miss the cheese
    elsewhere, they may only have failed the maze.
    """
    known = [agent_info(name) for name in agent_folders()]
    begun = {(way_of_training(one.start_from), one.distribution_mode, one.region) for one in known if one.start_from}
    last = dict[tuple[object, ...], str]()
    for one in known:
        if one.success is None or one.success >= SOLVES:
            last.setdefault((way_of_training(one.name), one.distribution_mode, one.region), one.name)
    return tuple(name for way, name in last.items() if way not in begun)


def planned(
    finished: Sequence[FinishedSweep], agents: Sequence[str], seeds: Sequence[int], load: Callable[[str], nn.Module]
) -> list[Planned]:
    """The finished sweeps, the agents to sweep, and an untrained network for each mode.

    The untrained network has the region and the levels of the first agent in its mode, of these no more than `seeds`.

    Args:
        finished: sweeps.
        agents: names or files.
        seeds: levels to sweep.
        load: the policy of a name or file, where and as precisely as it is to run.

    Raises:
        MazeInterpError: an unknown agent, or as `require_comparable`.
    """
    plan = [Planned(sweep, sweep.region) for sweep in finished]
    for agent, mode in map(parse_agent, agents):
        plan.append(Planned(LevelSweep(load(agent), agent, LevelSet(seeds, mode)), training_region(agent)))
    require_comparable(plan)
    control = untrained_like(new_network("1"))
    firsts: dict[DistributionMode, Planned] = {}
    for one in plan:
        firsts.setdefault(one.settings["mode"], one)
    for mode, first in firsts.items():
        levels, horizon = LevelSet(first.seeds(len(seeds)), mode), first.settings.get("horizon", HORIZON)
        plan.append(Planned(LevelSweep(control, UNTRAINED, levels, (), horizon), first.region))
    return plan


def parse_agent(text: str) -> tuple[str, DistributionMode]:
    """An agent and the mode of its levels: its own, or that after a colon.

    Raises:
        MazeInterpError: an unknown agent.
    """
    agent, _, mode = text.rpartition(":")
    return (agent, mode) if agent and mode in WORLD_SIZE else (text, agent_mode(text))  # type: ignore[return-value]


def require_comparable(plan: Sequence[Planned]) -> None:
    """Refuse what cannot stand in one table.

    Raises:
        MazeInterpError: nothing, a sweep with the cheese elsewhere than procgen has it, one of another horizon than
            the first, an agent twice, or two of one name.
    """
    if not plan:
        raise MazeInterpError("there is nothing to compare; name agents or finished sweeps")
    horizon = plan[0].settings.get("horizon")
    hashes: dict[tuple[object, ...], str] = {}
    for one in plan:
        settings, name = one.settings, one.name
        if settings["cheese"] != "anywhere":
            raise MazeInterpError(f"the sweep of {name} has cheese: {settings['cheese']}; comparing needs it anywhere")
        if settings.get("horizon") != horizon:
            raise MazeInterpError(f"the sweep of {name} has episodes of {settings.get('horizon')} moves, not {horizon}")
        same = (settings["agent_hash"], settings["mode"], str(settings.get("edits")))
        if same in hashes:
            raise MazeInterpError(f"{name} and {hashes[same]} are one agent ({settings['agent_hash']}); name it once")
        if name in hashes.values():
            raise MazeInterpError(f"two agents are both called {name}; give one file another name")
        hashes[same] = name
