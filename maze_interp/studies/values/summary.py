"""The result of `values` in words, with its tables and picture."""

from __future__ import annotations

import pandas as pd

from maze_interp.probing.controls import UNTRAINED
from maze_interp.results.text import percent
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.values.figures import values_figure
from maze_interp.studies.values.measure import CONTROL_EVERY, QUANTITIES, SQUARES
from maze_interp.studies.values.tables import Figures, rows_by_squares, value_figures, value_table

_NETWORKS = {"agent": "the agent", "untrained": "untrained networks"}

_NOTES = (
    "The next states are the open squares beside the mouse and, after the no-op or a move into a wall, its own square; "
    "the mouse faces left in all of them. Squares next to the cheese are left out: no state follows the last move.",
    "Agreement depends on whether to stay counts as a move. Both readings are measured; without staying, only moves to "
    "other squares and their values are compared.",
    f"The control is {UNTRAINED} untrained networks, which differ from one another; their intervals are over networks, "
    f"of means over every {CONTROL_EVERY}th level. The agent's are over levels.",
)


def summarise(anywhere: pd.DataFrame, trained: pd.DataFrame) -> Result:
    """The result, from the rows of `ValueAgreement` on both kinds of levels; see `rows_by_squares`."""
    rows = rows_by_squares(anywhere, trained)
    figures = value_figures(rows)
    return Result(
        statement=_statement(figures),
        lines=[
            f"{_NETWORKS[network]}, {SQUARES[squares]}, {QUANTITIES[quantity]}: {estimate}"
            for network, by_squares in figures.items()
            for squares, by_quantity in by_squares.items()
            for quantity, estimate in by_quantity.items()
            if quantity in QUANTITIES
        ],
        numbers=figures,
        tables={"values": rows, "estimates": value_table(figures)},
        pictures={
            "values": Picture(
                values_figure(figures),
                "Agreement of policy and value head, with 95% intervals over levels, of the untrained over networks.",
                "Points by set of squares: the agent, untrained networks, and chance.",
            )
        },
        captions={"estimates": "Agreement, chance and rank correlations, by network and set of squares"},
        notes=_NOTES,
    )


def _statement(figures: Figures) -> str:
    """Of the decision square and of all squares; the training region's figures are in the table."""
    agent, untrained = figures["agent"], figures.get("untrained", {})
    parts = []
    for name in ("decision", "all"):
        if name in agent:
            shares = {quantity: percent(estimate) for quantity, estimate in agent[name].items()}
            control = percent(untrained[name]["agreement"]) if name in untrained else "unmeasured"
            parts.append(
                f"on {SQUARES[name]} in {shares['agreement']} (chance {shares['chance']}, untrained networks "
                f"{control}), without staying in {shares['moving']} (chance "
                f"{shares['moving_chance']})"
            )
    return f"The most probable move leads to the next state of the highest value {'; '.join(parts)}."
