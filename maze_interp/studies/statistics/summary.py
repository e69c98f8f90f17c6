"""The result of `statistics` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.mazes.features import REGION
from maze_interp.results.numbers import counted, decimal
from maze_interp.results.tables import records, row_estimate
from maze_interp.results.text import amount, percent
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.statistics import figures, published
from maze_interp.studies.statistics.change_point import MARGIN
from maze_interp.studies.statistics.hypotheses import CHAIN
from maze_interp.studies.statistics.regression import CEILING, GUESS, THREE
from maze_interp.studies.statistics.stability import unidentified
from maze_interp.studies.statistics.tables import EXACT, MOVE
from maze_interp.studies.statistics.words import WORDS

_SUMMARISED = ("comparison", "accuracies", "single", "signs", "chain", "at_fixed", "change_points", "layout_accuracies")

_NOTES = (
    "Accuracy is on levels held out from the fit: the probability that the outcome that the regression finds more "
    "probable occurs. The ceiling is the accuracy of knowing each level's P(cheese); the agent is stochastic. "
    "Coefficients are per standard deviation, the other distances held fixed; correlated distances share their effect "
    "arbitrarily, so only the signs of significant ones mean something. All of it is association over levels.",
    "A step is called a change point only if it predicts held-out levels better than both smooth curves, by "
    f"{MARGIN:g} nats per level. The published numbers are of {published.AGENT}: another agent, on other levels.",
)


def summarise(tables: Mapping[str, pd.DataFrame], region: int) -> Result:
    """The result, from the tables of `make_tables`."""
    exact = {name: _of(tables[name], EXACT) for name in ("accuracies", "single", "coefficients", "signs")}
    bound = unidentified(tables["levels"])
    return Result(
        statement=_statement(exact, len(tables["levels"]), region),
        lines=_lines(tables, exact),
        numbers={
            **{name: records(tables[name]) for name in _SUMMARISED},
            "selected_levels": len(tables["levels"]),
            "unidentified": bound,
        },
        tables=tables,
        pictures=_pictures(tables),
        captions={
            "comparison": f"The published study's numbers ({published.AGENT}) beside these: exact probabilities, and "
            "one sampled episode per level",
            "signs": "Whether it takes the cheese more often the smaller a distance, all others held fixed",
        },
        notes=(*_NOTES, _caveat(bound, region)),
    )


def _statement(exact: Mapping[str, pd.DataFrame], levels: int, region: int) -> str:
    accuracy = {row["model"]: percent(row_estimate(row, "accuracy")) for row in exact["accuracies"].to_dict("records")}
    best = exact["single"].iloc[0]
    return (
        f"On {counted(levels, 'level')} with a decision square and the cheese outside the top-right {region}×{region}, "
        f"the best single distance ({WORDS[best['variable']]}) predicts held-out levels with an accuracy of "
        f"{percent(row_estimate(best, 'accuracy'))}, the three distances that were stable in the published study with "
        f"{accuracy['three stable']}, all eleven with {accuracy['all eleven']}; the majority guess has "
        f"{accuracy[GUESS]}, the ceiling is {accuracy[CEILING]}."
    )


def _lines(tables: Mapping[str, pd.DataFrame], exact: Mapping[str, pd.DataFrame]) -> list[str]:
    three = exact["coefficients"].query("model == 'three stable'").set_index("variable")
    chain = tables["chain"].set_index("outcome")
    layout = tables["layout_accuracies"].query("model == 'additive'").set_index("predictors")
    steps = [
        f"{WORDS[row['variable']]}: {row['verdict']}; best step at {amount(row_estimate(row, 'at'))}"
        for row in _of(tables["change_points"], EXACT).to_dict("records")
    ]
    coefficients = {name: amount(row_estimate(three.loc[name], "coefficient"), digits=2) for name in THREE}
    return [
        *(
            f"coefficient beside the other two, {WORDS[name]}: {written} "
            f"(published {decimal(published.THREE[name], 2)})"
            for name, written in coefficients.items()
        ),
        *steps,
        *(
            f"{WORDS[CHAIN]}, {when}: {amount(row_estimate(chain.loc[outcome], 'nats_alone'), 'nats', 3)} per held-out "
            f"level alone, {amount(row_estimate(chain.loc[outcome], 'nats_given'), 'nats', 3)} beside the other two"
            for outcome, when in ((EXACT, "whole episode"), (MOVE, "one move at the decision square"))
        ),
        *(
            f"accuracy of an additive model on {words}: {percent(row_estimate(layout.loc[name], 'accuracy'))}"
            for name, words in {"distances": "distances", "layout": "layout", "both": "both"}.items()
        ),
    ]


def _caveat(bound: list[str], region: int) -> str:
    """What these levels cannot show."""
    parts = []
    if bound:
        parts.append(
            f"Not identified: in these levels {', '.join(WORDS[name] for name in bound)} are bound by a linear "
            "equation (a test of rank), so that no regression on all of them has their coefficients; the table of "
            "signs leaves out one."
        )
    if region != REGION:
        parts.append(
            f"The distances to the region are to the {region}×{region} that is this agent's own; the published "
            f"study's were to its {REGION}×{REGION}."
        )
    return " ".join(parts) or "All eleven distances are identified, and the region is that of the published study."


def _pictures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Picture]:
    return {
        "accuracies": Picture(
            figures.accuracies_figure(tables["single"], tables["accuracies"]),
            "How well each distance alone, and several together, predict P(cheese) on levels held out.",
            "A point per regression with its interval, the published accuracy beside.",
        ),
        "coefficients": Picture(
            figures.coefficients_figure(tables["coefficients"]),
            "Coefficients of the L1 regressions, the published ones beside.",
            "A point per distance with its interval, for regressions on eleven, six and three distances.",
        ),
        **{
            f"change_points_{outcome}": Picture(
                figures.change_point_figure(
                    tables["levels"], figures.verdicts_of(tables["change_points"], outcome), outcome
                ),
                f"{words} over four distances: means by bins with intervals (hollow: few levels), and fitted shapes.",
                "Four panels of points and four fitted curves each: step, broken line, logistic curve, spline.",
            )
            for outcome, words in {EXACT: "P(cheese)", MOVE: "P(next move to the cheese)"}.items()
        },
        "jointly": Picture(
            figures.joint_figure(tables["jointly"]),
            "Straight-line against step distance between cheese and decision square, over the whole episode (left) and "
            "in one move at the decision square (right).",
            "Two maps of the mean outcome with the number of levels in every bin.",
        ),
        "dependence": Picture(
            figures.dependence_figure(tables["dependence"]),
            "Partial dependence of P(cheese) on distances and layout, with intervals over levels.",
            "A small curve with an interval for each predictor.",
        ),
        "correlations": Picture(
            figures.correlations_figure(tables["correlations"]),
            "Correlations of the eleven distances over levels.",
            "A matrix of correlations.",
        ),
    }


def _of(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return table[table["outcome"] == outcome]
