"""The study `ablate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.studies.options import Names, Seeds
from maze_interp.studies.study import HELD_OUT, AgentStudy

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.ablate.measure import Ablation
    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run

_EXACT_LAYERS = ("outputs",)
_REPORT_SHARE = 6  # of the report's levels every sixth is measured exactly


@dataclass(frozen=True, kw_only=True)
class Ablate(AgentStudy):
    """Ablate every channel of some layers, one at a time, and measure the effect.

    Effects are on the moves at the decision square and, on fewer levels, on the exact probability of reaching the
    cheese where procgen puts it and in the training region. An effect is the unedited probability less the ablated
    one. Levels without a decision square are left out.

    Attributes:
        layers: Names with commas between them, or a group: main, outputs or all.
        kinds: What a channel is set to: zero, mean or resample, or several with commas between them.
        exact_levels: How many of the levels, the first ones, are measured exactly too, at most; 0 for none.
        exact_layers: The layers ablated there, likewise; they must be among the others.
    """

    name: ClassVar[str] = "ablate"
    title: ClassVar[str] = "Single channels ablated"
    report_levels: ClassVar[int] = 120

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 450)
    layers: Names = ("main",)
    kinds: Names = ("zero", "mean", "resample")
    exact_levels: int = 100
    exact_layers: Names = _EXACT_LAYERS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exact_levels < 0:
            raise MazeInterpError(f"--exact-levels is a number from 0, not {self.exact_levels}")
        if not self.exact_levels and self.exact_layers != _EXACT_LAYERS:
            raise MazeInterpError("--exact-layers has no effect with --exact-levels 0; leave one of them out")

    @property
    def experiments(self) -> list[Ablation]:
        """What is measured: the moves at decision squares and, unless left out, exact behaviour.

        Raises:
            MazeInterpError: an unknown layer or kind, or a layer that is measured exactly alone.
        """
        from maze_interp.policies.network import PolicyNetwork, parse_layers
        from maze_interp.studies.ablate.measure import DecisionAblation, ExactAblation

        assert isinstance(self.policy, PolicyNetwork)
        layers, exact_layers = (parse_layers(self.policy, ",".join(some)) for some in (self.layers, self.exact_layers))
        experiments: list[Ablation] = [DecisionAblation(self.policy, self.agent, self.levels(), layers, self.kinds)]
        if self.exact_levels:
            if alone := [layer for layer in exact_layers if layer not in layers]:
                raise MazeInterpError(
                    f"{alone[0]} is among --exact-layers and not among --layers; add it there, or give --exact-layers"
                )
            levels = self.levels(self.seeds[: self.exact_levels])
            settings = (self.policy, self.agent, levels, exact_layers, self.kinds)
            experiments.append(ExactAblation(*settings, region=self.training_region))
        return experiments

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        rows = {}
        for experiment in self.experiments:
            rows[experiment.name] = run.rows(experiment)
            if not len(rows[experiment.name]):
                raise Unmeasurable(f"none of the levels {experiment.levels.name} has a decision square")
        return rows

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        from maze_interp.studies.ablate.summary import summarise

        return summarise([(experiment, rows[experiment.name]) for experiment in self.experiments])

    def sized(self, levels: int) -> Self:
        """See `Study`: fewer exact levels, and of those the default layer alone."""
        exact = min(self.exact_levels, -(-levels // _REPORT_SHARE))
        return replace(super().sized(levels), exact_levels=exact, exact_layers=("default",) if exact else _EXACT_LAYERS)
