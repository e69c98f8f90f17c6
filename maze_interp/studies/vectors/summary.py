"""The result of `vectors` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import percent, points
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.vectors.figures import (
    EDITS,
    change_figures,
    coefficients_figure,
    edits_figure,
    transfer_figure,
)
from maze_interp.studies.vectors.measure import VectorEffects
from maze_interp.studies.vectors.study import Vectors
from maze_interp.studies.vectors.tables import contrasts, effects, transfers

_LINES = {
    "decision_p_cheese": "P(cheese | decision square)",
    "decision_p_top_right": "P(top-right | decision square)",
    "region_p_cheese": "solve rate in the training region",
}

_NOTES = (
    "The cheese vector is the activations with the cheese minus those without it, the mouse on the start; the "
    "top-right vector is those with a path opened to the corner of the world minus those without it. A maze that fills "
    "its world has no top-right vector. Each control has the norm of the vector and is used like it: a random "
    "direction, or the vector with its positions (alike in all channels) or its channels permuted.",
    "At the decision square the probabilities are those of the next move. The solve rate is the exact probability of "
    "reaching a cheese in the training region of the same maze, under the edit of the level as procgen made it.",
    "Published, for another and wider agent on hard levels 0 to 99: P(cheese | decision square) has the median 81% "
    "[quartiles 23%, 94%], 3% [1%, 14%] with the cheese vector subtracted and 70% with it added; the top-right vector "
    "raises P(top-right), subtracting it does little; a cheese vector acts in levels whose cheese is within 2 squares.",
)


def summarise(study: Vectors, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    edited = rows["vectors"]
    table, by_distance = effects(edited), transfers(rows["transfer"])
    named = table.assign(edit=[f"{edit} {c:+g}" for edit, c in zip(table["edit"], table["coefficient"], strict=True)])
    return Result(
        statement=_statement(table),
        lines=_lines(table),
        numbers={
            "effects": nested(named.drop(columns="coefficient"), ["edit", "outcome"]),
            "contrasts": contrasts(edited),
        },
        tables={"effects": table, "transfer": by_distance},
        pictures=_pictures(study.experiment, edited, table, by_distance),
        captions={"transfer": "Vectors of other levels, by the distance between the two cheeses or corners"},
        notes=_NOTES,
    )


def _statement(table: pd.DataFrame) -> str:
    by_edit = _by_edit(table, "decision_p_cheese")
    unedited, less, more = (
        percent(row_estimate(by_edit.loc[key])) if key in by_edit.index else "no levels"
        for key in (("unedited", 0.0), ("cheese", -1.0), ("cheese", 1.0))
    )
    statement = (
        f"On {counted(int(by_edit.loc[('unedited', 0.0), 'n']), 'level')} with a decision square the move there is "
        f"towards the cheese with probability {unedited} unedited, {less} with the cheese vector subtracted, {more} "
        "with it added"
    )
    by_edit = _by_edit(table, "decision_p_top_right")
    if ("top_right", 1.0) not in by_edit.index:
        return f"{statement}."
    change = points(row_estimate(by_edit.loc[("top_right", 1.0)], "difference"))
    return f"{statement}; adding the top-right vector changes the probability of the corner's way by {change}."


def _lines(table: pd.DataFrame) -> list[str]:
    lines = []
    for outcome, words in _LINES.items():
        by_edit = _by_edit(table, outcome)
        for key, edit in EDITS.items():
            if key in by_edit.index and by_edit.loc[key, "n"] and "control" not in edit:
                row = by_edit.loc[key]
                quartiles = f"median {row['median']:.3f}, quartiles {row['q25']:.3f} and {row['q75']:.3f}"
                lines.append(f"{words}, {edit}: {row_estimate(row)}, {quartiles}")
    return lines


def _by_edit(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """The rows of one outcome by edit and coefficient."""
    return table[table["outcome"] == outcome].set_index(["edit", "coefficient"]).sort_index()


def _pictures(
    experiment: VectorEffects, rows: pd.DataFrame, table: pd.DataFrame, by_distance: pd.DataFrame
) -> Mapping[str, Picture]:
    pictures = {
        "edits": Picture(
            edits_figure(table),
            "The vectors used as published, the reverse, and their controls.",
            "Three panels of points with intervals, one row per edit: the move towards the cheese, the move towards "
            "the corner, and the solve rate in the training region.",
        ),
        "coefficients": Picture(
            coefficients_figure(table),
            "The vectors multiplied by a coefficient; 0 is the network as it is. Bands are 95% intervals.",
            "Three panels of lines over the coefficient, for the cheese and the top-right vector.",
        ),
        "transfer": Picture(
            transfer_figure(by_distance),
            "Vectors of other levels, by the distance between the two levels' cheeses or corners.",
            "Two panels of changes with intervals, first the level's own vector, then others by distance.",
        ),
    }
    for vector, figure in change_figures(experiment, rows).items():
        words = EDITS[vector, -1.0 if vector == "cheese" else 1.0]
        pictures[f"{vector}_change"] = Picture(
            figure,
            f"The vector field without and with the {words}, and the difference, on the level whose change at the "
            "decision square is the median.",
            f"Three mazes with arrows: the field before, after the {words}, and the change, coloured by its size.",
        )
    return pictures
