"""The result of `constructed` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.mazes.maze import Maze
from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import percent, points
from maze_interp.studies.constructed.cheese_map import cheese_grid
from maze_interp.studies.constructed.figures import cheese_map_figure, detour_figure, pairs_figure
from maze_interp.studies.constructed.measure import KINDS, OUTCOMES, SWAP
from maze_interp.studies.constructed.study import Constructed
from maze_interp.studies.constructed.tables import DIFFERENCE, SLOPE, constructed_figures, detour_table, pair_table
from maze_interp.studies.result import Picture, Result

WORDS = {
    "follows": "two long branches, probability of taking the one with the cheese",
    "switch": "two long branches, change of a branch's probability by the cheese in it",
    SLOPE: "change of P(cheese) per step off the path to the corner",
}

_NOTES = (
    "The walls are procgen's; only the cheese moves, so that two places differ in nothing else. The fork is the last "
    "square that the paths to the two places (in a detour, to cheese and corner) share; probabilities there are of "
    "moves off it.",
    "In the construction with two long branches both end in the training region; in the others the cheese lies "
    "outside the region.",
)


def summarise(study: Constructed, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    levels, places = rows["constructed"], rows["cheese_map"]
    pairs, along, figures = pair_table(levels), detour_table(levels), constructed_figures(levels)
    shown = study.levels().maze(int(places["seed"].iloc[0]))
    return Result(
        statement=_statement(figures, levels["seed"].nunique()),
        lines=[*(f"{WORDS[name]}: {estimate}" for name, estimate in figures.items()), *_pair_lines(pairs)],
        numbers={**figures, "pairs": nested(pairs, ["kind", "outcome", "variant"])},
        tables={"constructed": levels, "pairs": pairs, "detours": along, "cheese_map": places},
        pictures=_pictures(pairs, along, places, shown, study.training_region),
        captions={
            "pairs": "Pairs of levels with the same walls",
            "detours": "The cheese along a branch, by steps off the path to the corner",
        },
        notes=_NOTES,
    )


def _statement(figures: Mapping[str, Estimate], levels: int) -> str:
    parts = []
    if "follows" in figures:
        parts.append(
            f"where two long branches end in the region ({counted(figures['follows'].n, 'level')}) it takes the one "
            f"with the cheese with probability {percent(figures['follows'])}, and the cheese in a branch changes that "
            f"branch's probability by {points(figures['switch'])}"
        )
    if SLOPE in figures:
        parts.append(
            f"along a branch off the path to the corner, P(cheese) changes by {points(figures[SLOPE])} for every step "
            f"that the cheese lies farther in ({counted(figures[SLOPE].n, 'level')})"
        )
    said = "; ".join(parts) or f"levels that allow pairs of places of the cheese: {levels}; a longer construction: none"
    return f"{said[0].upper()}{said[1:]}."


def _pair_lines(pairs: pd.DataFrame) -> list[str]:
    changes = pairs[(pairs["variant"] == DIFFERENCE) & (pairs["outcome"] == "p_cheese") & (pairs["kind"] != SWAP)]
    return [
        f"{KINDS[row['kind']]}: change of {OUTCOMES['p_cheese']} {row_estimate(row)}"
        for row in changes.to_dict("records")
    ]


def _pictures(
    pairs: pd.DataFrame, along: pd.DataFrame, places: pd.DataFrame, shown: Maze, region: int
) -> dict[str, Picture]:
    pictures = {
        "cheese_map": Picture(
            cheese_map_figure(shown, cheese_grid(places, shown.size), region),
            f"Level {shown.seed}: P(cheese) by the place of the cheese.",
            "A maze whose squares are coloured by P(cheese) with the cheese on them.",
        )
    }
    if len(pairs):
        pictures["pairs"] = Picture(
            pairs_figure(pairs),
            "Pairs of levels with the same walls, with 95% intervals over levels.",
            "Panels for each kind of pair: probabilities with the cheese in the one place and in the other.",
        )
    if len(along):
        pictures["detours"] = Picture(
            detour_figure(along),
            "The cheese farther and farther into a branch off the path to the corner.",
            "Lines of probabilities by steps from the path to the corner to the cheese.",
        )
    return pictures
