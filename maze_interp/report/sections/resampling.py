"""How far the channels that track the cheese decide the moves."""

from __future__ import annotations

from typing import Any

from maze_interp.measure.channels import count_channels
from maze_interp.plots.ablation import resampling_figure, short
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study, tells
from maze_interp.studies.channels.scores import CHOOSING, cheese_channels
from maze_interp.studies.resampling import QUANTITIES, SETS, SOURCES, Resampling, resampling_figures
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_LEVELS, _DRAWS = 60, 5


def resampling_section(study: Study) -> Section:
    """The channels that track the cheese, taken from levels with the same and with another cheese square."""
    limit = count_channels(study.policy, LAYER) // 2
    channels = cheese_channels(study.policy, LAYER, LevelSet(CHOOSING.seeds, study.mode))[:limit]
    if not channels:
        return Section("resampling", _TITLE, [f"No channel of {short(LAYER)} is told to track the cheese."])
    levels = LevelSet(study.some(_LEVELS), study.mode)
    experiment = Resampling(study.policy, study.agent, levels, channels, draws=_DRAWS)
    figures = resampling_figures(run_experiment(experiment, study.out / experiment.name))
    numbers = {
        f"{quantity}_{name}_{which}": Number(one, "difference" if "less" in f"{name}{which}" else "probability")
        for quantity, by_set in figures.items()
        for name, some in by_set.items()
        for which, one in some.items()
    }
    return Section(
        name="resampling",
        title=_TITLE,
        body=_body(experiment, numbers),
        numbers=numbers,
        pictures=[_picture(figures, numbers)],
        tables=[_table(numbers)],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("resample")],
    )


_TITLE = "Do the channels that track the cheese decide the moves?"

_WORDS = {"tv": "total variation distance", "changed": "share of greedy moves changed"}
_NAMES = {"given": "channels that track the cheese", "random": "as many others, at random", "layer": "the whole layer"}

_HOW_TO_READ = (
    "The total variation distance of two distributions over the five moves is half the sum of their differences in "
    "size: the share of moves that would have to change. A greedy move is the most probable one.",
    "The other level has the same size; its activations are taken with its cheese moved to the level's own cheese "
    "square, and with its cheese where procgen put it, the mouse on the same square as in the level. If the channels "
    "said where the cheese is and no more, the first would change nothing; and if that decided the moves, the second "
    "would change much.",
    "Random sets have as many channels, drawn from the rest of the layer. The published shares (.88% and 1.26%, random "
    ".60% and .54%) were norms over a number of squares, not total variations, and cannot be compared in size.",
)

_TOLD = {
    1: "So where the cheese lies in the other level matters.",
    0: "So these levels do not show that it matters where the cheese lies in the other level.",
    -1: "So another cheese square changes the moves less, not more.",
}


def _body(experiment: Resampling, numbers: dict[str, Number]) -> list[str]:
    listed = ", ".join(map(str, experiment.channels))
    return [
        f"Channels {listed} of {short(experiment.layer)} track the cheese best (chosen on other levels). On "
        f"{numbers['tv_given_same'].estimate.n} levels they were replaced by what they are in another level, and the "
        "moves on all squares compared with those of the network as it is.",
        "From a level with the same cheese square the moves change by a total variation distance of {tv_given_same}, "
        "from one with another by {tv_given_other}; the difference is {tv_given_other_less_same}. "
        + _TOLD[tells(numbers["tv_given_other_less_same"].estimate)],
        "As many other channels, drawn at random, change {tv_random_same} and {tv_random_other}, the whole layer "
        "{tv_layer_same} and {tv_layer_other}. Of the greedy moves {changed_given_same} and {changed_given_other} "
        "change, with random channels {changed_random_same} and {changed_random_other}.",
    ]


def _picture(figures: dict[str, Any], numbers: dict[str, Number]) -> Picture:
    written = "; ".join(f"{name} {number}" for name, number in numbers.items() if name.endswith(SOURCES))
    return Picture(
        "resampling",
        resampling_figure(figures),
        "How far the moves change when channels come from another level, on a logarithmic scale.",
        f"Points with intervals: {written}.",
    )


def _table(numbers: dict[str, Number]) -> Table:
    which_ones = (*SOURCES, "other_less_same")
    rows: list[list[Cell]] = [
        [_WORDS[quantity], _NAMES[name], *(numbers[f"{quantity}_{name}_{which}"] for which in which_ones)]
        for quantity in QUANTITIES
        for name in SETS
    ]
    headings = ("what", "channels", "same cheese square", "another", "difference")
    return Table("resampling", "Changes of the moves, and differences paired by level", headings, rows, folded=True)
