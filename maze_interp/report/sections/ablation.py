"""What single channels are needed for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from maze_interp.plots.ablation import METRICS, effects_figure, strongest_figure
from maze_interp.policies.architectures import DEFAULT
from maze_interp.report.section import Cell, Number, Picture, Section, Table
from maze_interp.report.study import Study
from maze_interp.results.estimates import Estimate
from maze_interp.results.text import short_layer as short
from maze_interp.studies.ablation import REFERENCE, DecisionAblation, ExactAblation
from maze_interp.studies.importance import RATE, channel_effects, kind_agreement, strongest, unedited
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

LAYER = DEFAULT.default_layer

_LEVELS, _EXACT = 120, 40  # of which about half have a decision square
_STRONGEST = 5
_GOAL, _CORNER, _SOLVE = "decision_p_cheese", "decision_p_top_right", "p_solve"


def ablation_section(study: Study) -> Section:
    """Every channel of the main layers at decision squares; those of one layer exactly."""
    decision = DecisionAblation(study.policy, study.agent, LevelSet(study.some(_LEVELS), study.mode))
    exact = ExactAblation(
        *(study.policy, study.agent, LevelSet(study.some(_EXACT), study.mode), (LAYER,), ("zero",)),
        region=study.region,
    )
    measured = [(one, run_experiment(one, study.out / one.name)) for one in (decision, exact)]
    if any(table["seed"].nunique() < 2 for _, table in measured):
        return Section("ablation", _TITLE, ["Fewer than two of these levels have a decision square."])
    effects = pd.concat(channel_effects(table, one.metrics) for one, table in measured)
    chosen = pd.concat(strongest(table, one.metrics, _STRONGEST) for one, table in measured)
    numbers = {f"unedited_{metric}": Number(unedited(t, metric)) for one, t in measured for metric in one.metrics}
    numbers |= {f"{metric}_{row['kind']}": _number(row) for metric in METRICS for row in _first(chosen, metric)}
    return Section(
        name="ablation",
        title=_TITLE,
        body=_body(decision, effects, chosen, [table["seed"].nunique() for _, table in measured]),
        numbers=numbers,
        pictures=_pictures(effects, chosen),
        tables=[_strongest_table(chosen), _kinds_table(measured[0][1])],
        how_to_read=_HOW_TO_READ,
        how_to_reproduce=[study.command("ablate")],
    )


_TITLE = "What single channels are needed for"

_HOW_TO_READ = (
    "An effect is the probability of the network as it is less that with the channel ablated: positive where the "
    "channel serves it, negative where it works against it.",
    "Zero ablation sets the channel to 0; mean ablation to its mean over other levels "
    f"({REFERENCE.start} to {REFERENCE.stop - 1}, the mouse on every square) position by position; resample ablation "
    "to what it is in one observation of them, drawn anew for each level. Zero may be a value that the channel "
    "never has; the mean keeps what it always says; a resampled one says something wrong.",
    "The strongest channels are chosen on the first half of the levels and measured on the second, so that their "
    "effects are not large by choice. The control is all the other channels, in grey. An untrained network is none: "
    "its moves hardly depend on what it sees, so no channel has an effect.",
    f"A dot in the map means an effect told from 0 by a t-test over levels, at a false discovery rate of {RATE} over "
    "all channels of the map. With more levels there would be more dots.",
)


def _first(chosen: pd.DataFrame, metric: str) -> list[dict[str, Any]]:
    """The rows of the strongest channel, one for each kind."""
    some = chosen[chosen["metric"] == metric]
    return _rows(some[(some[["layer", "channel"]] == some[["layer", "channel"]].iloc[0]).all(axis=1)])


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return list(table.to_dict("records"))


def _number(row: dict[str, Any]) -> Number:
    return Number(Estimate(row["n"], row["mean"], row["low"], row["high"]), "difference")


def _body(decision: DecisionAblation, effects: pd.DataFrame, chosen: pd.DataFrame, levels: list[int]) -> list[str]:
    at_squares, exactly = levels
    count = len(effects[["layer", "channel"]].drop_duplicates())
    told = effects[effects["p"] <= RATE].groupby(["metric", "kind"]).size()
    names = {metric: _name(chosen, metric) for metric in METRICS}
    return [
        f"On {at_squares} levels with a decision square each of the {count} channels of {len(decision.layers)} layers "
        "was ablated, one at a time. With the network as it is, the move there leads along the way to the cheese with "
        f"probability {{unedited_{_GOAL}}}, along that to the corner with {{unedited_{_CORNER}}}.",
        f"For the cheese's way {names[_GOAL]} matters most: zero ablation takes {{{_GOAL}_zero}} from it, mean "
        f"ablation {{{_GOAL}_mean}}, resampling {{{_GOAL}_resample}}. For the corner's way it is {names[_CORNER]}: "
        f"{{{_CORNER}_zero}}, {{{_CORNER}_mean}} and {{{_CORNER}_resample}}. Told from 0 are the effects on the "
        f"cheese's way of {told.get((_GOAL, 'zero'), 0)} channels by zero ablation, "
        f"{told.get((_GOAL, 'mean'), 0)} by mean ablation and {told.get((_GOAL, 'resample'), 0)} by resampling.",
        f"Exactly, on {exactly} levels and by zero ablation in {short(LAYER)}: with the cheese where procgen puts it "
        f"the network as it is reaches it with {{unedited_p_cheese}}, and {names['p_cheese']} matters most, "
        "{p_cheese_zero}. With the cheese in the training region, which asks only whether it can solve the maze, "
        f"it reaches it with {{unedited_{_SOLVE}}}, and {names[_SOLVE]} matters most, {{{_SOLVE}_zero}}.",
    ]


def _name(chosen: pd.DataFrame, metric: str) -> str:
    first = _first(chosen, metric)[0]
    return f"channel {first['channel']} of {short(first['layer'])}"


def _pictures(effects: pd.DataFrame, chosen: pd.DataFrame) -> list[Picture]:
    some = chosen[chosen["metric"] == _GOAL]
    written = [f"{short(row['layer'])} {row['channel']}, {row['kind']}: {_number(row)}" for row in _rows(some)]
    return [
        Picture(
            "ablation_effects",
            effects_figure(effects[effects["metric"].isin([_GOAL, _CORNER])], "mean"),
            "Effect of mean ablation of every channel on the moves at the decision square, mean over levels.",
            "Two maps with a row of coloured cells for the channels of each layer; the strongest are in the table.",
        ),
        Picture(
            "ablation_strongest",
            strongest_figure(effects, some),
            "The channels that matter most for the cheese's way, chosen on half of the levels, measured on the others.",
            f"Points with intervals: {'; '.join(written)}.",
        ),
    ]


def _strongest_table(chosen: pd.DataFrame) -> Table:
    rows: list[list[Cell]] = [
        [METRICS[row["metric"]], short(row["layer"]), row["channel"], row["kind"], _number(row)]
        for row in _rows(chosen)
    ]
    caption = "The channels of the largest effects, chosen on half of the levels and measured on the others"
    return Table("ablation_strongest", caption, ("metric", "layer", "channel", "ablation", "effect"), rows, folded=True)


def _kinds_table(table: pd.DataFrame) -> Table:
    agreement = pd.concat(kind_agreement(table, metric).assign(metric=metric) for metric in (_GOAL, _CORNER))
    rows: list[list[Cell]] = [
        [
            METRICS[row["metric"]],
            row["a"],
            row["b"],
            *(round(row[end], 2) for end in ("rank_correlation", "low", "high")),
        ]
        for row in _rows(agreement[agreement["layer"] == "all"])
    ]
    caption = (
        "Do the kinds of ablation agree? Rank correlation over all channels, kinds on the same levels; a kind with "
        "itself on half of the levels and on the others shows how far a ranking depends on the levels"
    )
    return Table(
        "ablation_kinds", caption, ("metric", "one", "other", "rank correlation", "low", "high"), rows, folded=True
    )
