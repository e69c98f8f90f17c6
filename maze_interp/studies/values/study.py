"""The study `values`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.results.estimates import Estimate
    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Values(AgentStudy):
    """Measure how often the most probable move leads to the next state that the value head rates highest.

    At decision squares and on all squares of held-out levels, and on the squares of the training region in levels as
    in training. Controls: ten untrained networks and chance.

    Attributes:
        seeds: Held-out levels, the cheese anywhere: first:end, the end not included.
        trained: Levels with the cheese in the training region.
    """

    name: ClassVar[str] = "values"
    title: ClassVar[str] = "Agreement of policy and value head"
    report_levels: ClassVar[int] = 60

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 400)
    trained: Seeds = range(400)

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.values.measure import ValueAgreement

        region = self.training_region
        sides = {"anywhere": self.levels(), "trained": self.levels(self.trained, cheese=region)}
        return {
            name: run.rows(ValueAgreement(self.policy, self.agent, levels, region), name)
            for name, levels in sides.items()
        }

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        from maze_interp.studies.values.summary import summarise

        return summarise(rows["anywhere"], rows["trained"])

    def comparison(self, rows: Mapping[str, pd.DataFrame]) -> Mapping[str, Estimate]:
        """See `Study`."""
        from maze_interp.studies.values.measure import QUANTITIES, SQUARES
        from maze_interp.studies.values.tables import rows_by_squares, value_figures

        agent = value_figures(rows_by_squares(rows["anywhere"], rows["trained"])).get("agent", {})
        return {
            f"{QUANTITIES['agreement']}, {SQUARES[squares]}": agent[squares]["agreement"]
            for squares in SQUARES
            if squares in agent
        }

    def sized(self, levels: int) -> Self:
        """See `Study`: as many levels of both kinds."""
        count = max(1, levels)
        return replace(self, seeds=self.seeds[:count], trained=self.trained[:count])
