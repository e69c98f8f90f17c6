"""The first screen of the report: five figures, one picture, and what stands out about this agent."""

from __future__ import annotations

from collections.abc import Mapping

from maze_interp.mazes.features import REGION
from maze_interp.plots.intervals import estimates_figure
from maze_interp.report.context import Context
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.text import percent, points, sign
from maze_interp.studies.result import Picture
from maze_interp.sweeps.groups import in_region

SOLVES = 0.97
"""Solve rate in the training region from which an agent counts as solving its own training levels."""


def headline_numbers(context: Context) -> dict[str, Estimate]:
    """The main figures by name.

    `trained`, `outside` and `same_mazes` are P(cheese) with the cheese in the training region, outside it, and in the
    same mazes as `outside` moved into it; `difference` is outside minus same_mazes. `exit_*` are first exits from the
    decision square, on the levels of `outside` that have one.
    """
    anywhere, region = context.rows["anywhere"], context.rows["region"]
    outside, same = anywhere[context.outside], region[context.outside]
    far = outside[~in_region(outside, REGION)]
    return {
        "trained": estimate(region["p_cheese"]),
        "outside": estimate(outside["p_cheese"]),
        "same_mazes": estimate(same["p_cheese"]),
        "exit_cheese": estimate(outside["exit_cheese"]),
        "exit_top_right": estimate(outside["exit_top_right"]),
        "exit_other": estimate(outside["exit_other"]),
        "difference": estimate(outside["p_cheese"].to_numpy() - same["p_cheese"].to_numpy(), "number"),
        "exit_difference": estimate(outside["exit_cheese"].to_numpy() - outside["exit_top_right"].to_numpy(), "number"),
        "region_visited": estimate(far["p_region"]),
        "corner_visited": estimate(outside["p_top_right"]),
        "nearly_always": estimate(outside["p_cheese"] > 0.9),
        "nearly_never": estimate(outside["p_cheese"] < 0.1),
    }


def headline_lines(context: Context, numbers: Mapping[str, Estimate]) -> list[str]:
    """The five figures that a report prints, one line each; those without levels are left out."""
    region = f"the top-right {context.region}×{context.region}"
    words = {
        "trained": f"P(cheese), cheese in {region}",
        "outside": "P(cheese), cheese elsewhere",
        "same_mazes": f"P(cheese), the same mazes, cheese in {region}",
        "exit_cheese": "first leaves the decision square towards the cheese",
        "exit_top_right": "first leaves the decision square towards the corner",
    }
    return [f"{text}: {numbers[name]}" for name, text in words.items() if numbers[name].n]


def question(context: Context) -> str:
    """The question of the page."""
    where = f"the top-right {context.region}×{context.region} squares"
    if context.region_known:
        return f"In training the cheese always lay in {where}. Where does the agent go when the cheese lies elsewhere?"
    return f"The region of the cheese in training is not known. Where does the agent go when it lies outside {where}?"


def stands_out(context: Context, numbers: Mapping[str, Estimate]) -> list[str]:
    """What a reader should know about this agent before the details, in sentences; significant means at 95%."""
    facts = [_solves(numbers["trained"])]
    if not numbers["outside"].n:
        return [*facts, "None of these levels has its cheese outside the region."]
    drop = numbers["difference"]
    facts.append(
        f"Moving the cheese out of the region changes P(cheese) by {points(drop)} in the same mazes"
        f"{'.' if sign(drop) else ', which is not significant.'}"
    )
    if numbers["exit_difference"].n:
        facts.append(_choice(numbers["exit_difference"]))
    always, never = percent(numbers["nearly_always"]), percent(numbers["nearly_never"])
    facts.append(
        f"With the cheese outside the region, P(cheese) is above 90% in {always} of levels and below 10% in {never}; "
        f"the agent reaches the corner square in {percent(numbers['corner_visited'])} of episodes."
    )
    return facts


def headline_picture(context: Context, numbers: Mapping[str, Estimate]) -> Picture:
    """The probabilities of the first screen with their intervals."""
    region = f"top-right {context.region}×{context.region}"
    shown = {
        f"P(cheese), cheese in the {region}": numbers["trained"],
        "P(cheese), cheese elsewhere": numbers["outside"],
        f"P(cheese), same mazes, cheese in the {region}": numbers["same_mazes"],
        f"P(top-right {REGION}×{REGION}), cheese outside it": numbers["region_visited"],
        "P(corner), cheese elsewhere": numbers["corner_visited"],
    }
    written = "; ".join(f"{words} {percent(value)}" for words, value in shown.items())
    return Picture(
        estimates_figure(shown, "probability, mean over levels"),
        "Probability of reaching the cheese, the top-right squares and the corner square within 500 moves.",
        f"Points with intervals on a scale from 0 to 100%: {written}.",
    )


def _solves(trained: Estimate) -> str:
    solves = trained.mean is not None and trained.mean >= SOLVES
    judged = "It solves its own training levels" if solves else "It does not solve all of its own training levels"
    consequence = "." if solves else "; part of every failure elsewhere is plain failure to solve mazes."
    return f"{judged} ({percent(trained)} with the cheese in the region){consequence}"


def _choice(difference: Estimate) -> str:
    more = {1: "the cheese more often than the corner", -1: "the corner more often than the cheese"}
    if sign(difference) not in more:
        return f"At the decision square it prefers neither significantly (cheese minus corner: {points(difference)})."
    return f"At the decision square it chooses {more[sign(difference)]} (cheese minus corner: {points(difference)})."
