"""What the cheese and the top-right vector do."""

from __future__ import annotations

import pandas as pd

from maze_interp.plots.ablation import short
from maze_interp.plots.vectors import EDITS, coefficients_figure, edits_figure, transfer_figure
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study, tells
from maze_interp.report.vectors import changes, contrasts
from maze_interp.results.estimates import Estimate
from maze_interp.studies.transfer import Transfer, transfers
from maze_interp.studies.vectors import VectorEffects, effects
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_LEVELS, _EXACT = 80, 20  # of which about half have a decision square
_COEFFICIENTS = (-5.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0)

_TITLE = "Hiding the cheese, and pointing at the corner, by adding a vector"
_OUTCOMES = {
    "decision_p_cheese": ("to_cheese", "P(cheese | decision square)"),
    "decision_p_top_right": ("to_corner", "P(top-right | decision square)"),
    "p_cheese": ("p_cheese", "P(cheese), exact"),
    "p_top_right": ("p_corner", "P(corner), exact"),
    "region_p_cheese": ("solves", "P(cheese), cheese in the training region"),
}
"""The outcomes, as the section's numbers and tables call them."""


def vectors_section(study: Study) -> Section:
    """Both vectors alone, together, scaled, beside controls, and in other levels."""
    levels = LevelSet(study.some(_LEVELS), study.mode)
    experiment = VectorEffects(
        study.policy, study.agent, levels, study.region, coefficients=_COEFFICIENTS, draws=1, exact=_EXACT
    )
    rows = run_experiment(experiment, study.out / experiment.name)
    transfer = Transfer(study.policy, study.agent, levels, sources=1)
    moved = run_experiment(transfer, study.out / transfer.name)
    both = rows.loc[rows["edit"] == "both", "seed"].nunique()
    if both < 2:
        return Section(
            "vectors",
            _TITLE,
            ["Fewer than two of these levels have a decision square and a path to open to the corner of the world."],
            how_to_reproduce=[study.command("vectors")],
        )
    table, by_distance = effects(rows), transfers(moved)
    numbers = _numbers(table) | _transferred(by_distance) | _contrasts(rows)
    return Section(
        name="vectors",
        title=_TITLE,
        body=_body(numbers),
        numbers=numbers,
        pictures=_pictures(experiment, rows, table, by_distance, numbers),
        tables=[_table(table)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("vectors")],
    )


_HOW_TO_READ = (
    f"Vectors are taken and added in {short(LAYER)}, the published place. The cheese vector is the activations with "
    "the cheese less those without it, the mouse on the start; the top-right vector those with a path opened to the "
    "corner of the world less those without it. Mazes that fill their world have none, so its rows have fewer levels.",
    "At the decision square the probabilities are those of the next move. “Exact” is whole episodes, on fewer levels. "
    "The last column asks whether the agent still solves mazes: its cheese lies in the training region, the vectors "
    "are those of the level as procgen made it.",
    "Controls have the norm of the vector and are used like it. A random direction spreads over all positions and "
    "channels; permuting the positions (alike in all channels) or the channels keeps every number of the vector.",
    "Published, for another and wider agent on hard levels 0 to 99: P(cheese | decision square) has the median 81% "
    "[quartiles 23%, 94%], 3% [1%, 14%] with the cheese vector subtracted and 70% with it added; the top-right vector "
    "raises P(top-right), subtracting it does little; a cheese vector acts in levels whose cheese is within 2 "
    "squares, a random one destroys the policy.",
)

_TOLD = {-1: "lower", 0: "no difference told", 1: "higher"}


def _numbers(table: pd.DataFrame) -> dict[str, Number]:
    """Of every edit shown and every outcome the mean, and `_change`, the difference from unedited."""
    numbers = {}
    for row in table.to_dict("records"):
        if (row["edit"], row["coefficient"]) in EDITS and row["outcome"] in _OUTCOMES and row["n"]:
            name = _name(row["edit"], row["coefficient"], row["outcome"])
            numbers[name] = Number(Estimate(row["n"], row["mean"], row["low"], row["high"]))
            change = Estimate(row["n"], row["difference"], row["difference_low"], row["difference_high"])
            numbers[f"{name}_change"] = Number(change, "difference")
    return numbers


def _name(edit: str, coefficient: float, outcome: str) -> str:
    sign = {-1.0: "_subtracted", 0.0: "", 1.0: "_added"}[coefficient if edit in ("cheese", "top_right") else 0.0]
    return f"{edit}{sign}_{_OUTCOMES[outcome][0]}"


def _transferred(table: pd.DataFrame) -> dict[str, Number]:
    """The change that vectors of other levels make, by distance: `cheese_from_0_to_2` and so on."""
    wanted = {"cheese": "decision_p_cheese", "top_right": "decision_p_top_right"}
    numbers = {}
    for row in table.to_dict("records"):
        if row["outcome"] == wanted[row["vector"]]:
            change = Estimate(row["n"], row["difference"], row["difference_low"], row["difference_high"])
            distance = row["sources"].replace("–", "_to_").replace(" ", "_")
            numbers[f"{row['vector']}_from_{distance}"] = Number(change, "difference")
    return numbers


def _contrasts(rows: pd.DataFrame) -> dict[str, Number]:
    return {
        f"{name}_{_OUTCOMES[outcome][0]}": Number(one, "difference")
        for name, by_outcome in contrasts(rows).items()
        for outcome, one in by_outcome.items()
    }


def _body(numbers: dict[str, Number]) -> list[str]:
    def told(name: str) -> str:
        return f"{{{name}}} ({_TOLD[tells(numbers[f'{name}_change'].estimate)]})"

    body = [
        f"On {numbers['unedited_to_cheese'].estimate.n} levels with a decision square the move there leads along the "
        "way to the cheese with probability {unedited_to_cheese}. With the cheese vector subtracted it is "
        f"{told('cheese_subtracted_to_cheese')}; with it added, {told('cheese_added_to_cheese')}; with the cheese left "
        f"out of the picture, {told('hidden_to_cheese')}. Vectors of the same norm change it by "
        "{cheese_random_to_cheese_change} (a random direction) and {cheese_channels_to_cheese_change} (the cheese "
        "vector with its channels permuted).",
        "Adding the top-right vector changes the probability of the corner's way by "
        "{top_right_added_to_corner_change}, subtracting it by {top_right_subtracted_to_corner_change}. With the "
        "cheese vector subtracted and the other added the corner's way has {both_to_corner}: "
        "{both_less_cheese_to_corner} over the first alone, "
        "{both_less_top_right_to_corner} over the second alone.",
    ]
    if "both_solves" in numbers:
        body.append(
            f"Can it still solve mazes? On {numbers['unedited_solves'].estimate.n} levels with the cheese in the "
            "training region it reaches the cheese with {unedited_solves} unedited, {cheese_subtracted_solves} with "
            "the cheese vector subtracted, {top_right_added_solves} with the top-right vector added and "
            "{top_right_subtracted_solves} with it subtracted."
        )
    near = [one for one in ("0_to_2", "2_to_5", "5_to_8") if f"cheese_from_{one}" in numbers]
    moved = ", ".join(f"from {one.replace('_to_', ' to ')} squares away {{cheese_from_{one}}}" for one in near)
    return [*body, f"The level's own cheese vector changes the cheese's way by {{cheese_from_own}}, others {moved}."]


def _pictures(
    experiment: VectorEffects,
    rows: pd.DataFrame,
    table: pd.DataFrame,
    by_distance: pd.DataFrame,
    numbers: dict[str, Number],
) -> list[Picture]:
    written = "; ".join(f"{name} {one}" for name, one in numbers.items() if name.endswith(("to_cheese", "to_corner")))
    moved = "; ".join(f"{name} {one}" for name, one in numbers.items() if "_from_" in name)
    pictures = [
        Picture(
            "vectors_edits",
            edits_figure(table),
            "The vectors used as published, the reverse, and their controls.",
            f"Three panels of points with intervals: {written}.",
        ),
        Picture(
            "vectors_coefficients",
            coefficients_figure(table),
            "The vectors multiplied by a coefficient; 0 is the network as it is. Bands are 95% intervals.",
            "Three panels of lines over the coefficient, from −5 to 5, for the cheese and the top-right vector.",
        ),
        Picture(
            "vectors_transfer",
            transfer_figure(by_distance),
            "Vectors of other levels, by how far apart the two levels' cheeses or corners lie.",
            f"Two panels of changes with intervals: {moved}.",
        ),
    ]
    for vector, figure in changes(experiment, rows).items():
        words = EDITS[vector, -1.0 if vector == "cheese" else 1.0]
        pictures.append(
            Picture(
                f"vectors_{vector}_change",
                figure,
                f"The vector field without and with the {words}, and the difference, on the level whose change at the "
                "decision square is the median.",
                f"Three mazes with arrows: the field before, after the {words}, and the change, coloured by its size.",
            )
        )
    return pictures


def _table(table: pd.DataFrame) -> Table:
    numbers = _numbers(table)
    quartiles = table[table["outcome"] == "decision_p_cheese"].set_index(["edit", "coefficient"]).sort_index()
    rows: list[list[Cell]] = []
    for (edit, coefficient), words in EDITS.items():
        if (edit, coefficient) not in quartiles.index:
            continue
        one = quartiles.loc[edit, coefficient]
        spread = f"{one['median']:.2f} [{one['q25']:.2f}, {one['q75']:.2f}]"
        found = [numbers.get(_name(edit, coefficient, outcome)) for outcome in _OUTCOMES]
        rows.append([words.strip(), int(one["n"]), spread, *found])
    headings = (
        "edit",
        "levels",
        "P(cheese | decision square): median [quartiles]",
        *(words for _, words in _OUTCOMES.values()),
    )
    return Table("vectors", "What each edit does, means over levels", headings, rows, folded=True)
