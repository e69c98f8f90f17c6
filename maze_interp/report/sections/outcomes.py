"""Outcomes by group of levels."""

from __future__ import annotations

import pandas as pd

from maze_interp.mazes.features import REGION
from maze_interp.plots.intervals import shares_figure
from maze_interp.report.section import Cell, Number, Picture, Section, Table, Unit
from maze_interp.report.study import Study
from maze_interp.results.estimates import estimate
from maze_interp.studies.sweep.summary import exits
from maze_interp.sweeps.groups import groups

_EPISODES: dict[str, tuple[str, Unit]] = {
    "p_cheese": ("reaches the cheese", "probability"),
    "p_top_right": ("stands on the corner", "probability"),
    "p_region": (f"stands in the top-right {REGION}×{REGION}", "probability"),
    "expected_steps": ("length of an episode", "moves"),
}
_CHOICES: dict[str, tuple[str, Unit]] = {
    "decision_p_cheese": ("next move to the cheese", "probability"),
    "decision_p_top_right": ("… to the corner", "probability"),
    "decision_p_other": ("… any other", "probability"),
    "exit_cheese": ("first leaves to the cheese", "probability"),
    "exit_top_right": ("… to the corner", "probability"),
    "exit_other": ("… another way", "probability"),
}


def outcomes_section(study: Study) -> Section:
    """Every outcome in every group, with the cheese in the region and where procgen puts it."""
    parts = {f"in training: {study.region_name}": study.trained, **groups(study.anywhere, study.region)}
    numbers = {
        f"{group}: {outcome}": Number(estimate(levels[outcome]), unit)
        for group, levels in parts.items()
        for outcome, (_, unit) in {**_EPISODES, **_CHOICES}.items()
    }
    training, _, inside, outside, *_ = parts  #
    chosen = {group: parts[group] for group in (training, inside, outside) if parts[group]["exit_cheese"].notna().any()}
    return Section(
        name="outcomes",
        title="Outcomes by where the cheese lies",
        body=[
            f"The first row is the sweep with the cheese put into the {study.region_name} squares; the others divide "
            "the sweep with the cheese where procgen puts it, on the same levels."
        ],
        numbers=numbers,
        pictures=[_picture(chosen)] if chosen else [],
        tables=[
            _table("episodes", "Whole episodes", _EPISODES, parts, numbers),
            *([_table("choices", "At the decision square", _CHOICES, chosen, numbers)] if chosen else []),
        ],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.sweep_command(study.trained_sweep), study.sweep_command(study.anywhere_sweep)],
    )


_HOW_TO_READ = (
    "Means over levels with 95% intervals. The outcomes of an episode do not exclude each other: a mouse may pass the "
    "corner and reach the cheese later. With the cheese on the corner they are the same thing.",
    "“Next move” is the probability of one move when the mouse is put on the decision square; “first leaves” counts "
    "whatever it does there until it leaves, given that it arrives, however unlikely that is in a level.",
)


def _table(
    name: str,
    caption: str,
    outcomes: dict[str, tuple[str, Unit]],
    parts: dict[str, pd.DataFrame],
    numbers: dict[str, Number],
) -> Table:
    first = next(iter(outcomes))
    rows: list[tuple[Cell, ...]] = [
        (group, numbers[f"{group}: {first}"].estimate.n, *(numbers[f"{group}: {outcome}"] for outcome in outcomes))
        for group in parts
    ]
    return Table(name, caption, ("levels", "n", *(words for words, _ in outcomes.values())), rows)


def _picture(parts: dict[str, pd.DataFrame]) -> Picture:
    shares = exits(parts)
    written = "; ".join(
        f"{group}: " + ", ".join(f"{words} {one.mean or 0:.1%}" for words, one in named.items())
        for group, named in shares.items()
    )
    return Picture(
        "first_exits",
        shares_figure(shares, "first way out of the decision square, mean over levels"),
        "Where the mouse goes when it first leaves the decision square.",
        f"Stacked bars, one per group of levels. {written}.",
    )
