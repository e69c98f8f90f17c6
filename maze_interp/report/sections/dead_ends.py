"""Whether it goes into dead ends."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.plots.dead_ends import dead_ends_figure
from maze_interp.report.section import Cell, Number, Picture, Section, Table, Unit
from maze_interp.report.study import Study
from maze_interp.studies.dead_ends import (
    POLICIES,
    QUANTITIES,
    DeadEnds,
    dead_end_figures,
    dead_end_table,
    moves_lost,
)
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.intervals import Estimate
from maze_interp.sweeps.levels import LevelSet

_LEVELS = 80
_TITLE = "Does it go into dead ends?"
_UNITS: dict[str, Unit] = {"entered": "probability", "ever": "probability", "moves": "moves", "moves_per_pass": "moves"}


def dead_ends_section(study: Study) -> Section:
    """Branches that hold neither cheese nor corner: how often they are entered, and the moves lost in them."""
    experiment = DeadEnds(study.policy, study.agent, LevelSet(study.some(_LEVELS), study.mode))
    rows = run_experiment(experiment, study.out / experiment.name)
    commands = [study.command("deadends")]
    if not len(rows):
        return Section("dead-ends", _TITLE, ["These levels have no dead ends."], how_to_reproduce=commands)
    table, numbers = dead_end_table(rows), _numbers(rows)
    return Section(
        name="dead-ends",
        title=_TITLE,
        body=_body(rows, numbers),
        numbers=numbers,
        pictures=[
            Picture(
                "dead_ends",
                dead_ends_figure(table),
                "By depth of the dead end, with 95% intervals over levels (hollow: few levels).",
                "Three panels of lines: chance of going in first, of ever going in, and moves lost, for "
                f"{', '.join(POLICIES.values())}.",
            )
        ],
        tables=[_table(table)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=commands,
    )


_HOW_TO_READ = (
    "A dead end is a branch off the shortest paths from the start to cheese and corner that holds neither and can "
    "be reached before the cheese. Its mouth is the square of those paths that it goes off from, its depth the "
    "steps from the mouth to its farthest square.",
    "All is exact, with no episode sampled. The chance of going in on first leaving the mouth is of those that "
    "get there; the moves lost are times spent inside, on average over all episodes, of at most 500 moves. A mean "
    "may come from few levels in which it never gets out: that is what its interval says.",
)


def _numbers(rows: pd.DataFrame) -> dict[str, Number]:
    numbers = {f"{policy}_lost": Number(one, "moves") for policy, one in moves_lost(rows).items()}
    for policy, some in rows.groupby("policy", sort=False):
        parts = {"": some, "shallow_": some[some["depth"] <= 2], "deep_": some[some["depth"] >= 8]}
        for name, part in parts.items():
            if len(part):
                figures = dead_end_figures(part)
                numbers |= {
                    f"{policy}_{name}{quantity}": Number(one, _UNITS[quantity]) for quantity, one in figures.items()
                }
    return numbers


def _body(rows: pd.DataFrame, numbers: Mapping[str, Number]) -> list[str]:
    count = int((rows["policy"] == "agent").sum())
    told = [
        f"On {numbers['agent_ever'].estimate.n} levels with {count} dead ends in all it goes into one, on first "
        "leaving its mouth, with probability {agent_entered}; random actions would with {random_entered}. In an "
        "episode it ever goes into one with probability {agent_ever} (random actions: {random_ever}), and loses "
        "{agent_lost} in dead ends (random actions: {random_lost})."
    ]
    if {"agent_shallow_entered", "agent_deep_entered"} <= numbers.keys():
        told.append(
            "Those of one or two squares it enters first with probability {agent_shallow_entered}, those of eight or "
            "more with {agent_deep_entered}; random actions with {random_shallow_entered} and {random_deep_entered}."
        )
    return told


def _table(table: pd.DataFrame) -> Table:
    rows: list[list[Cell]] = []
    for (depth, policy), some in table.groupby(["depth", "policy"], sort=False):
        by_quantity = some.set_index("quantity")
        found = [Number(_estimate(by_quantity.loc[name]), _UNITS[name]) for name in QUANTITIES]
        rows.append([str(depth), POLICIES[str(policy)], int(some["branches"].max()), *found])
    headings = ("depth", "policy", "dead ends", *QUANTITIES.values())
    return Table("dead_ends", "Dead ends by depth, in steps", headings, rows, folded=True)


def _estimate(row: pd.Series) -> Estimate:
    return Estimate(
        int(row["n"]), *(None if pd.isna(row[name]) else float(row[name]) for name in ("mean", "low", "high"))
    )
