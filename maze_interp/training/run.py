"""The settings that every training run has, whatever its method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from maze_interp.environment.levels import level_maze
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode, Maze
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures import new_network
from maze_interp.policies.names import require_agent_name
from maze_interp.policies.network import PolicyNetwork
from maze_interp.validation import Count, Finite, Positive, fault


def _agent_name(name: str) -> str:
    try:
        return require_agent_name(name)
    except MazeInterpError as error:
        raise fault(str(error)) from error


AgentName = Annotated[str, AfterValidator(_agent_name)]
"""What an agent may be called."""

Region = Annotated[int, Field(ge=1, le=max(WORLD_SIZE.values()))]
"""The n of the top-right n×n squares."""

Width = Annotated[int, Field(ge=1, le=64)]
"""A factor on channel counts; the published networks have 1 and 4."""

Share = Annotated[float, Field(ge=0, lt=1)]
"""A number from 0 to less than 1."""


@dataclass(frozen=True)
class Training:
    """One training run.

    Attributes:
        name: the agent's name.
        distribution_mode: `"easy"` or `"hard"`.
        region: the cheese lies in the top-right region × region squares; None for anywhere.
        width: channel factor k of the network.
        learning_rate: AdamW's, at its peak.
        discount: of the return, per move.
        value_levels: new levels that the value head is fitted on at the end (`maze_interp.training.critic`).
        seed: of the network's weights and of the levels drawn.
        start_from: agent or weights to begin with; None for new weights.
    """

    name: AgentName
    distribution_mode: DistributionMode = "easy"
    region: Region | None = None
    width: Width = 1
    learning_rate: Finite = 3e-4
    discount: Share = 0.99
    value_levels: Positive = 100
    seed: Count = 0
    start_from: str | None = None

    def level(self, seed: int) -> Maze:
        """The level of that seed, its cheese where the run has it."""
        return level_maze(seed, self.distribution_mode, "anywhere" if self.region is None else self.region)

    def first_network(self) -> PolicyNetwork:
        """A network with new random weights or, of the architecture of `start_from`, with its weights.

        Raises:
            MazeInterpError: no such agent, or it has another width.
        """
        if self.start_from is None:
            return new_network(self.name, width=self.width)
        before = load_network(self.start_from)
        if self.width != before.settings["width"]:
            raise MazeInterpError(f"width is {self.width}, but that of {self.start_from} is {before.settings['width']}")
        network = new_network(self.name, kind=before.architecture, width=self.width)
        network.load_state_dict(before.state_dict())
        return network
