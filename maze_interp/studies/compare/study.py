"""The study `compare`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import OptionError
from maze_interp.studies.agent_study import NetworkOptions
from maze_interp.studies.options import Count, Mode, Names, Positive, Seeds, Several

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from maze_interp.studies.compare.plan import Planned
    from maze_interp.studies.runner import Run


@dataclass(frozen=True, kw_only=True)
class Compare(NetworkOptions):
    """Compare several agents: what each does, what predicts it, and the main figures of other studies.

    Each agent on its own mode of levels, the cheese where procgen puts it, beside an untrained network and the
    published numbers; where two share levels, their differences level by level. Levels where the agent must choose are
    the published selection: a decision square, and the cheese outside the agent's training region.

    Attributes:
        agents: Names or files with commas between them; the mode of the levels after a colon, as in agent.pth:easy.
            Unless agents or sweeps are given, one bundled agent of each way of training that solves at least 95% of
            its held-out levels as in training, without earlier stages.
        sweeps: Folders that maze-interp sweep wrote, with commas between them, to compare without measuring again.
        seeds: Levels to measure the agents on, first:end, the end not included. Beside finished sweeps the untrained
            network is measured on so many of theirs.
        study_levels: Levels of each of the other studies, for the agents measured here; 0 for none.
        repeats: Repeats of the cross-validation.
        refits: Resamples of levels on which models are refitted, for the intervals of their coefficients.
    """

    name: ClassVar[str] = "compare"
    title: ClassVar[str] = "Beside other agents"
    report_levels: ClassVar[int] = 40

    agents: Names = ()
    sweeps: Names = ()
    seeds: Seeds = range(HELD_OUT, HELD_OUT + 300)
    study_levels: Count = 40
    repeats: Positive = 5
    refits: Several = 200

    @cached_property
    def plan(self) -> list[Planned]:
        """What is compared, in order."""
        from maze_interp.policies.agents import load_policy
        from maze_interp.studies.compare.plan import last_stages, planned
        from maze_interp.studies.statistics.data import read_sweep

        if self.sweeps and not self.agents and self.study_levels not in (0, Compare.study_levels):
            raise OptionError("--study-levels has no effect on finished sweeps alone; name --agents to measure")
        finished = [read_sweep(Path(folder)) for folder in self.sweeps]
        agents = self.agents or (() if finished else last_stages())
        return planned(finished, agents, self.seeds, lambda agent: load_policy(agent, self.device, self.precision))

    def settings(self) -> dict[str, Any]:
        """See `Study`."""
        return {
            "study": self.name,
            "agents": [{**one.settings, "region": one.region} for one in self.plan],
            "study_levels": self.study_levels,
            "repeats": self.repeats,
            "refits": self.refits,
        }

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        from maze_interp.studies.compare.fits import fitted
        from maze_interp.studies.compare.measures import by_region, differences, measures
        from maze_interp.studies.compare.others import other_studies
        from maze_interp.studies.compare.seeds import over_seeds
        from maze_interp.studies.statistics.fits import Effort

        sweeps = {one.name: one.finished(run) for one in self.plan}
        fits = fitted(sweeps, run, Effort(self.repeats, self.refits))
        return {
            "measures": measures(sweeps),
            "by_region": by_region(sweeps),
            "differences": differences(sweeps),
            "over_seeds": over_seeds(sweeps),
            **fits,
            **({"studies": other_studies(self.plan, self.study_levels, run)} if self.study_levels else {}),
        }

    def sized(self, levels: int) -> Self:
        """See `Study`: without the other studies."""
        return replace(self, seeds=self.seeds[: max(1, levels)], study_levels=0)

    @classmethod
    def for_report(cls, agent: str, mode: Mode | None, share: float, sweeps: Mapping[str, Path]) -> Self | None:
        """See `Study`: the report's sweep beside the bundled agents that it is not of."""
        from maze_interp.policies.agents import load_policy, stored_hash
        from maze_interp.policies.checkpoints import agent_hash
        from maze_interp.studies.compare.plan import last_stages

        own = agent_hash(load_policy(agent))
        others = tuple(name for name in last_stages() if stored_hash(name) != own)
        study = cls(agents=others, sweeps=(str(sweeps["anywhere"]),), repeats=2, refits=100)
        return study.sized(-(-round(1000 * share) * cls.report_levels // 1000))
