"""`retarget`: choose what to write on some levels, measure where it sends the agent on others, draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from maze_interp.edits.base import Edit
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.plots.retarget import CONDITIONS, OUTCOMES, heat_map_figure, overall_figure, reach_figure
from maze_interp.plots.style import save
from maze_interp.results.estimates import Estimate
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.channels.responses import Responses
from maze_interp.studies.channels.scores import CHOOSING, tracking_scores
from maze_interp.studies.retargeting import PUBLISHED, Targets, random_as_one, reach_table
from maze_interp.studies.steering import (
    MULTIPLES,
    Mark,
    Steering,
    channel_count,
    choose_marks,
    natural_peak,
    random_sets,
    require_channels,
)
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.selection import require_apart
from maze_interp.sweeps.spread import cluster

_LARGE = 9  # squares per side from which a level is worth a heat map


@dataclass(frozen=True, eq=False)
class RetargetingStudy:
    """What is written where, chosen on some levels and reported on others.

    Attributes:
        search: the policy, the layer and the levels to choose on.
        levels: the levels to report on.
        channels: by hand; None to choose from all of the layer, and to add those that track the cheese.
        value: by hand, for `channels` as they are; None to choose it, and to choose among them.
        visits: targets of each level whose exact p_visit is measured; None for every one.
        squares: these targets alone; None for all.
        draws: random sets of channels.
        untrained: networks with random weights that say which channels track the cheese.
        edits: other changes, in force throughout the report; the choice is made without them.
    """

    search: Steering
    levels: LevelSet
    channels: tuple[int, ...] | None = None
    value: float | None = None
    visits: int | None = 8
    squares: tuple[Square, ...] | None = None
    draws: int = 3
    untrained: int = 16
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        if self.value is not None and self.channels is None:
            raise MazeInterpError("a value needs the channels it is written to; name them, or leave both to be chosen")
        if self.value is None:
            for choosing in (self.search.levels, CHOOSING):
                require_apart(choosing.seeds, self.levels.seeds)
        require_channels(self.every, self.search.layer, self.channels or ())

    @property
    def every(self) -> range:
        """All channels of the layer."""
        return range(channel_count(self.search.policy, self.search.layer))

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the figures, as plain JSON values."""
        chosen_on = self.search.levels.name if self.value is None else None
        return {
            **self.search.settings,
            "experiment": "retarget",
            "seeds": self.levels.name,
            "chosen_on": chosen_on,
            "channels": self.channels and list(self.channels),
            "value": self.value,
            "visits": "all" if self.visits is None else self.visits,
            "squares": self.squares and [list(square) for square in self.squares],
            "draws": self.draws,
            "untrained": self.untrained,
            "edits": [repr(edit) for edit in self.edits],
        }

    def run(self, out: Path) -> tuple[tuple[Mark, ...], pd.DataFrame]:
        """Choose and measure, or go on with it, in folders in `out`.

        Returns:
            the marks, and the rows of `Targets`, the random sets taken together.
        """
        marks = self._choose(out / "search") if self.value is None else self._given(self.value)
        one = self.search
        measured = (self.visits, self.squares, self.edits)
        targets = Targets(one.policy, one.agent, self.levels, marks, one.layer, *measured)
        return marks, random_as_one(run_experiment(targets, out / targets.name))

    def _given(self, value: float) -> tuple[Mark, ...]:
        channels = tuple(sorted(self.channels or ()))
        others = [channel for channel in self.every if channel not in channels]
        sets = {"given": channels, **random_sets(others, len(channels), self.draws)}
        return tuple(Mark(name, some, value) for name, some in sets.items())

    def _choose(self, out: Path) -> tuple[Mark, ...]:
        one = self.search
        if self.channels is None:
            levels = LevelSet(CHOOSING.seeds, one.levels.distribution_mode)
            responses = Responses(one.policy, one.agent, levels, one.layer, untrained=self.untrained)
            scores = tracking_scores(run_experiment(responses, out / responses.name))
            tracking = scores[scores["tracks"] & (scores["target"] == "cheese") & (scores["sign"] == 1)]
            sets = {"tracking": tuple(sorted(tracking["channel"]))} if len(tracking) else {}
        else:
            sets = {"given": tuple(sorted(self.channels))}
        values = [multiple * natural_peak(one.policy, one.layer, one.levels) for multiple in MULTIPLES]
        return choose_marks(one, out, values, self.channels, sets, self.draws)


def write_retargeting(
    study: RetargetingStudy, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run a study and write `summary.json`, the tables overall, by size and by distance, and pictures.

    Args:
        study: what is measured.
        out: the run's folder; the rows by level lie in folders in it.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: a target in a wall, or the folder is another run's.
    """
    with run_directory(out, study.settings):
        with cluster(workers, scheduler):
            marks, rows = study.run(out)
        if not len(rows):
            raise MazeInterpError("there is no target beside the start; name other squares")
        tables = {"overall": reach_table(rows), **{f"by_{by}": reach_table(rows, by) for by in ("size", "distance")}}
        figures = {
            "marks": [{"name": one.name, "channels": list(one.channels), "value": one.value} for one in marks],
            "overall": _nested(tables["overall"]),
            "published_by_size": PUBLISHED,
        }
        write_figures(out, study.settings, figures, tables)
        save(overall_figure(tables["overall"]), out / "overall.png")
        for by in ("size", "distance"):
            if len(tables[f"by_{by}"]):
                save(reach_figure(tables[f"by_{by}"], by), out / f"by_{by}.png")
        save(heat_map(study.levels, rows), out / "heat_map.png")
    return [*describe_marks(marks), *_lines(tables["overall"]), f"written to {out}"]


def parse_squares(text: str) -> tuple[Square, ...]:
    """Squares from a command line, such as `"4,6 0,2"`.

    Raises:
        MazeInterpError: not of that form, or none.
    """
    try:
        squares = tuple((int(x), int(y)) for x, y in (square.split(",") for square in text.split()))
    except ValueError as error:
        raise MazeInterpError(f"squares are written x,y with spaces between them, not {text!r}") from error
    if not squares:
        raise MazeInterpError("squares is empty; name at least one, or leave it out for all")
    return squares


def heat_map(levels: LevelSet, rows: pd.DataFrame) -> Figure:
    """A typical level's targets: unedited, with what was chosen or given, and the cheese moved.

    Of the levels of size 9 and more, or of all if there are none, it is the one whose mean with the edit
    (the last of those shown) is the median.
    """
    edits = shown_edits(rows)
    large = rows[rows["size"] >= _LARGE]
    large = large if len(large) else rows
    means = large[large["condition"] == edits[-1]].groupby("seed")["path_probability"].mean().sort_values(kind="stable")
    seed = int(means.index[len(means) // 2])
    maze = levels.maze(seed)
    some = rows[(rows["seed"] == seed) & rows["condition"].isin(["unedited", *edits, "cheese"])]
    measured = [outcome for outcome in OUTCOMES if some[outcome].notna().all()]
    return heat_map_figure(maze, {outcome: _grids(maze, some, outcome) for outcome in measured})


def shown_edits(rows: pd.DataFrame) -> list[str]:
    """The edits to show where there is room for two: the best channel and subset, or what was given."""
    conditions = set(rows["condition"])
    return [one for one in ("one", "subset") if one in conditions] or ["given"]


def describe_marks(marks: Sequence[Mark]) -> list[str]:
    """Channels and values in words, one line for each mark but the random ones."""
    return [
        f"{CONDITIONS[mark.name]}: channel{'s' * (len(mark.channels) > 1)} {', '.join(map(str, mark.channels))}, "
        f"set to {mark.value:.3g}"
        for mark in marks
        if mark.name in CONDITIONS
    ]


def _grids(maze: Maze, rows: pd.DataFrame, outcome: str) -> dict[str, NDArray[np.float64]]:
    grids = {}
    for condition, some in rows.groupby("condition"):
        grids[str(condition)] = np.full(maze.open.shape, np.nan)
        grids[str(condition)][some["y"], some["x"]] = some[outcome]
    return grids


def _nested(table: pd.DataFrame) -> dict[str, Any]:
    """The rows as condition → outcome → figures, None for what has no value."""
    plain = table.astype(object).where(table.notna(), None)
    return {
        condition: {row.pop("outcome"): row for row in some.drop(columns="condition").to_dict("records")}
        for condition, some in plain.groupby("condition", sort=False)
    }


def _lines(table: pd.DataFrame) -> list[str]:
    return [
        f"{OUTCOMES[row['outcome']]}, {CONDITIONS[row['condition']]}: {_estimate(row)}" + _ratio(row)
        for row in table.to_dict("records")
        if row["n"]
    ]


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    return Estimate(row["n"], *(None if pd.isna(row[end]) else row[end] for end in ("mean", "low", "high")))


def _ratio(row: Mapping[Any, Any]) -> str:
    known = row["condition"] != "unedited" and not pd.isna(row["ratio_low"])
    return f", {row['ratio']:.2f} [{row['ratio_low']:.2f}, {row['ratio_high']:.2f}] times unedited" if known else ""
