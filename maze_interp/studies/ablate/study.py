"""The study `ablate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError, Unmeasurable
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Count, Mode, Names, Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.ablate.measure import Ablation
    from maze_interp.studies.runner import Run

_REPORT_SHARE = 9  # of the report's levels every ninth is measured exactly


@dataclass(frozen=True, kw_only=True)
class Ablate(AgentStudy):
    """Ablate every channel of some layers, one at a time, and measure the effect.

    Effects are on the moves at the decision square and, on fewer levels, on the exact probability of reaching the
    cheese where procgen puts it and in the training region. An effect is the unedited probability minus the ablated
    one. Levels without a decision square are left out.

    Attributes:
        layers: Layers by module path, such as embedder.block2.res1.resadd, or a group: studied, main, outputs,
            trunk or all.
        kinds: What a channel is set to: zero, mean or resample, or several with commas between them.
        exact_levels: The first so many levels are also measured over whole episodes, exactly; 0 for none.
        exact_layers: Layers whose channels are ablated over whole episodes, a part of --layers; unless given, those
            of --layers that are in the group outputs.
    """

    name: ClassVar[str] = "ablate"
    title: ClassVar[str] = "Single channels ablated"
    report_levels: ClassVar[int] = 120

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 450)
    layers: Names = ("main",)
    kinds: Names = ("zero", "mean", "resample")
    exact_levels: Count = 100
    exact_layers: Names | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.exact_levels and self.exact_layers is not None:
            raise OptionError("--exact-layers has no effect with --exact-levels 0; leave one of them out")

    @cached_property
    def experiments(self) -> list[Ablation]:
        """What is measured: the moves at decision squares and, unless left out, exact behaviour.

        Raises:
            MazeInterpError: an unknown layer or kind, or no layer, or another, to measure exactly.
        """
        from maze_interp.policies.network import parse_layers
        from maze_interp.studies.ablate.measure import DecisionAblation, ExactAblation

        layers, kinds = parse_layers(self.network, ",".join(self.layers)), tuple(self.kinds)
        experiments: list[Ablation] = [DecisionAblation(self.policy, self.agent, self.levels(), layers, kinds)]
        if self.exact_levels:
            levels = self.levels(self.seeds[: self.exact_levels])
            settings = (self.policy, self.agent, levels, self._exact(layers), kinds)
            experiments.append(ExactAblation(*settings, region=self.training_region))
        return experiments

    def _exact(self, layers: Sequence[str]) -> tuple[str, ...]:
        """The module paths of the layers that are ablated exactly."""
        from maze_interp.policies.network import parse_layers

        if self.exact_layers is None:
            exact = tuple(layer for layer in self.network.output_layers if layer in layers)
            if not exact:
                outputs = ", ".join(self.network.output_layers)
                raise OptionError(
                    f"none of --layers is among {outputs}, whose channels are ablated over whole episodes; "
                    "give --exact-layers, or --exact-levels 0"
                )
            return exact
        exact = parse_layers(self.network, ",".join(self.exact_layers))
        if alone := [layer for layer in exact if layer not in layers]:
            raise OptionError(f"{alone[0]} is among --exact-layers and not among --layers; add it there")
        return exact

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        rows = {}
        for experiment in self.experiments:
            rows[experiment.name] = run.rows(experiment)
            if not len(rows[experiment.name]):
                raise Unmeasurable(f"none of the levels {experiment.levels.name} has a decision square")
        return rows

    def sized(self, levels: int) -> Self:
        """See `Study`: fewer exact levels, too."""
        return replace(super().sized(levels), exact_levels=min(self.exact_levels, -(-levels // _REPORT_SHARE)))

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: exactly, the default layer alone."""
        study = super().for_report(agent, mode, share, sweeps)
        return study and replace(study, exact_layers=("default",))
