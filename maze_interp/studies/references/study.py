"""The study `references`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.studies.agent_study import CHOOSING, AgentStudy
from maze_interp.studies.options import Seeds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.results.estimates import Estimate
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class References(AgentStudy):
    """Measure how well reference policies, and mixtures of them, predict the agent's moves.

    The reference policies are shortest paths to cheese and corner, a local search, a greedy mover and wall followers;
    mixtures go for the cheese or the corner with weights that depend on distances. They are fitted on some levels and
    scored on others, beside random actions and the agent's own probabilities. Each reference policy is also an agent
    for studies that edit nothing: reference:shortest-to-cheese, reference:shortest-to-corner, reference:left-wall,
    reference:right-wall, reference:greedy-euclidean, reference:local-search-5 (any radius), reference:random.

    Attributes:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels to report on, first:end, the end not included.
        choose: Levels to fit on, none of them among those to report on.
    """

    name: ClassVar[str] = "references"
    title: ClassVar[str] = "Reference policies"
    report_levels: ClassVar[int] = 80
    needs_network: ClassVar[bool] = False

    seeds: Seeds = range(HELD_OUT, HELD_OUT + 300)
    choose: Seeds = range(CHOOSING, CHOOSING + 300)

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.references.measure import ReferenceMoves
        from maze_interp.sweeps.selection import require_apart

        require_apart(self.choose, self.seeds)
        sides = {"fitted": self.levels(self.choose), "reported": self.levels()}
        return {name: run.rows(ReferenceMoves(self.policy, self.agent, levels), name) for name, levels in sides.items()}

    def comparison(self, rows: Mapping[str, pd.DataFrame]) -> Mapping[str, Estimate]:
        """See `Study`."""
        from maze_interp.studies.references.summary import compared_figures

        return compared_figures(rows["fitted"], rows["reported"])

    def sized(self, levels: int) -> Self:
        """See `Study`: three levels to fit on for every four to report on."""
        count = max(1, levels)
        return replace(self, seeds=self.seeds[:count], choose=self.choose[: -(-3 * count // 4)])
