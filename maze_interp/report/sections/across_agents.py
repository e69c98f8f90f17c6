"""The agent beside the others in the box, an untrained network, and the published agents."""

from __future__ import annotations

import shlex

import pandas as pd

from maze_interp.plots.across_agents import measures_figure, region_figure
from maze_interp.policies.agents import agent_folders, agent_mode, load_policy
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.report.across_agents import Tables, compared, estimate_of, parse_agents, planned, swept
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.studies.across_agents import MEASURES, UNTRAINED, by_name, name_of
from maze_interp.studies.statistics.data import FinishedSweep

_LEVELS = 40
_CHOICE = "P(cheese), where it must choose"


def across_agents_section(study: Study) -> Section:
    """What this agent does beside what others do, each on its own mode of levels."""
    this = FinishedSweep(study.anywhere_sweep.settings, study.anywhere, study.region)
    others = [name for name in agent_folders() if agent_hash(load_policy(name)) != this.settings["agent_hash"]]
    some = study.some(_LEVELS)
    plan = planned(parse_agents(",".join(others)), [this], f"{some.start}:{some.stop}")
    plan.sort(key=lambda planned: planned[0] is not this)  # first, and with it its untrained control
    sweeps = by_name([swept(one, region, study.out / "across_agents") for one, region in plan])
    name = name_of(this.settings)
    tables = compared(sweeps, name)
    mine = study.agent if study.mode == agent_mode(study.agent) else f"{study.agent}:{study.mode}"
    return Section(
        name="across-agents",
        title="Beside other agents",
        body=_body(study, tables["differences"], name),
        numbers=_numbers(tables, name, f"{UNTRAINED} ({study.mode})"),
        pictures=[
            Picture(
                "across_agents",
                measures_figure(tables["measures"]),
                "What each agent does, on its own mode of levels.",
                "Nine panels with a point and an interval for each agent.",
            ),
            Picture(
                "across_agents_by_region",
                region_figure(tables["by_region"]),
                "P(cheese) where the agent must choose, by the region of its training: the published agents, and ours.",
                "A rising line of fifteen published agents, and a point with an interval for each of ours.",
            ),
        ],
        tables=[_measures(tables["measures"]), _differences(tables["differences"])],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[shlex.join(["maze-interp", "compare", "--agents", ",".join([mine, *others])])],
    )


_HOW_TO_READ = (
    "“Where it must choose” is the published selection: levels with a decision square and the cheese outside the "
    "region that the agent was trained in (the published 5×5 where that is not on record or was anywhere, and the "
    "first agent's for random weights). So two agents are not asked in the same mazes, unless they share mode and "
    "region.",
    "The differences compare the agents in the same mazes, with the cheese outside both regions, or inside both.",
    "The published agents were trained by reinforcement learning, in hard mode, one for each region.",
)


def _body(study: Study, differences: pd.DataFrame, name: str) -> list[str]:
    told = (
        f"Every agent in the box and, for each mode, a network with random weights, all on at most "
        f"{len(study.some(_LEVELS))} levels but {name}, on all of its {len(study.seeds)}. Where it must choose, {name} "
        "reaches the cheese with probability {choice}; a network with random weights with {untrained}."
    )
    shared = differences.query("agent == @name and measure == @_CHOICE")
    less = "Less that network, in the same mazes, it is {over_untrained}."
    return [told, less] if shared["n"].any() else [told]


def _numbers(tables: Tables, name: str, control: str) -> dict[str, Number]:
    chosen = tables["measures"].query("measure == @_CHOICE").set_index("agent")
    gap = tables["differences"].query("agent == @name and other == @control and measure == @_CHOICE").iloc[0]
    return {
        "choice": Number(estimate_of(chosen.loc[name])),
        "untrained": Number(estimate_of(chosen.loc[control])),
        "over_untrained": Number(estimate_of(gap), "difference"),
    }


def _measures(table: pd.DataFrame) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for agent, some in table.groupby("agent", sort=False):
        first, found = some.iloc[0], some.set_index("measure")
        numbers = [Number(estimate_of(found.loc[measure])) for measure in MEASURES]
        rows.append((str(agent), str(first["agent_hash"]), f"{first['region']}×{first['region']}", *numbers))
    return Table(
        "across_agents", "Every agent on its own levels", ("agent", "weights", "region", *MEASURES), rows, True
    )


def _differences(table: pd.DataFrame) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (row["agent"], row["other"], row["measure"], int(row["n"]), Number(estimate_of(row), "difference"))
        for _, row in table.iterrows()
    ]
    headings = ("agent", "less", "measure", "n", "difference")
    return Table("across_agents_differences", "Differences in the same mazes", headings, rows, True)
