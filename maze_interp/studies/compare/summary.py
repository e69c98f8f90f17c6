"""The result of `compare` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.results.tables import records, row_estimate
from maze_interp.results.text import percent, points
from maze_interp.studies.compare.figures import coefficients_figure, measures_figure, region_figure, studies_figure
from maze_interp.studies.compare.measures import UNTRAINED
from maze_interp.studies.compare.study import Compare
from maze_interp.studies.result import Picture, Result

_CHOICE = "P(cheese), where it must choose"

_NOTES = (
    "“Where it must choose” is the published selection: levels with a decision square and the cheese outside the "
    "region that the agent was trained in (the published 5×5 where that is not on record or was anywhere, and the "
    "first agent's for an untrained network). So two agents are not measured in the same mazes, unless they share mode "
    "and region. The differences compare agents in the same mazes, with the cheese outside both regions or inside "
    "both.",
    "The published agents were trained by reinforcement learning, in hard mode, one for each region.",
    "Intervals are over levels. Of agents that differ in their training seed only, a table gives the interval over "
    "networks and their standard deviation beside that over levels. Any other way of training is represented by one "
    "network.",
)


_CAPTIONS = {
    "measures": "Every agent on its own levels",
    "differences": "Differences in the same mazes",
    "over_seeds": "Agents that differ in their training seed only",
}


def summarise(study: Compare, tables: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    shown = {name: table for name, table in tables.items() if len(table)}
    return Result(
        statement=_statement(tables),
        lines=_lines(tables),
        numbers={name: records(table) for name, table in shown.items()},
        tables=shown,
        pictures=_pictures(shown),
        captions={name: caption for name, caption in _CAPTIONS.items() if name in shown},
        notes=_NOTES,
    )


def _statement(tables: Mapping[str, pd.DataFrame]) -> str:
    choice = tables["measures"][tables["measures"]["measure"] == _CHOICE].set_index("agent")
    first = str(choice.index[0])
    control = f"{UNTRAINED} ({choice['mode'].iloc[0]})"
    pairs = tables["differences"].query("agent == @first and other == @control and measure == @_CHOICE")
    gap = f", in the same mazes {points(row_estimate(pairs.iloc[0]))}" if len(pairs) else ""
    return (
        f"Where it must choose, {first} reaches the cheese with probability "
        f"{percent(row_estimate(choice.loc[first]))}, an untrained network with "
        f"{percent(row_estimate(choice.loc[control]))}{gap}; agents compared: {len(choice)}."
    )


def _lines(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    lines: list[str] = []
    reasons = dict(tables["not_fitted"].itertuples(index=False, name=None))
    for agent, rows in tables["measures"].groupby("agent", sort=False):
        first = rows.iloc[0]
        lines.append(f"{agent}, {first.agent_hash}, region {first.region}×{first.region}, seeds {first.seeds}")
        lines += [f"  {row['measure']}: {row_estimate(row)}" for row in rows.to_dict("records")]
        if agent in reasons:
            lines.append(f"  not fitted: {reasons[agent]}")
        else:
            points_of = tables["change_points"].query("agent == @agent")
            lines += [f"  {row.variable}: {row.verdict}" for row in points_of.itertuples()]
        if "studies" in tables:
            own = tables["studies"].query("agent == @agent")
            lines += [f"  {row['figure']}: {row_estimate(row)}" for row in own.to_dict("records")]
    return lines


def _pictures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Picture]:
    pictures = {
        "measures": Picture(
            measures_figure(tables["measures"]),
            "What each agent does, on its own mode of levels.",
            "Nine panels with a point and an interval for each agent.",
        ),
        "by_region": Picture(
            region_figure(tables["by_region"]),
            "P(cheese) where the agent must choose, by the region of its training: the published agents, and ours.",
            "A rising line of fifteen published agents, and a point with an interval for each of ours.",
        ),
    }
    if "studies" in tables:
        pictures["studies"] = Picture(
            studies_figure(tables["studies"]),
            "The main figures of other studies, for each agent.",
            "A panel per figure with a point and an interval for each agent.",
        )
    if "coefficients" in tables:
        pictures["coefficients"] = Picture(
            coefficients_figure(tables["coefficients"]),
            "Coefficients of the three distances that were stable in the published study; dashed: published.",
            "A panel per distance with two points and intervals for each agent.",
        )
    return pictures
