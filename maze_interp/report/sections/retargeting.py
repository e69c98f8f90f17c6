"""Where an edit of some channels at one position can send the agent."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from maze_interp.plots.retarget import CONDITIONS, OUTCOMES, overall_figure, reach_figure
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.retargeting import RetargetingStudy, describe_marks, heat_map
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate
from maze_interp.results.text import short_layer as short
from maze_interp.studies.channels.scores import CHOOSING
from maze_interp.studies.retargeting import PUBLISHED, reach_table
from maze_interp.studies.steering import Mark, Steering
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_LEVELS, _VISITS, _CHOOSE, _TARGETS = 8, 2, 4, 6
_TITLE = "Sending it to any square by writing into some channels"


def retargeting_section(study: Study) -> Section:
    """Channels and values chosen on a few levels, every target of some others."""
    experiment = RetargetingStudy(
        search=Steering(
            study.policy,
            study.agent,
            LevelSet(CHOOSING.seeds[: len(study.some(_CHOOSE))], study.mode),
            (),
            targets=_TARGETS,
        ),
        levels=LevelSet(study.some(_LEVELS), study.mode, "none"),
        visits=_VISITS,
        draws=1,
    )
    marks, rows = experiment.run(study.out / "retarget")
    overall = reach_table(rows)
    numbers = _numbers(overall)
    return Section(
        name="retargeting",
        title=_TITLE,
        body=_body(experiment, marks, rows, numbers),
        numbers=numbers,
        pictures=_pictures(experiment, rows, overall, numbers),
        tables=[_table(overall), _size_table(reach_table(rows, "size"))],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("retarget")],
    )


_HOW_TO_READ = (
    "The normalised path probability of a target is the geometric mean, over the squares of the way to it, of the "
    "probability of the next move; the published measure. P(stands on the target) is exact, for whole episodes of 500 "
    "moves. The cheese is taken away, but for the last condition.",
    "Each condition has the value that was best for it on the levels to choose on, the random channels too: they are "
    "as many as the best subset has. Ratios are of means over levels; those of the paper are about 1.8 to 3.5.",
    "The published numbers beside ours are of another agent, four times as wide, on hard levels; small sizes can be "
    "compared in kind, not in number.",
)


def _numbers(table: pd.DataFrame) -> dict[str, Number]:
    """Mean of every condition and outcome, and `_change`, the difference from unedited."""
    numbers = {}
    for row in table[table["n"] > 0].to_dict("records"):
        name = f"{row['condition']}_{row['outcome']}"
        numbers[name] = Number(_estimate(row["n"], row["mean"], row["low"], row["high"]))
        change = _estimate(row["n"], row["difference"], row["difference_low"], row["difference_high"])
        numbers[f"{name}_change"] = Number(change, "difference")
    return numbers


def _estimate(n: float, *figures: float) -> Estimate:
    return Estimate(int(n), *(None if pd.isna(one) else float(one) for one in figures))


def _body(
    experiment: RetargetingStudy, marks: Sequence[Mark], rows: pd.DataFrame, numbers: dict[str, Number]
) -> list[str]:
    count = numbers["unedited_path_probability"].estimate.n
    targets = int((rows["condition"] == "unedited").sum())
    tracked = any(mark.name == "tracking" for mark in marks)
    shown = ["one", "subset", *(["tracking"] if tracked else []), "random", "cheese"]
    shown = [one for one in shown if f"{one}_path_probability" in numbers]

    def listed(outcome: str) -> str:
        return ", ".join(f"{CONDITIONS[one]} {{{one}_{outcome}}}" for one in shown)

    chosen = "; ".join(describe_marks(marks))
    none = "" if tracked else f" No channel of {short(LAYER)} is told to track the cheese."
    return [
        "Overwriting some channels at the position of a square is to make the agent go there. On "
        f"{len(experiment.search.levels.seeds)} levels channels and values were chosen by how much they help at single "
        f"squares of the ways to targets: {chosen}.{none}",
        f"On {count} other levels, {targets} targets in all, the normalised path probability is "
        f"{{unedited_path_probability}} unedited, and with {listed('path_probability')}.",
        f"It stands on the target within an episode with probability {{unedited_p_visit}} unedited (of some targets of "
        f"each level), and with {listed('p_visit')}.",
    ]


def _pictures(
    experiment: RetargetingStudy, rows: pd.DataFrame, overall: pd.DataFrame, numbers: dict[str, Number]
) -> list[Picture]:
    written = "; ".join(f"{name} {one}" for name, one in numbers.items() if not name.endswith("change"))
    return [
        Picture(
            "retargeting",
            overall_figure(overall),
            "How well it is sent to every square of the levels: targets averaged within the level first.",
            f"Two panels of points with intervals: {written}.",
        ),
        Picture(
            "retargeting_heat_map",
            heat_map(experiment.levels, rows),
            "One level, each square coloured by the normalised path probability when it is the target; a level whose "
            "mean with the edit is the median.",
            "The same maze several times, its squares coloured from 0 to 1: unedited, edited, and the cheese moved.",
        ),
        Picture(
            "retargeting_by_distance",
            reach_figure(reach_table(rows, "distance"), "distance"),
            "By how far off the way to the top-right corner the target lies.",
            "Two panels of lines that fall with the distance of the target from the way to the corner, by condition.",
        ),
    ]


def _table(table: pd.DataFrame) -> Table:
    rows: list[list[Cell]] = [
        [
            OUTCOMES[row["outcome"]],
            CONDITIONS[row["condition"]],
            Number(_estimate(row["n"], row["mean"], row["low"], row["high"])),
            *(None if pd.isna(row[name]) else round(row[name], 2) for name in ("ratio", "ratio_low", "ratio_high")),
        ]
        for row in table[table["n"] > 0].to_dict("records")
    ]
    headings = ("outcome", "condition", "mean", "times unedited", "low", "high")
    return Table("retargeting", "Each condition, and its ratio to the unedited agent", headings, rows, folded=True)


def _size_table(table: pd.DataFrame) -> Table:
    some = table[table["outcome"] == "path_probability"]
    conditions = [one for one in CONDITIONS if one in set(some["condition"])]
    rows: list[list[Cell]] = []
    for size, mine in some.groupby("size"):
        by_condition = mine.set_index("condition")
        found = [Number(_estimate(*by_condition.loc[one, ["n", "mean", "low", "high"]])) for one in conditions]
        place = PUBLISHED["size"].index(size)
        published = [PUBLISHED[name][place] for name in PUBLISHED if name != "size"]
        rows.append([int(str(size)), int(mine["n"].max()), *found, *published])
    names = (f"published: {name}" for name in PUBLISHED if name != "size")
    headings = ("size", "levels", *(CONDITIONS[one] for one in conditions), *names)
    return Table("retargeting_by_size", "Normalised path probability by size of the maze", headings, rows, folded=True)
