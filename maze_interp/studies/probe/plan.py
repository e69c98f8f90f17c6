"""What is asked of which layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from maze_interp.errors import MazeInterpError
from maze_interp.probing.controls import PIXELS
from maze_interp.probing.examples import needs_agent, per_square
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.source import Source


@dataclass(frozen=True, kw_only=True)
class Plan(Source):
    """Targets, layers, and how probes are fitted and scored.

    Attributes:
        policy: the network that the store was recorded from; only a `PolicyNetwork` has an untrained counterpart.
        layers: recorded layers, or `"pixels"`.
        targets: names in `TARGETS` or `SQUARE_TARGETS`.
        region: the n of the top-right n×n that the agent was trained with.
        probe: how coordinates are predicted.
        folds: as in `folds_by_level`; `seed` is that of the splits, the shuffling and the control task, too.
        controls: whether to fit the controls and the learning curve too.
        top_channels: also fit to so many channels alone, the best ones, for each of these numbers.
    """

    policy: nn.Module
    layers: Sequence[str]
    targets: Sequence[str]
    region: int
    probe: ProbeKind = "ridge-classes"
    folds: int = 1
    controls: bool = True
    top_channels: tuple[int, ...] = ()

    @property
    def agent(self) -> str:
        """Whose probes they are: the name by which `load_probe` finds them."""
        return str(getattr(self.policy, "name", self.store.settings["agent"]))

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """Every (layer, target); what is asked of single squares, only of layers with a map.

        Raises:
            MazeInterpError: there is none.
        """
        jobs = [
            (layer, target)
            for layer in self.layers
            for target in self.targets
            if not per_square(target) or layer == PIXELS or len(self.store.columns[layer].shape) == 3
        ]
        if not jobs:
            raise MazeInterpError("no layer named has a map of positions, which every target named is asked of")
        return jobs

    @property
    def needs_agent(self) -> bool:
        """Whether a target asks what the agent does."""
        return any(map(needs_agent, self.targets))
