"""From the rows of a sweep to its result: means by group, by distance, size and place, and their pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.plots.intervals import estimates_figure, shares_figure
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested
from maze_interp.results.text import percent
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.sweep.figures import distance_figure, distribution_figure, place_figure, size_figure
from maze_interp.studies.sweep.gallery import has_surprises, surprises_figure
from maze_interp.studies.sweep.study import Sweep
from maze_interp.sweeps.groups import BIN_WIDTH, binned, by_place, groups, outcome_table, surprises

EXITS = {
    "exit_cheese": "towards the cheese",
    "exit_top_right": "towards the top-right corner",
    "exit_other": "another way",
}
"""The first exits from the decision square, which sum to 1."""

_SURPRISES = 10  # levels of either kind in the tables

_NOTES = (
    "Every figure is a mean over levels with its 95% interval. The probabilities of one level "
    "are exact, so an interval says how far other levels might move the mean.",
    "The decision square is the last square that the paths from the start to the cheese and to the top-right corner "
    "share. “First exit” is where the mouse goes when it first leaves that square, given that it gets there.",
    "In the map of places most means are of few levels: compare neighbourhoods, not single squares. In the gallery, "
    "“usual” is the mean of the other levels at about the same distance from cheese to corner; the most surprising "
    "levels are extreme by choice and prove nothing.",
)


def summarise(study: Sweep, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    levels = rows["levels"]
    parts = groups(levels, study.training_region)
    outcomes = outcome_table(levels, study.training_region)
    p_cheese = {name: estimate(part["p_cheese"]) for name, part in parts.items()}
    tables = {"levels": levels, "outcomes": outcomes, "by_place": by_place(levels)}
    tables |= {f"by_{variable}": binned(levels, variable) for variable in BIN_WIDTH}
    least, most = surprises(levels, _SURPRISES)
    columns = ["seed", "size", "p_cheese", "usual"]
    tables |= {"least_surprising": least[columns], "most_surprising": most[columns]}
    return Result(
        statement=_statement(study, levels, p_cheese),
        lines=[f"P(cheese), {group}: {mean}" for group, mean in p_cheese.items()],
        numbers=nested(outcomes, ["group", "outcome"]),
        tables=tables,
        pictures=_pictures(study, levels, parts, p_cheese),
        captions={
            "outcomes": "Every outcome in every group of levels",
            "most_surprising": "The most surprising levels",
            "least_surprising": "The least surprising levels",
        },
        notes=_NOTES,
    )


def exits(parts: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Estimate]]:
    """Per group of levels, the estimates of the first exits from the decision square, by their names in words."""
    return {
        name: {words: estimate(levels[column]) for column, words in EXITS.items()} for name, levels in parts.items()
    }


def _statement(study: Sweep, levels: pd.DataFrame, p_cheese: Mapping[str, Estimate]) -> str:
    if not levels["cheese_x"].notna().any():
        corner = percent(estimate(levels["p_top_right"]))
        return f"In {counted(len(levels), 'level')} without cheese it reaches the corner with probability {corner}."
    everywhere, inside, outside, *_ = p_cheese.values()
    region = f"top-right {study.training_region}×{study.training_region} squares"
    return (
        f"On {counted(len(levels), f'{study.distribution_mode} level')} it reaches the cheese with probability "
        f"{percent(everywhere)}; with {percent(inside)} where the cheese lies in the {region} (n = {inside.n}) and "
        f"with {percent(outside)} elsewhere (n = {outside.n})."
    )


def _pictures(
    study: Sweep, levels: pd.DataFrame, parts: Mapping[str, pd.DataFrame], p_cheese: Mapping[str, Estimate]
) -> dict[str, Picture]:
    if not levels["cheese_x"].notna().any():
        return {}
    written = "; ".join(f"{group} {percent(mean)}" for group, mean in p_cheese.items())
    by_cheese = dict(list(parts.items())[1:3])  # in the region, and outside it
    pictures = {
        "p_cheese_by_group": Picture(
            estimates_figure(p_cheese, "P(cheese), mean over levels"),
            "P(cheese) by group of levels.",
            f"Points with intervals: {written}.",
        ),
        "p_cheese_by_distance": Picture(
            distance_figure(levels),
            "P(cheese) by the distance of the cheese from the corner and from the decision square, in a straight line "
            "and along the maze; below each, the number of levels.",
            "Four panels of points with intervals over distance, with bars of level counts.",
        ),
        "p_cheese_by_size": Picture(
            size_figure(levels), "P(cheese) by the size of the maze.", "Points with intervals, one per maze size."
        ),
        "p_cheese_by_place": Picture(
            place_figure(levels, study.training_region),
            "Mean P(cheese) by the place of the cheese, counted from the top-right corner; the numbers are levels.",
            "A map with a colour for the mean at each place; places without levels are hatched.",
        ),
        "p_cheese_distribution": Picture(
            distribution_figure(by_cheese),
            "How P(cheese) is distributed over levels: by tenths, and the share of levels at or below each value.",
            "A histogram and a cumulative curve, for levels with the cheese in the region and outside it.",
        ),
    }
    if levels["decision_x"].notna().sum() > 1:
        pictures["first_exits"] = Picture(
            shares_figure(exits(by_cheese), "first exit from the decision square, mean over levels"),
            "Where the mouse goes when it first leaves the decision square.",
            "Stacked bars, one per group of levels.",
        )
    if has_surprises(levels):
        pictures["surprises"] = Picture(
            surprises_figure(study.experiment, levels, study.training_region),
            "Vector fields of the least (above) and the most surprising levels (below).",
            "Mazes with an arrow on every square: the net move from it.",
        )
    return pictures
