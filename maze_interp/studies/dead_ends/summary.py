"""The result of `dead-ends` in words, with its tables and picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from maze_interp.plots.intervals import draw_points
from maze_interp.plots.style import BLUE, GREY, ORANGE, new_figure, styled
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested
from maze_interp.results.text import amount, percent
from maze_interp.studies.dead_ends.measure import POLICIES
from maze_interp.studies.dead_ends.study import DeadEnds
from maze_interp.studies.dead_ends.tables import QUANTITIES, dead_end_figures, dead_end_table, moves_lost
from maze_interp.studies.result import Picture, Result

_LOOKS = {"agent": (BLUE, "o"), "untrained": (ORANGE, "s"), "random": (GREY, "x")}
_SHOWN = ("entered", "ever", "moves_per_pass")

_NOTES = (
    "The mouth of a dead end is the square of the shortest paths from which it branches off; its depth is the number "
    "of steps from the mouth to its farthest square. Only dead ends that can be reached before the cheese count.",
    "The probability of going in on first leaving the mouth is conditional on reaching the mouth. Moves lost are "
    "expected moves inside, over all episodes of at most 500 moves. A mean may rest on few levels from which the agent "
    "never gets out; its interval shows that.",
)


def summarise(study: DeadEnds, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    dead_ends = rows["dead_ends"]
    table, lost = dead_end_table(dead_ends), moves_lost(dead_ends)
    figures = {str(policy): dead_end_figures(part) for policy, part in dead_ends.groupby("policy", sort=False)}
    agent, random = figures["agent"], figures["random"]
    by_depth = table[table["depth"] != "any"]
    return Result(
        statement=(
            f"It enters a dead end on first leaving its mouth with probability {percent(agent['entered'])} (random "
            f"actions: {percent(random['entered'])}) and loses {amount(lost['agent'], 'moves')} of an episode in dead "
            f"ends (random actions: {amount(lost['random'], 'moves')}), on {counted(agent['ever'].n, 'level')}."
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
        tables={"dead_ends": dead_ends, "by_depth": table},
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


@styled
def dead_ends_figure(table: pd.DataFrame) -> Figure:
    """Chances of going into a dead end, and the moves lost there, by its depth, from `dead_end_table`."""
    depths = [one for one in dict.fromkeys(table["depth"]) if one != "any"]
    counts = table[table["policy"] == "agent"].groupby("depth")[["n", "branches"]].max()
    figure = new_figure(12.5, 4.4)
    for axes, quantity in zip(figure.subplots(1, len(_SHOWN)), _SHOWN, strict=True):
        some = table[table["quantity"] == quantity]
        shown = [policy for policy in POLICIES if policy in set(some["policy"])]
        for policy, shift in zip(shown, np.linspace(-0.12, 0.12, len(shown)), strict=True):
            colour, marker = _LOOKS[policy]
            mine = some[some["policy"] == policy].set_index("depth").reindex(depths)
            x = np.arange(len(depths)) + shift
            axes.plot(x, mine["mean"].astype(float), color=colour, linewidth=0.9)
            draw_points(axes, x, mine, few_hollow=True, fmt=marker, color=colour, label=POLICIES[policy])
        rows = counts.reindex(depths).fillna(0).astype(int).itertuples()
        axes.set_xticks(range(len(depths)), [f"{row.Index}\n{row.branches} in\n{row.n}" for row in rows], fontsize=8)
        axes.set(xlabel="depth in steps; dead ends, in how many levels", ylabel=QUANTITIES[quantity])
        if quantity == "moves_per_pass":
            axes.set_yscale("symlog", linthresh=1)
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.set_ylim(bottom=0)
        else:
            axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure
