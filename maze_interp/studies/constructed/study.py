"""The study `constructed`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import Unmeasurable
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Positive, Seeds

if TYPE_CHECKING:
    import pandas as pd

    from maze_interp.results.estimates import Estimate
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Constructed(AgentStudy):
    """Move the cheese alone and measure the effect: to another branch, farther in one metric, along a branch.

    The walls are those of procgen levels. The figures are exact and paired by level. One level is also measured with
    the cheese on each of its squares.

    Attributes:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included; those that allow a construction are used for it.
        shortest: Least length of the two branches that the cheese is swapped between, in steps.
    """

    name: ClassVar[str] = "constructed"
    title: ClassVar[str] = "Levels in which only the cheese moves"
    report_levels: ClassVar[int] = 60
    needs_network: ClassVar[bool] = False

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 1000)
    shortest: Positive = 6

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.constructed.cheese_map import CheeseMap, shown_level
        from maze_interp.studies.constructed.measure import ConstructedLevels

        levels = self.levels()
        rows = run.rows(
            ConstructedLevels(self.policy, self.agent, levels, self.training_region, self.shortest), "constructed"
        )
        if not len(rows):
            raise Unmeasurable(f"none of the levels {levels.name} allows a construction; give more levels")
        places = CheeseMap.of_level(self.policy, self.agent, levels, shown_level(levels))
        return {"constructed": rows, "cheese_map": places.table(run.rows(places))}

    def comparison(self, rows: Mapping[str, pd.DataFrame]) -> Mapping[str, Estimate]:
        """See `Study`."""
        from maze_interp.studies.constructed.summary import WORDS
        from maze_interp.studies.constructed.tables import constructed_figures

        return {WORDS[name]: estimate for name, estimate in constructed_figures(rows["constructed"]).items()}
