"""The study `dead-ends`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Cheese, Seeds

if TYPE_CHECKING:
    import pandas as pd

    from maze_interp.results.estimates import Estimate
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class DeadEnds(AgentStudy):
    """Measure how often an agent enters dead ends, by their depth, and the moves it loses there.

    A dead end is a branch off the shortest paths from the start to cheese and corner that holds neither. The figures
    are exact. Controls: an untrained network and random actions.

    Attributes:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
    """

    name: ClassVar[str] = "dead-ends"
    title: ClassVar[str] = "Dead ends"
    report_levels: ClassVar[int] = 80
    needs_network: ClassVar[bool] = False

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 1000)
    region: Cheese = "anywhere"

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.dead_ends.measure import DeadEndVisits

        levels = self.levels(cheese=self.region)
        rows = run.rows(DeadEndVisits(self.policy, self.agent, levels))
        if not len(rows):
            raise MazeInterpError(f"none of the levels {levels.name} has a dead end; give more levels")
        return {"dead_ends": rows}

    def comparison(self, rows: Mapping[str, pd.DataFrame]) -> Mapping[str, Estimate]:
        """See `Study`."""
        from maze_interp.studies.dead_ends.tables import QUANTITIES, dead_end_figures

        agent = rows["dead_ends"][rows["dead_ends"]["policy"] == "agent"]
        return {f"dead ends: {QUANTITIES['entered']}": dead_end_figures(agent)["entered"]}
