"""The result of `retarget` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from maze_interp.mazes.maze import Maze
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import percent
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.retarget.figures import CONDITIONS, heat_map_figure, overall_figure, reach_figure
from maze_interp.studies.retarget.marks import Mark
from maze_interp.studies.retarget.measure import OUTCOMES
from maze_interp.studies.retarget.study import Retarget
from maze_interp.studies.retarget.tables import PUBLISHED, average_random, reach_table
from maze_interp.sweeps.levels import LevelSet

_LARGE = 9  # squares per side from which a level is worth a heat map

_NOTES = (
    "The normalised path probability of a target is the geometric mean, over the squares of the path to it, of the "
    "probability of the next move; the published measure. P(stands on the target) is exact, for whole episodes of 500 "
    "moves. The cheese is taken away, except where it is moved to the target.",
    "Each condition has the value that was best for it on the levels to choose on, the random channels too: they are "
    "as many as the best subset has. Ratios are of means over levels; those of the published study are about 1.8 to "
    "3.5, of another agent, four times as wide, on hard levels.",
)


def summarise(study: Retarget, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    levels, marks, targets = study.levels(cheese="none"), list(rows["marks"]["mark"]), average_random(rows["targets"])
    overall = reach_table(targets)
    by = {name: reach_table(targets, name) for name in ("size", "distance")}
    return Result(
        statement=_statement(overall),
        lines=[*_describe(marks), *_lines(overall)],
        numbers={
            "marks": [{"name": mark.name, "channels": list(mark.channels), "value": mark.value} for mark in marks],
            "overall": nested(overall, ["condition", "outcome"]),
            "published_by_size": PUBLISHED,
        },
        tables={"overall": overall, **{f"by_{name}": table for name, table in by.items()}},
        pictures=_pictures(levels, targets, overall, by),
        captions={
            "overall": "Each condition, its ratio to the unedited agent and the difference",
            "by_size": "Each condition by the size of the maze",
        },
        notes=_NOTES,
    )


def edited_conditions(rows: pd.DataFrame) -> list[str]:
    """The edits to show where there is room for two: the best channel and subset, or what was given."""
    return [name for name in ("single", "subset") if name in set(rows["condition"])] or ["given"]


def heat_map(levels: LevelSet, rows: pd.DataFrame) -> Figure:
    """A typical level's targets: unedited, with what was chosen or given, and the cheese moved.

    Of the levels of size 9 and more, or of all if there are none, it is the one whose mean with the edit
    (the last of those shown) is the median.
    """
    edits = edited_conditions(rows)
    large = rows[rows["size"] >= _LARGE]
    large = large if len(large) else rows
    means = large[large["condition"] == edits[-1]].groupby("seed")["path_probability"].mean().sort_values(kind="stable")
    seed = int(means.index[len(means) // 2])
    maze = levels.maze(seed)
    shown = rows[(rows["seed"] == seed) & rows["condition"].isin(["unedited", *edits, "cheese"])]
    measured = [outcome for outcome in OUTCOMES if shown[outcome].notna().all()]
    return heat_map_figure(maze, {outcome: _grids(maze, shown, outcome) for outcome in measured})


def _grids(maze: Maze, rows: pd.DataFrame, outcome: str) -> dict[str, NDArray[np.float64]]:
    grids = {}
    for condition, part in rows.groupby("condition"):
        grids[str(condition)] = np.full(maze.open.shape, np.nan)
        grids[str(condition)][part["y"], part["x"]] = part[outcome]
    return grids


def _statement(overall: pd.DataFrame) -> str:
    measured = overall[overall["outcome"] == "path_probability"].set_index("condition")
    best = edited_conditions(overall)[-1]
    named = {
        "unedited": "unedited",
        best: "with its best channels overwritten" if best != "given" else "with the channels given overwritten",
        "random": "with random channels overwritten",
        "cheese": "with the cheese moved to the target",
    }
    means = [
        f"{percent(row_estimate(measured.loc[name]))} {words}"
        for name, words in named.items()
        if name in measured.index
    ]
    return (
        f"On {counted(int(measured.loc['unedited', 'n']), 'level')} the normalised path probability of a target is "
        f"{', '.join(means[:-1])} and {means[-1]}."
    )


def _describe(marks: Sequence[Mark]) -> list[str]:
    """Channels and values in words, one line for each mark but the random ones."""
    return [
        f"{CONDITIONS[mark.name]}: channel{'s' * (len(mark.channels) > 1)} {', '.join(map(str, mark.channels))}, "
        f"set to {mark.value:.3g}"
        for mark in marks
        if mark.name in CONDITIONS
    ]


def _lines(table: pd.DataFrame) -> list[str]:
    return [
        f"{OUTCOMES[row['outcome']]}, {CONDITIONS[row['condition']]}: {row_estimate(row)}" + _ratio(row)
        for row in table.to_dict("records")
        if row["n"]
    ]


def _ratio(row: Mapping[Any, Any]) -> str:
    known = row["condition"] != "unedited" and not pd.isna(row["ratio_low"])
    return f", {row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}] times unedited" if known else ""


def _pictures(
    levels: LevelSet, rows: pd.DataFrame, overall: pd.DataFrame, by: Mapping[str, pd.DataFrame]
) -> dict[str, Picture]:
    pictures = {
        "overall": Picture(
            overall_figure(overall),
            "How well the agent is sent to every square of the levels; targets are averaged within the level first.",
            "Panels of points with intervals, one row per condition.",
        ),
        "heat_map": Picture(
            heat_map(levels, rows),
            "One level, each square coloured by the outcome when it is the target; the level whose mean with the edit "
            "is the median.",
            "The same maze several times, its squares coloured from 0 to 1: unedited, edited, and the cheese moved.",
        ),
    }
    captions = {
        "distance": "By how far off the path to the top-right corner the target lies.",
        "size": "By the size of the maze.",
    }
    for name, caption in captions.items():
        if len(by[name]):
            pictures[f"by_{name}"] = Picture(
                reach_figure(by[name], name), caption, "Panels of lines with intervals, one line per condition."
            )
    return pictures
