"""The study `statistics`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Mode, Positive, Seeds, Several

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.result import Result
    from maze_interp.studies.runner import Run
    from maze_interp.studies.statistics.data import FinishedSweep

_SEEDS = range(HELD_OUT, HELD_OUT + 1000)


@dataclass(frozen=True, kw_only=True)
class Statistics(AgentStudy):
    """Fit what predicts over levels whether the agent takes the cheese.

    Regressions on the eleven distances of the published study with its numbers beside, curves over distance with a
    fitted change point, and the maze's layout; on levels with a decision square and the cheese outside the training
    region.

    Attributes:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels to sweep first, where no finished sweep is given.
        mode: Distribution of levels to sweep, easy or hard; the agent's own unless given (hard for a file).
        sweep: Folder that maze-interp sweep wrote for this agent, with the cheese anywhere.
        region: The n of the training region, the top-right n×n; the agent's own unless given.
        repeats: Repeats of the cross-validation.
        refits: Resamples of levels on which models are refitted, for the intervals of their coefficients.
    """

    name: ClassVar[str] = "statistics"
    title: ClassVar[str] = "What predicts whether it takes the cheese"
    needs_network: ClassVar[bool] = False

    seeds: Seeds = _SEEDS
    sweep: Path | None = None
    region: Positive | None = None
    repeats: Positive = 5
    refits: Several = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sweep is not None and (self.seeds != _SEEDS or self.mode is not None):
            other = "--mode" if self.mode is not None else "--seeds"
            raise OptionError(f"{other} has no effect with --sweep, whose levels are used; give one of the two")

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: from the report's sweep, with fewer repeats and resamples."""
        return cls(agent=agent, sweep=sweeps["anywhere"], repeats=2, refits=100)

    @cached_property
    def finished(self) -> FinishedSweep | None:
        """The sweep given."""
        from maze_interp.studies.statistics.data import read_sweep

        return None if self.sweep is None else read_sweep(self.sweep, self.agent, self.region)

    def settings(self) -> dict[str, Any]:
        """See `Study`: a sweep is known by its levels and rows, not by its folder."""
        from maze_interp.studies.statistics.data import SAMPLING_SEED

        settings = {**super().settings(), "region": self.region or self.training_region, "sampling_seed": SAMPLING_SEED}
        if self.sweep is None or self.finished is None:
            return settings
        rows = hashlib.sha256((self.sweep / "levels.csv").read_bytes()).hexdigest()[:12]
        swept = self.finished.settings
        return {**settings, "seeds": swept["seeds"], "mode": swept["mode"], "sweep": {**swept, "rows": rows}}

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.statistics.data import FinishedSweep
        from maze_interp.studies.statistics.fits import Effort
        from maze_interp.studies.statistics.tables import make_tables
        from maze_interp.sweeps.sweep import LevelSweep

        sweep = self.finished
        if sweep is None:
            experiment = LevelSweep(self.policy, self.agent, self.levels())
            rows = run.rows(experiment, "sweep")
            sweep = FinishedSweep(experiment.settings, rows, self.region or self.training_region)
        return make_tables(sweep, run, Effort(self.repeats, self.refits))

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        from maze_interp.studies.statistics.summary import summarise

        return summarise(rows, self.region or self.training_region)
