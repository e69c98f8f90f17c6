"""The result of `references` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import counted
from maze_interp.results.tables import nested, row_estimate
from maze_interp.results.text import amount, percent
from maze_interp.studies.references.agreement import agreement_table
from maze_interp.studies.references.figures import agreement_figure, scores_figure, weights_figure
from maze_interp.studies.references.measure import CHEESE, CORNER, RANDOM, SQUARES
from maze_interp.studies.references.mixtures import MODELS, NAMES, fit_mixture
from maze_interp.studies.references.scores import gain, held_out_scores
from maze_interp.studies.references.study import References
from maze_interp.studies.references.tables import scores_by_squares, weight_table
from maze_interp.studies.result import Picture, Result

BY_DISTANCE = "mixture by distance to the mouse"

_NOTES = (
    "Each rule is followed with a fitted share of random actions; a move into a wall counts as staying. The score is "
    "the expected log-probability of the agent's moves. Random actions set its zero, the agent's own probabilities "
    "set 100%.",
    "A mixture draws one of its rules at every move. It describes how often the agent moves as if towards cheese or "
    "corner; it does not show that the agent represents two goals.",
    "The rules agree on most squares; they differ where the paths to cheese and corner do. Every level with squares "
    "that count has the same weight, however seldom the agent visits them. Of a wall follower the move on first "
    "arriving at a square is compared.",
)


def summarise(study: References, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    fitted_on, reported_on = rows["fitted"], rows["reported"]
    scores, agreement = scores_by_squares(fitted_on, reported_on), agreement_table(reported_on)
    mixture = fit_mixture(MODELS[BY_DISTANCE], fitted_on, "apart")
    any_steps = agreement[agreement["steps"] == "any"].drop(columns="steps")
    measured = any_steps.assign(measured=any_steps["reference"] + " " + any_steps["quantity"])
    return Result(
        statement=_statement(scores),
        lines=[*_score_lines(scores), *_agreement_lines(any_steps)],
        numbers={
            "scores": nested(scores, ["squares", "model"]),
            "agreement": nested(measured.drop(columns=["reference", "quantity"]), ["squares", "measured"]),
        },
        tables={"agreement": agreement, "scores": scores, "weights": weight_table(mixture)},
        pictures={
            "scores": Picture(
                scores_figure(scores),
                "What each rule and each mixture gains over random actions; dashed: the agent's own probabilities.",
                "Points with intervals in three panels, one for each choice of squares.",
            ),
            "agreement": Picture(
                agreement_figure(agreement),
                "How often the agent's most probable move is a rule's, by distance from the cheese.",
                "Three panels of lines, one for each rule, over bins of steps from mouse to cheese.",
            ),
            "weights": Picture(
                weights_figure(mixture),
                "The weight of the path to the cheese in the mixture fitted where the paths to cheese and corner "
                "differ.",
                "A map of the weight over bins of straight-line and step distance.",
            ),
        },
        captions={"scores": "Every rule and mixture, scored on levels that it was not fitted on"},
        notes=_NOTES,
    )


def compared_figures(fitted_on: pd.DataFrame, reported_on: pd.DataFrame) -> dict[str, Estimate]:
    """What the shortest paths and their mixture by distance gain, on squares by expected visits."""
    shown = (CHEESE, CORNER, BY_DISTANCE)
    scores = held_out_scores({name: MODELS[name] for name in shown}, fitted_on, reported_on)
    return {f"{NAMES[name]}, share of the possible gain": gain(scores, name) for name in shown}


def _statement(scores: pd.DataFrame) -> str:
    visited = scores[scores["squares"] == "visited"].set_index("model")
    best = str(visited.index[visited["best"]][0])
    rule, mixture = (percent(row_estimate(visited.loc[name], "gain")) for name in (best, BY_DISTANCE))
    over = row_estimate(visited.loc[BY_DISTANCE], "over_best")
    return (
        f"The best single rule, “{NAMES[best]}”, gains {rule} of what the agent's own probabilities gain over random "
        f"actions on the squares it visits; a mixture of the paths to cheese and corner by distance gains {mixture}, "
        f"{amount(over, 'nats', 3)} per move more than that rule, on {counted(over.n, 'level')}."
    )


def _score_lines(scores: pd.DataFrame) -> list[str]:
    visited = scores[(scores["squares"] == "visited") & scores["model"].isin(MODELS)]
    return [
        f"{NAMES[row['model']]}: {percent(row_estimate(row, 'gain'))} of the possible gain (n = {row['n']})"
        f"{', the best single rule on the levels fitted on' if row['best'] else ''}"
        for row in visited.to_dict("records")
    ]


def _agreement_lines(agreement: pd.DataFrame) -> list[str]:
    shown = agreement[(agreement["quantity"] == "agreement") & agreement["reference"].isin([CHEESE, CORNER, RANDOM])]
    return [
        f"most probable move as in “{NAMES[row['reference']]}”, {SQUARES[row['squares']]}: {row_estimate(row)}"
        for row in shown.to_dict("records")
    ]
