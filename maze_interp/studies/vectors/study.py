"""The study `vectors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError, Unmeasurable
from maze_interp.studies.agent_study import LayerStudy
from maze_interp.studies.options import Count, Reals, Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.runner import Run
    from maze_interp.studies.vectors.measure import VectorEffects


@dataclass(frozen=True, kw_only=True)
class Vectors(LayerStudy):
    """Add and subtract the cheese and the top-right vector: alone, together, scaled, and in other levels.

    Measured are the moves at the decision square and, on fewer levels, the exact probabilities of reaching the cheese,
    the corner, and a cheese in the training region. Controls: random and permuted vectors of the same norm. Levels
    without a decision square are left out.

    Attributes:
        layers: The layer where the vectors are taken and added; default is the network's most studied one.
        coefficients: What the vectors are multiplied by; −1 and 1 are among them.
        exact_levels: The first so many levels are also measured over whole episodes, exactly.
        draws: Controls of each kind.
        sources: Other levels whose vectors are used, for each level and bin of distances.
    """

    name: ClassVar[str] = "vectors"
    title: ClassVar[str] = "Adding the cheese and the top-right vector"
    report_levels: ClassVar[int] = 80

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 200)
    coefficients: Reals = (-10.0, -5.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
    exact_levels: Count = 60
    draws: Count = 3
    sources: Count = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not {-1.0, 1.0} <= {*self.coefficients} or len({*self.coefficients}) < len(self.coefficients):
            raise OptionError("--coefficients has each coefficient once, -1 and 1 among them")

    @property
    def experiment(self) -> VectorEffects:
        """What is measured of each level's own vectors."""
        from maze_interp.studies.vectors.measure import VectorEffects

        options = (self.training_region, tuple(self.coefficients), self.layer, self.draws, self.exact_levels)
        return VectorEffects(self.policy, self.agent, self.levels(), *options)

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        return {**super().settings(), "layers": [self.layer]}

    def sized(self, levels: int) -> Self:
        """See `Study`: with fewer coefficients, controls and sources, too."""
        fewer: dict[str, Any] = {"coefficients": (-5, -3, -1, 0, 1, 3, 5), "draws": 1, "sources": 1}
        return replace(super().sized(levels), exact_levels=-(-levels // 4), **fewer)

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.vectors.transfer import Transfer

        rows = run.rows(self.experiment)
        if not len(rows):
            raise Unmeasurable(f"none of the levels {self.levels().name} has a decision square; give more levels")
        return {
            "vectors": rows,
            "transfer": run.rows(Transfer(self.policy, self.agent, self.levels(), self.layer, self.sources)),
        }
