"""The result of `dead-ends` in words, with its tables and picture."""

from __future__ import annotations

import pandas as pd

from maze_interp.results.tables import nested
from maze_interp.results.text import amount, percent
from maze_interp.studies.dead_ends.figures import dead_ends_figure
from maze_interp.studies.dead_ends.measure import POLICIES
from maze_interp.studies.dead_ends.tables import QUANTITIES, dead_end_figures, dead_end_table, moves_lost
from maze_interp.studies.result import Picture, Result

_NOTES = (
    "The mouth of a dead end is the square of the shortest paths from which it branches off; its depth is the number "
    "of steps from the mouth to its farthest square. Only dead ends that can be reached before the cheese count.",
    "The probability of going in on first leaving the mouth is conditional on reaching the mouth. Moves lost are "
    "expected moves inside, over all episodes of at most 500 moves. A mean may rest on few levels from which the agent "
    "never gets out; its interval shows that.",
)


def summarise(rows: pd.DataFrame) -> Result:
    """The result, from a row per policy and dead end."""
    table, lost = dead_end_table(rows), moves_lost(rows)
    figures = {str(policy): dead_end_figures(part) for policy, part in rows.groupby("policy", sort=False)}
    agent, random = figures["agent"], figures["random"]
    by_depth = table[table["depth"] != "any"]
    return Result(
        statement=(
            f"It enters a dead end on first leaving its mouth with probability {percent(agent['entered'])} (random "
            f"actions: {percent(random['entered'])}) and loses {amount(lost['agent'], 'moves')} of an episode in dead "
            f"ends (random actions: {amount(lost['random'], 'moves')}), on {agent['ever'].n} levels."
        ),
        lines=[
            *(
                f"{POLICIES[policy]}, {QUANTITIES[quantity]}: {estimate}"
                for policy, of_policy in figures.items()
                for quantity, estimate in of_policy.items()
            ),
            *(f"{POLICIES[policy]}, moves of an episode in dead ends: {estimate}" for policy, estimate in lost.items()),
        ],
        numbers={
            "any_depth": figures,
            "moves_lost_per_episode": lost,
            "by_depth": nested(by_depth, ["policy", "depth", "quantity"]),
        },
        tables={"dead_ends": rows, "by_depth": table},
        pictures={
            "dead_ends": Picture(
                dead_ends_figure(table),
                "By depth of the dead end, with 95% intervals over levels (hollow: few levels).",
                "Three panels of lines: probability of going in first, of ever going in, and moves lost, for "
                f"{', '.join(POLICIES.values())}.",
            )
        },
        captions={"by_depth": "Dead ends by depth, in steps"},
        notes=_NOTES,
    )
