"""What predicts whether it takes the cheese."""

from __future__ import annotations

import math

import pandas as pd

from maze_interp.errors import MazeInterpError
from maze_interp.plots.statistics import (
    WORDS,
    accuracies_figure,
    change_point_figure,
    coefficients_figure,
    dependence_figure,
    joint_figure,
    verdicts_of,
)
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate
from maze_interp.statistics import published
from maze_interp.statistics.change_point import MARGIN
from maze_interp.statistics.data import FinishedSweep
from maze_interp.statistics.fits import Effort
from maze_interp.statistics.hypotheses import CHAIN
from maze_interp.statistics.regression import CEILING, GUESS, THREE
from maze_interp.statistics.study import EXACT, MOVE, Tables, chosen_levels, run_statistics

_EFFORT = Effort(repeats=2, refits=100)
_TITLE = "What predicts whether it takes the cheese"


def statistics_section(study: Study) -> Section:
    """Regressions on the eleven distances, curves over distance, layout; the published numbers beside."""
    sweep = FinishedSweep(study.anywhere_sweep.settings, study.anywhere, study.region)
    commands = [
        study.command("sweep", seeds=f"{study.seeds.start}:{study.seeds.start + 10_000}", out="runs/sweep"),
        f"maze-interp statistics --sweep runs/sweep --region {study.region} --out runs/statistics",
    ]
    try:
        chosen_levels(sweep)
    except MazeInterpError as error:
        return Section("statistics", _TITLE, [f"Not measured here: {error}."], how_to_reproduce=commands)
    tables = run_statistics(sweep, study.out / "statistics", _EFFORT)
    numbers = _numbers(tables)
    return Section(
        name="statistics",
        title=_TITLE,
        body=_body(tables, study),
        numbers=numbers,
        pictures=_pictures(tables),
        tables=_tables(tables),
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=commands,
    )


_HOW_TO_READ = (
    "Accuracy is on levels held out from the fit: the probability that what the regression holds likelier is what "
    "happens, averaged over levels, in five-fold cross-validation. Always guessing the likelier outcome is the floor; "
    "even who knew each level's P(cheese) could be right no more often than the ceiling, because the agent itself "
    "throws dice.",
    "A coefficient is the change in the log-odds per standard deviation of the distance, the other distances of the "
    "regression held fixed. Distances that go together share their effect between them as chance will have it: trust "
    "signs whose interval leaves out zero, not sizes.",
    "A step is called a change point only if it predicts held-out levels better than both smooth curves do. The "
    f"difference must exceed {MARGIN:g} nats per level.",
    "Partial dependence averages the fitted additive model over levels with one predictor set to a value; some "
    "combinations it averages over do not exist as mazes. All of it is association over levels, not cause.",
    f"The published numbers are of {published.AGENT}; of another agent only directions can be expected to agree.",
)


def _numbers(tables: Tables) -> dict[str, Number]:
    accuracy = tables["accuracies"].query("outcome == @EXACT").set_index("model")
    names = {"guess": GUESS, "three": "three stable", "eleven": "all eleven", "ceiling": CEILING}
    numbers = {name: _number(accuracy.loc[model], "accuracy") for name, model in names.items()}
    numbers["best_alone"] = _number(tables["single"].query("outcome == @EXACT").iloc[0], "accuracy")
    layout = tables["layout_accuracies"].query("model == 'additive'").set_index("predictors")
    return numbers | {name: _number(layout.loc[name], "accuracy") for name in ("distances", "layout", "both")}


def _body(tables: Tables, study: Study) -> list[str]:
    best = tables["single"].query("outcome == @EXACT").iloc[0]
    return [
        f"The {len(tables['levels'])} levels with a decision square and the cheese outside the {study.region_name}, "
        "the published selection (its region was the 5×5). What is predicted is the exact probability of reaching the "
        "cheese.",
        "Always guessing the likelier outcome is right in {guess}; the best single distance, "
        f"{WORDS[best.variable]}, gives {{best_alone}}; the three distances that were stable in the published study "
        "{three}, all eleven {eleven}. Knowing P(cheese) of every level would give {ceiling}.",
        _signs_told(tables),
        _shapes_told(tables),
        _chain_told(tables),
        "A flexible additive model on distances gives {distances}, on attributes of the layout {layout}, on both "
        "{both}. " + _layout_told(tables),
    ]


def _signs_told(tables: Tables) -> str:
    rows = tables["coefficients"].query("outcome == @EXACT and model == 'three stable'").set_index("variable")
    told = [f"{WORDS[name]}: {_written(rows.loc[name], 'coefficient')}" for name in THREE]
    agree = sum(rows.loc[name, "coefficient_high"] < 0 for name in THREE)
    return (
        f"Coefficients of the three stable distances: {'; '.join(told)}. Published, all three are negative (closer, "
        f"more often); here {agree} of 3 are, with intervals that leave out zero."
    )


def _shapes_told(tables: Tables) -> str:
    rows = tables["change_points"].query("outcome == @EXACT")
    told = [f"{WORDS[row.variable]}: {row.verdict}" for row in rows.itertuples()]
    return f"Does P(cheese) fall at once, as “within 5, navigate; beyond, don’t” has it? {'; '.join(told)}."


def _chain_told(tables: Tables) -> str:
    rows = tables["chain"].set_index("outcome")
    alone = [_written(rows.loc[outcome], "nats_alone", 3) for outcome in (EXACT, MOVE)]
    given = [_written(rows.loc[outcome], "given") for outcome in (EXACT, MOVE)]
    return (
        f"Is the power of {WORDS[CHAIN]} only that a longer way needs more lucky moves? In the one move at the "
        f"decision square there is no chain of moves. Alone the steps tell {alone[0]} nats per held-out level of the "
        f"whole episode and {alone[1]} of that move; beside the other two stable distances their coefficient is "
        f"{given[0]} and {given[1]}."
    )


def _layout_told(tables: Tables) -> str:
    row = tables["layout_accuracies"].query("model == 'additive' and predictors == 'both'").iloc[0]
    gain = f"{_written(row, 'over_distances', 4)} nats per held-out level"
    return f"Beside the distances the layout adds {gain} of log-likelihood."


def _pictures(tables: Tables) -> list[Picture]:
    n = len(tables["levels"])
    return [
        Picture(
            "statistics_accuracies",
            accuracies_figure(tables["single"], tables["accuracies"]),
            "How well each distance alone, and several together, predict P(cheese) on levels held out.",
            f"A point per regression with its interval, the published accuracy beside, {n} levels.",
        ),
        Picture(
            "statistics_coefficients",
            coefficients_figure(tables["coefficients"]),
            "Coefficients of the L1 regressions, the published ones beside.",
            "A point per distance with its interval, for regressions on eleven, six and three distances.",
        ),
        Picture(
            "statistics_change_points",
            change_point_figure(tables["levels"], verdicts_of(tables["change_points"], EXACT)),
            "P(cheese) over four distances: means by bins with intervals (hollow: few levels), and fitted shapes.",
            "Four panels of points and four fitted curves each: step, broken line, logistic curve, spline.",
        ),
        Picture(
            "statistics_jointly",
            joint_figure(tables["jointly"]),
            "Straight-line against step distance between cheese and decision square, over the whole episode (left) "
            "and in one move at the decision square (right).",
            "Two maps of the mean outcome with the number of levels in every bin.",
        ),
        Picture(
            "statistics_dependence",
            dependence_figure(tables["dependence"]),
            "Partial dependence of P(cheese) on distances and layout, with intervals over levels.",
            "A small curve with an interval for each predictor.",
        ),
    ]


def _tables(tables: Tables) -> list[Table]:
    compared: list[tuple[Cell, ...]] = [
        (
            row.quantity,
            _words(row.variable),
            *(_written(row, column, 3) for column in ("p_cheese", "sampled_cheese", "published")),
        )
        for row in tables["comparison"].itertuples()
    ]
    signs: list[tuple[Cell, ...]] = [
        (WORDS[row.variable], _words(row.left_out), _written(row, "coefficient"), row.closer_more_often)
        for row in tables["signs"].query("outcome == @EXACT").itertuples()
    ]
    return [
        Table(
            "statistics_comparison",
            "The published study's numbers, beside ours",
            ("quantity", "variable", "exact", "one sampled episode per level", f"published ({published.AGENT})"),
            compared,
            folded=True,
        ),
        Table(
            "statistics_signs",
            "Does it take the cheese more often the closer …, all other distances held fixed? (Of the three step "
            "distances between cheese, decision square and corner only two can be held fixed; one is left out.)",
            ("distance", "left out", "coefficient", "closer, more often"),
            signs,
            folded=True,
        ),
    ]


def _words(variable: object) -> str:
    return WORDS.get(variable, variable) if isinstance(variable, str) else ""


def _number(row: pd.Series, column: str) -> Number:
    return Number(Estimate(int(row["n"]), *(float(row[f"{column}{end}"]) for end in ("", "_low", "_high"))))


def _written(row: object, column: str, digits: int = 2) -> str:
    """A figure of a table's row with its interval, if it has one."""
    value, low, high = (getattr(row, f"{column}{end}", math.nan) for end in ("", "_low", "_high"))
    written = f"{value:.0f}" if value == round(value) and pd.isna(low) else f"{value:.{digits}f}"
    if not pd.isna(low):
        written += f" [{low:.{digits}f}, {high:.{digits}f}]"
    return written.replace("-", "−")
