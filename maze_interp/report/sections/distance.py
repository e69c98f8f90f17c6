"""P(cheese) by distance and by size of the maze."""

from __future__ import annotations

import pandas as pd

from maze_interp.plots.intervals import FEW
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate
from maze_interp.studies.sweep.bins import distance_figure, size_figure
from maze_interp.sweeps.groups import binned

_NAMES = {
    "euclidean_cheese_top_right": "distance cheese to corner, straight line (squares)",
    "euclidean_cheese_decision_square": "distance cheese to decision square, straight line (squares)",
    "steps_cheese_top_right": "distance cheese to corner, along the maze (steps)",
    "steps_cheese_decision_square": "distance cheese to decision square, along the maze (steps)",
    "size": "size of the maze (squares per side)",
}


def distance_section(study: Study) -> Section:
    """How P(cheese) changes with the cheese's distance from corner and decision square, and with size."""
    tables = {variable: binned(study.anywhere, variable) for variable in _NAMES}
    return Section(
        name="distance",
        title="By distance and by size",
        body=[
            "All levels, the cheese where procgen puts it. Only levels with a decision square have a distance to it."
        ],
        pictures=[
            Picture(
                "p_cheese_by_distance",
                distance_figure(study.anywhere),
                "P(cheese) by the distance of the cheese from the corner (left) and from the decision square "
                "(right), in a straight line (above) and along the maze (below), with the number of levels in each "
                "bin.",
                "P(cheese) by distance. "
                f"{_ends(tables['euclidean_cheese_top_right'], 'from the corner in a straight line')}",
            ),
            Picture(
                "p_cheese_by_size",
                size_figure(study.anywhere),
                "P(cheese) by the size of the maze, with the number of levels of each size.",
                f"P(cheese) by size. {_ends(tables['size'], 'of maze size')}",
            ),
        ],
        tables=[_table(variable, table) for variable, table in tables.items() if len(table)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.sweep_command(study.anywhere_sweep)],
    )


_HOW_TO_READ = (
    "A point is the mean over the levels of a bin, the whisker its 95% interval. A bin holds its lower edge and not "
    f"its upper one. A hollow point stands for fewer than {FEW} levels, whose interval is not to be trusted.",
    "Distances and size go together: a cheese far from the corner lies in a large maze. No one of these pictures "
    "shows by itself what makes the difference.",
)


def _table(variable: str, table: pd.DataFrame) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for _, row in table.iterrows():
        bin_ = f"{row['from']:g}" if variable == "size" else f"{row['from']:g} to {row['below']:g}"
        rows.append((bin_, int(row["n"]), _number(row)))
    name = _NAMES[variable]
    return Table(f"p_cheese_by_{variable}", f"P(cheese) by {name}", (name, "n", "P(cheese)"), rows, folded=True)


def _number(row: pd.Series) -> Number:
    low, high = (None if pd.isna(row[end]) else float(row[end]) for end in ("low", "high"))
    return Number(Estimate(int(row["n"]), float(row["mean"]), low, high))


def _ends(table: pd.DataFrame, what: str) -> str:
    """The first and the last bin in words, for the pictures' descriptions."""
    first, last = (f"{_number(row)} at {row['from']:g} (n = {row['n']:g})" for _, row in table.iloc[[0, -1]].iterrows())
    return f"From {first} to {last} squares {what}."
