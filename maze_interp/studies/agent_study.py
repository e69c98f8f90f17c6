"""Studies that run networks: of one agent, on some levels, of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.bundled import DEFAULT_AGENT, HELD_OUT
from maze_interp.errors import OptionError
from maze_interp.policies.placement import Device, Precision
from maze_interp.studies.options import Mode, Names, Seeds, written
from maze_interp.studies.study import Study

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

    from maze_interp.policies.network import PolicyNetwork
    from maze_interp.sweeps.levels import LevelSet

CHOOSING = 800_000_000
"""Level seeds from here up are for choosing what is then measured on held-out levels."""

_RECORDED = ("agent", "mode", "device", "precision")  # as they turn out, not as they are asked for


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Study):
    """A study that runs networks.

    Attributes:
        device: Where networks run, cpu or cuda; auto is a GPU if there is one.
        precision: Precision of the networks: float32, or bfloat16, which is less exact and faster on some hardware.
    """

    device: Device = "auto"
    precision: Precision = "float32"


@dataclass(frozen=True, kw_only=True)
class AgentOptions(NetworkOptions):
    """A study of one agent.

    Attributes:
        agent: Name of an agent, or a .safetensors or .pth file.
        mode: Distribution of levels, easy or hard; the agent's own unless given (hard for a file).
    """

    needs_network: ClassVar[bool] = True
    """Whether a reference policy, which has no network, is refused as the agent."""

    agent: str = DEFAULT_AGENT
    mode: Mode | None = None

    @cached_property
    def policy(self) -> nn.Module:
        """The agent's network, or the reference policy that the agent is."""
        from maze_interp.policies.agents import load_network, load_policy

        load = load_network if self.needs_network else load_policy
        return load(self.agent, self.device, self.precision)

    @property
    def network(self) -> PolicyNetwork:
        """The agent's network, of a study that needs one."""
        from maze_interp.policies.network import PolicyNetwork

        assert isinstance(self.policy, PolicyNetwork)
        return self.policy

    @cached_property
    def distribution_mode(self) -> Mode:
        """The mode given, else the agent's own."""
        from maze_interp.policies.agents import agent_mode

        return self.mode or agent_mode(self.agent)

    @cached_property
    def training_region(self) -> int:
        """The n of the top-right n×n squares in which the cheese lay in training; the published 5 if not known."""
        from maze_interp.policies import agents

        return agents.training_region(self.agent)

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        from maze_interp.sweeps.provenance import provenance

        options = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: _plain(value) for name, value in options.items() if name not in _RECORDED}
        own = {"mode": self.distribution_mode, "training_region": self.training_region}
        return {"study": self.name, **provenance(self.policy, self.agent), **own, **plain}


@dataclass(frozen=True, kw_only=True)
class AgentStudy(AgentOptions):
    """A study of one agent on some levels.

    Attributes:
        seeds: Levels, first:end, the end not included.
    """

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 100)

    def with_network(self, policy: nn.Module, region: int) -> Self:
        """The same study of a network that no name stands for, such as an untrained one, with its training region n.

        No command line makes it: its `command()` is empty.
        """
        study = replace(self)
        # `str()` is empty and, unlike a lambda, goes to other processes.
        vars(study).update(policy=policy, training_region=region, command=str)
        return study

    def levels(self, seeds: Seeds | None = None, cheese: int | str = "anywhere") -> LevelSet:
        """Levels of the study's mode: its own seeds unless others are given."""
        from maze_interp.sweeps.levels import LevelSet

        return LevelSet(self.seeds if seeds is None else seeds, self.distribution_mode, cheese)

    def sized(self, levels: int) -> Self:
        """See `Study`."""
        return replace(self, seeds=self.seeds[: max(1, levels)])

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: its first `report_levels` levels, or as large a share of them as the report's."""
        if not cls.report_levels:
            return None
        return cls(agent=agent, mode=mode).sized(-(-round(1000 * share) * cls.report_levels // 1000))


@dataclass(frozen=True, kw_only=True)
class LayerStudy(AgentStudy):
    """A study of one layer of an agent.

    Attributes:
        layers: One layer, by module path; default is the network's most studied one.
    """

    layers: Names = ("default",)

    @property
    def layer(self) -> str:
        """The module path of the layer.

        Raises:
            MazeInterpError: an unknown layer, none, or more than one.
        """
        from maze_interp.policies.hooks import resolve_layer

        if len(self.layers) != 1:
            raise OptionError(f"--layers takes one layer here, not {', '.join(self.layers) or 'none'}")
        return resolve_layer(self.policy, self.layers[0])


def _plain(value: Any) -> Any:
    """An option as JSON holds it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, range):
        return written(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else str(value)
