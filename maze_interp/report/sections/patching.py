"""How few activations carry the effect of the cheese lying in the corner."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from maze_interp.plots.patching import curves_figure, layers_figure
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.text import short_layer as short
from maze_interp.studies.fixed_sets import EPISODE_DRAWS, LEAST_CHANGE, EpisodeSets
from maze_interp.studies.patch_sets import DRAWS, LEAST, SHARES, PatchCurves, SmallestSets
from maze_interp.studies.patch_tables import curve_table, layer_table, network_size, set_figures
from maze_interp.studies.patched_parts import LayerPatching
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer
TRUNK = DEFAULT.trunk

_LEVELS, _EPISODES = 80, 40  # of which about half make a pair
_KIND = "cheese-to-corner"
_TITLE = "How few activations make it go to the corner"


def patching_section(study: Study) -> Section:
    """Patching from the same maze with its cheese in the corner: by place, by number, and the smallest sets."""
    some, few = (
        (study.policy, study.agent, LevelSet(study.some(count), study.mode), _KIND, study.region)
        for count in (_LEVELS, _EPISODES)
    )
    experiments = (
        *(LayerPatching(*some, TRUNK), PatchCurves(*some, (LAYER,)), SmallestSets(*some, (LAYER,))),
        EpisodeSets(*few, (LAYER,)),
    )
    rows = {one.name: run_experiment(one, study.out / f"patch_{one.name}") for one in experiments}
    if rows["sets"]["seed"].nunique() < 2:
        return Section("patching", _TITLE, [_TOO_FEW])
    network = network_size(study.policy)
    figures = {name: _figures(rows[name], network) for name in ("sets", "episodes")}
    layers = layer_table(rows["layers"])
    return Section(
        name="patching",
        title=_TITLE,
        body=_body(rows, "90_count" in figures["episodes"], network),
        numbers={
            **_ends(rows["layers"]),
            **_places(layers),
            **{f"{name}_{key}": number for name, some in figures.items() for key, number in some.items()},
        },
        pictures=_pictures(layers, rows["curves"]),
        tables=[
            _table(name, caption, rows[name], figures[name], network)
            for name, caption in _CAPTIONS.items()
            if figures[name]
        ],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("patch", kind=_KIND, layers=",".join(TRUNK), seeds="900000000:900000440")],
    )


_TOO_FEW = (
    "In fewer than two of these levels does moving the cheese from outside the training region to the corner change "
    f"the lead at the decision square by {LEAST} or more."
)

_CAPTIONS = {
    "sets": f"The smallest sets found in {short(LAYER)}, the mouse on the decision square",
    "episodes": f"Whole episodes: the same few activations of {short(LAYER)} patched on every square",
}

_HOW_TO_READ = (
    "A patch puts the donor's activation, for the mouse on the same square, in the place of the recipient's. The "
    "lead is P(move towards the corner) − P(move towards the recipient's cheese) at the decision square, from −1 to "
    "1: a patch that merely broke the policy would take from both. A share is (patched − recipient) / (donor − "
    "recipient), taken as a ratio of means over levels, because the ratio of a single level runs off to infinity "
    "where its two ends are close.",
    f"Sets are sought level by level, where the whole effect on the lead is at least {LEAST}: activations ranked by "
    "integrated gradients from recipient to donor, the ranking cut where the share is reached, then every activation "
    "dropped that the rest can do without. Each set has been run. Sets of one or two are the smallest there are; "
    "larger ones are upper bounds.",
    f"The controls are sets of the same size in the same level: the mean of {DRAWS} random ones, drawn from the whole "
    "layer or from the activations that differ between the runs, and the ones that differ most.",
    "For whole episodes a set's share is the lesser of its shares of two changes that the whole layer makes, the fall "
    "of P(reaches the cheese) and the rise of P(reaches the corner), both exact; levels where either is below "
    f"{LEAST_CHANGE} are left out. The activations are ranked by their mean over the squares between the two cheeses "
    f"and nothing is dropped; the random control is the mean of {EPISODE_DRAWS} sets. On the donor's own cheese "
    "square nothing is patched.",
)


def _figures(rows: pd.DataFrame, network: int) -> dict[str, Number]:
    """Numbers by share, such as `90_count`; none if fewer than two levels qualify."""
    if rows["seed"].nunique() < 2:
        return {}
    return {
        f"{share:.0%}".rstrip("%") + f"_{name}": Number(figure, "count" if name == "count" else "probability")
        for share in SHARES
        for name, figure in set_figures(rows[rows["share"] == share], network).items()
        if name != "whole"
    }


def _ends(layers: pd.DataFrame) -> dict[str, Number]:
    """What recipient and donor do at the decision square."""
    one = layers[(layers["layer"] == TRUNK[0]) & (layers["part"] == "whole")]
    return {
        f"{end}_{metric}": Number(estimate(one[one["metric"] == metric][end]))
        for metric in ("here", "there")
        for end in ("recipient", "donor")
    }


def _places(table: pd.DataFrame) -> dict[str, Number]:
    """Shares of the effect on the lead by layer and part."""
    return {
        f"{_key(row['layer'])}_{row['part']}": Number(Estimate(row["n"], row["mean"], row["low"], row["high"]))
        for row in table[table["metric"] == "lead"].to_dict("records")
    }


def _key(layer: str) -> str:
    """A layer's name as names of numbers are made."""
    return short(layer).replace(".", "_")


def _body(rows: dict[str, pd.DataFrame], episodes: bool, network: int) -> list[str]:
    pairs, counted = rows["layers"]["seed"].nunique(), rows["sets"]["seed"].nunique()
    n = int(rows["sets"]["activations"].iloc[0])
    first, last = short(TRUNK[0]), short(TRUNK[-2])
    return [
        f"On {pairs} levels with the cheese outside the training region, the mouse on the decision square, activations "
        "were taken from the same maze with the cheese in the corner. As the level is, the move leads towards the "
        "cheese with probability {recipient_here} and towards the corner with {recipient_there}; with the cheese in "
        "the corner {donor_here} and {donor_there}.",
        f"How few activations carry that difference? On the {counted} levels where it is not small, "
        f"{{sets_50_count}} of the {n:,} activations of {short(LAYER)} (median over levels) have half of the whole "
        "effect, {sets_70_count} have 70%, {sets_90_count} have 90% and {sets_99_count} have 99%. As many random ones "
        "as have 90% have {sets_90_random} of it, drawn from those that differ at all {sets_90_random_changed}, and "
        f"those that differ most {{sets_90_largest}}. All modules of the network together put out {network:,} numbers.",
        *(
            [
                f"Whole episodes, exactly, on {rows['episodes']['seed'].nunique()} levels where the whole layer takes "
                "it from the cheese to the corner: {episodes_50_count} activations, the same on every square, have "
                "half of its effect, {episodes_90_count} have 90%. With these it reaches the cheese with "
                "{episodes_90_p_cheese_after} instead of {episodes_90_p_cheese_before}, and the corner with "
                "{episodes_90_p_corner_after} instead of {episodes_90_p_corner_before}. Random sets of that size "
                "have {episodes_90_random} of the effect."
            ]
            if episodes
            else []
        ),
        f"Patched around one place only: in {first}, what is around the recipient's cheese has {{{first}_here}} of the "
        f"effect, what is around the corner {{{first}_there}}, around the mouse {{{first}_mouse}}, and everything "
        f"else {{{first}_rest}}. In {last} it is {{{last}_here}}, {{{last}_there}}, {{{last}_mouse}} and "
        f"{{{last}_rest}}. Shares do not add up to the whole, because chances saturate.",
    ]


def _pictures(layers: pd.DataFrame, curves: pd.DataFrame) -> list[Picture]:
    return [
        Picture(
            "patching_by_count",
            curves_figure(curve_table(curves), [LAYER]),
            f"The share of the whole effect on the lead as more activations of {short(LAYER)} are patched, by what "
            "they are ranked by; bands are 95% intervals.",
            "One curve for each ranking, from one activation to the whole layer.",
        ),
        Picture(
            "patching_by_layer",
            layers_figure(layers),
            "The share of the whole effect on the lead when a layer is patched around one place only.",
            "One line for each place over the depth of the network.",
        ),
    ]


def _table(name: str, caption: str, rows: pd.DataFrame, figures: dict[str, Number], network: int) -> Table:
    controls = {
        "random": "as many at random",
        "random_changed": "… of those that differ",
        "largest": "… that differ most",
    }
    shown = [control for control in controls if f"90_{control}" in figures]
    activations = int(rows["activations"].iloc[0])
    headings = ("share", "n", "activations, median", "of the layer", "of the network")
    cells: list[Sequence[Cell]] = []
    for share in SHARES:
        key = f"{share:.0%}".rstrip("%")
        count = figures[f"{key}_count"]
        median = count.estimate.mean or 0.0
        cells.append(
            (
                *(f"{share:.0%}", count.estimate.n, count),
                *(f"{median / whole:.3%}" for whole in (activations, network)),
                *(figures[f"{key}_{control}"] for control in shown),
            )
        )
    return Table(f"patching_{name}", caption, (*headings, *(controls[control] for control in shown)), cells)
