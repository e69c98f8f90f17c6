"""The study `patch`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import Unmeasurable
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Names, Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.policies.network import PolicyNetwork
    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run
    from maze_interp.sweeps.levels import LevelSet


@dataclass(frozen=True, kw_only=True)
class Patch(AgentStudy):
    """Patch activations from a maze that differs in one thing, and find the fewest that have the effect.

    The recipient is a level with its cheese outside the agent's training region and a decision square; the donor is the
    same level with its cheese in the top-right corner, elsewhere, or gone, or with a path opened to the corner of the
    world. Effects are on the moves at the decision square and, exactly, on whole episodes. The first half of the levels
    orders the channels, and gives the sets, whose figures are given on the second.

    Attributes:
        seeds: Levels, first:end, the end not included; those that make no such pair are left out.
        kind: What the donor has that the recipient has not.
        layers: Layers by module path, such as embedder.block2.res1.resadd, or a group: studied, main, outputs,
            trunk or all.
    """

    name: ClassVar[str] = "patch"
    title: ClassVar[str] = "Patching activations from a maze with its cheese in the corner"
    report_levels: ClassVar[int] = 50

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 100)
    kind: Literal["cheese-to-corner", "cheese-moved", "cheese-removed", "corner-path"] = "cheese-to-corner"
    layers: Names = ("studied",)

    @cached_property
    def policy(self) -> PolicyNetwork:
        """The agent's network."""
        from maze_interp.policies.agents import load_network

        return load_network(self.agent, self.device, self.precision)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The layers' module paths.

        Raises:
            MazeInterpError: an unknown layer.
        """
        from maze_interp.policies.network import parse_layers

        return parse_layers(self.policy, ",".join(self.layers))

    @property
    def later(self) -> LevelSet:
        """The second half of the levels."""
        return self.levels(self.seeds[len(self.seeds) // 2 :])

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        return {**super().settings(), "layers": list(self.paths)}

    def sized(self, levels: int) -> Self:
        """See `Study`: with the default layer alone."""
        return replace(super().sized(levels), layers=("default",))

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`.

        Raises:
            Unmeasurable: no level makes a pair.
        """
        from maze_interp.studies.patch.curves import PatchCurves
        from maze_interp.studies.patch.fixed_sets import ChannelSets, EpisodeSets, channel_orders
        from maze_interp.studies.patch.parts import LayerPatching, PartPatching
        from maze_interp.studies.patch.sets import SmallestSets
        from maze_interp.studies.patch.transfer import TransferredSets, found_sets

        network, pairs = self.policy, (self.levels(), self.kind, self.training_region)
        layers = tuple(dict.fromkeys((*network.trunk, *self.paths, *network.branches)))
        rows = {"curves": run.rows(PatchCurves(network, self.agent, *pairs, self.paths))}
        if not len(rows["curves"]):
            raise Unmeasurable(self._none)
        for experiment in (
            PartPatching(network, self.agent, *pairs, self.paths),
            SmallestSets(network, self.agent, *pairs, self.paths),
            EpisodeSets(network, self.agent, *pairs, self.paths),
            LayerPatching(network, self.agent, *pairs, layers),
        ):
            rows[experiment.name] = run.rows(experiment)
        parts = rows["parts"]
        orders = channel_orders(parts[parts["seed"] < self.later.seeds[0]])
        earlier = rows["sets"][rows["sets"]["seed"] < self.later.seeds[0]]
        rows["transfer"] = run.rows(TransferredSets(network, self.agent, self.later, *pairs[1:], found_sets(earlier)))
        rows["channels"] = run.rows(ChannelSets(network, self.agent, self.later, *pairs[1:], orders))
        return rows

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        from maze_interp.studies.patch.summary import summarise

        return summarise(self, rows)

    @property
    def _none(self) -> str:
        room = " and leaves room in its world for another path" if self.kind == "corner-path" else ""
        return (
            f"none of the levels {self.levels().name} has a decision square and its cheese outside the top-right "
            f"{self.training_region}×{self.training_region}{room}; give more levels"
        )
