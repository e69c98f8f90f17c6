"""The main figures of the other studies for each agent, from the studies themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from maze_interp.errors import Unmeasurable
from maze_interp.policies.references import Reference
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.compare.plan import Planned
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.runner import Run
from maze_interp.studies.statistics.data import FinishedSweep

_COLUMNS = ("agent", "agent_hash", "mode", "region", "study", "figure", "n", "mean", "low", "high")


def other_studies(plan: Sequence[Planned], levels: int, run: Run) -> pd.DataFrame:
    """The figures of every study that takes part in comparisons, on some levels, for the agents that are swept here.

    Of a finished sweep the network is not at hand; a study whose levels do not qualify has no figures.

    Returns:
        a row per agent and figure: agent, agent_hash, mode, region, study, figure, n, mean, low, high.
    """
    rows = []
    for one in plan:
        for study in _studies(one, levels):
            folder = run.folder / "rows" / "studies" / one.folder / study.name
            try:
                figures = study.comparison(study.measure(replace(run, folder=folder)))
            except Unmeasurable:
                continue
            who = {"agent": one.name, "agent_hash": one.settings["agent_hash"], "mode": one.settings["mode"]}
            key = {**who, "region": one.region, "study": study.name}
            rows += [{**key, "figure": figure, **estimate.as_dict()} for figure, estimate in figures.items()]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _studies(one: Planned, levels: int) -> Iterator[AgentStudy]:
    """The studies of one agent, at that size."""
    if isinstance(one.sweep, FinishedSweep) or isinstance(one.sweep.policy, Reference):
        return
    for study in STUDIES.values():
        if issubclass(study, AgentStudy) and study.compared():
            made = study(agent=one.sweep.agent, mode=one.sweep.levels.distribution_mode).sized(levels)
            yield made.with_network(one.sweep.policy, one.region)
