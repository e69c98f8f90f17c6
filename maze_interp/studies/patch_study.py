"""All of patching about one agent and one kind of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from maze_interp.errors import Unmeasurable
from maze_interp.policies.hooks import resolve_layer
from maze_interp.policies.network import PolicyNetwork
from maze_interp.studies.fixed_sets import ChannelSets, EpisodeSets, channel_order
from maze_interp.studies.pairs import KINDS, require_kind
from maze_interp.studies.patch_sets import PatchCurves, SmallestSets
from maze_interp.studies.patched_parts import LayerPatching, PartPatching
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.provenance import provenance


@dataclass(frozen=True)
class Patching:
    """What is patched.

    Attributes:
        policy: the network.
        agent: its name, for the record.
        levels: the levels, their cheese where procgen puts it; the first half of them orders the
            channels whose figures are given on the second.
        kind: of the pairs, one of `maze_interp.studies.pairs.KINDS`.
        region: n of the agent's training region.
        layers: module paths or published names (`_out`).

    Raises:
        MazeInterpError: an unknown kind or layer.
    """

    policy: nn.Module
    agent: str
    levels: LevelSet
    kind: str
    region: int
    layers: Sequence[str]

    def __post_init__(self) -> None:
        require_kind(self.kind)
        object.__setattr__(self, "layers", tuple(resolve_layer(self.policy, layer) for layer in self.layers))

    @property
    def later(self) -> LevelSet:
        """The second half of the levels."""
        seeds = self.levels.seeds
        return LevelSet(seeds[len(seeds) // 2 :], self.levels.distribution_mode, self.levels.cheese)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the figures, as plain JSON values."""
        return {
            "command": "patch",
            **provenance(self.policy, self.agent),
            "seeds": self.levels.name,
            "mode": self.levels.distribution_mode,
            "kind": f"{self.kind}: {KINDS[self.kind]}",
            "region": self.region,
            "layers": list(self.layers),
        }

    def measure(self, out: Path) -> dict[str, pd.DataFrame]:
        """Run every experiment, or what is left of it, each in a folder of its name; the rows by that name.

        Raises:
            Unmeasurable: no level qualifies.
        """
        everything = (self.policy, self.agent, self.levels, self.kind, self.region)
        layers = tuple(self.layers)
        around = self.policy.branches if isinstance(self.policy, PolicyNetwork) else ()
        rows = {}
        for experiment in (
            PatchCurves(*everything, layers),
            PartPatching(*everything, layers),
            SmallestSets(*everything, layers),
            EpisodeSets(*everything, layers),
            LayerPatching(*everything, tuple(dict.fromkeys((*layers, *around)))),
        ):
            rows[experiment.name] = run_experiment(experiment, out / experiment.name)
            if not len(rows["curves"]):
                raise Unmeasurable(self._none)
        orders = self._orders(rows["parts"])
        channels = ChannelSets(self.policy, self.agent, self.later, self.kind, self.region, orders)
        rows[channels.name] = run_experiment(channels, out / channels.name)
        return rows

    @property
    def _none(self) -> str:
        room = " and leaves room in its world for another path" if self.kind == "corner-path" else ""
        return (
            f"none of the levels {self.levels.name} has a decision square and its cheese outside the top-right "
            f"{self.region}×{self.region}{room}; take more"
        )

    def _orders(self, parts: pd.DataFrame) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The channels of each layer with a map, ordered by the first half of the levels."""
        first = parts[parts["seed"] < self.later.seeds[0]]
        maps = [layer for layer, some in first.groupby("layer", sort=False) if some["row"].notna().any()]
        return tuple((layer, channel_order(first[first["layer"] == layer])) for layer in maps)
