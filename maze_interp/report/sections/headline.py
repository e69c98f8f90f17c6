"""The question of the page, and its answer in a few numbers."""

from __future__ import annotations

from maze_interp.mazes.features import REGION
from maze_interp.plots.intervals import estimates_figure
from maze_interp.report.section import Number, Picture, Section
from maze_interp.report.study import Study, difference, tells
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.groups import in_region

_CHEESE = {
    -1: "In the same mazes it reaches the cheese less often when the cheese lies outside.",
    0: "These levels do not show a difference between the two.",
    1: "In the same mazes it reaches the cheese more often when the cheese lies outside.",
}
_EXIT = {
    -1: "So where it must choose, it chooses the corner's way more often than the cheese's.",
    0: "So these levels do not show that it prefers either way.",
    1: "So where it must choose, it chooses the cheese's way more often than the corner's.",
}


def headline_section(study: Study) -> Section:
    """Success with the cheese where it was in training, and elsewhere; and the choice between cheese and corner."""
    numbers = _numbers(study)
    return Section(
        name="headline",
        title=(
            "Where it goes when the cheese is not where it was in training"
            if study.region_recorded
            else f"Where it goes when the cheese lies outside the {study.region_name}"
        ),
        body=_body(study, numbers),
        numbers=numbers,
        pictures=[_picture(study, numbers)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.sweep_command(study.trained_sweep), study.sweep_command(study.anywhere_sweep)],
    )


_HOW_TO_READ = (
    "Every figure is a mean over levels, with its 95% interval in brackets: the bootstrap over levels. n counts "
    "levels. Of a single level the probabilities are exact, so the intervals say only how far other levels might "
    "move the mean. An interval of no width means that these levels agree to the digits shown, not that no level "
    "would differ.",
    "The difference compares each maze with itself, the cheese moved.",
    "The decision square is the last one that the ways from the start to the cheese and to the top-right corner "
    "share; a level has none if one way contains the other. “First leaves” is where the mouse goes once it has left "
    "that square, given that it gets there; another way is a third branch, or back.",
)


def _numbers(study: Study) -> dict[str, Number]:
    outside, same = study.anywhere[study.outside], study.trained[study.outside]
    far = outside[~in_region(outside, REGION)]
    return {
        "trained": Number(estimate(study.trained["p_cheese"])),
        "outside": Number(estimate(outside["p_cheese"])),
        "same_mazes": Number(estimate(same["p_cheese"])),
        "difference": Number(difference(outside["p_cheese"], same["p_cheese"]), "difference"),
        "region_visited": Number(estimate(far["p_region"])),
        "corner_visited": Number(estimate(outside["p_top_right"])),
        "exit_cheese": Number(estimate(outside["exit_cheese"])),
        "exit_top_right": Number(estimate(outside["exit_top_right"])),
        "exit_other": Number(estimate(outside["exit_other"])),
        "exit_difference": Number(difference(outside["exit_cheese"], outside["exit_top_right"]), "difference"),
    }


def _body(study: Study, numbers: dict[str, Number]) -> list[str]:
    where = f"{study.region_name} squares"
    known = "as in training" if study.region_recorded else f"where it lay in training being {study.where_trained}"
    body = [
        f"Measured on {len(study.seeds)} {study.mode} levels, seeds {study.anywhere_sweep.levels.name}. With the "
        f"cheese in the {where}, {known}, it reaches the cheese within 500 moves with probability {{trained}}."
    ]
    if not study.outside.any():
        return [*body, f"None of these levels has its cheese outside the {where} where procgen puts it."]
    body.append(
        f"On the {int(study.outside.sum())} levels where procgen puts the cheese elsewhere, it reaches it with "
        f"probability {{outside}}; in the same mazes with the cheese moved into the {where}, {{same_mazes}}. The "
        f"difference is {{difference}}. {_CHEESE[tells(numbers['difference'].estimate)]}"
    )
    body.append(
        f"With the cheese outside the top-right {REGION}×{REGION} squares ({numbers['region_visited'].estimate.n} "
        "levels) it gets into those at some time before the episode ends with probability {region_visited}. On "
        f"the levels with the cheese outside the {where} it stands on the corner square itself with "
        "{corner_visited}."
    )
    choices = numbers["exit_cheese"].estimate.n
    if choices:
        body.append(
            f"On the {choices} of the latter where the ways to the cheese and to the corner part, it first leaves "
            "the decision square towards the cheese with probability {exit_cheese}, towards the corner with "
            "{exit_top_right}, and another way with {exit_other}. The first less the second is "
            "{exit_difference}. " + _EXIT[tells(numbers["exit_difference"].estimate)]
        )
    return body


def _picture(study: Study, numbers: dict[str, Number]) -> Picture:
    names = {
        f"P(cheese), cheese in the {study.region_name}": "trained",
        "P(cheese), cheese elsewhere": "outside",
        f"P(cheese), same mazes, cheese in the {study.region_name}": "same_mazes",
        f"P(top-right {REGION}×{REGION}), cheese outside it": "region_visited",
        "P(corner), cheese elsewhere": "corner_visited",
    }
    estimates: dict[str, Estimate] = {words: numbers[name].estimate for words, name in names.items()}
    written = "; ".join(f"{words} {numbers[name]}" for words, name in names.items())
    return Picture(
        "headline",
        estimates_figure(estimates, "probability, mean over levels"),
        "Probability of reaching the cheese, of getting into the top-right squares and onto the corner square, "
        "within an episode of 500 moves.",
        f"Points with intervals on a scale from 0 to 100%: {written}.",
    )
