"""Questions on simple rules: how well they predict the agent's moves, what they do themselves, and dead ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from maze_interp.bundled import HELD_OUT
from maze_interp.errors import Unmeasurable, unknown_name
from maze_interp.measure.effects import EFFECTS
from maze_interp.policies.references import PREFIX, Reference
from maze_interp.questions.measured import Draws, Measured, mean_draws, resample_levels
from maze_interp.questions.resolvers.setting import CHOOSING, Setting, level_figures, span
from maze_interp.studies.dead_ends.measure import DeadEndVisits
from maze_interp.studies.references.measure import CHEESE, CORNER, RANDOM, ReferenceMoves, reference_effects, weights
from maze_interp.studies.references.mixtures import Model
from maze_interp.studies.references.scores import OWN, held_out_scores
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep

NAMES = {
    "shortest path to the cheese": CHEESE,
    "shortest path to the corner": CORNER,
    "right-hand wall follower": "right-wall",
    "left-hand wall follower": "left-wall",
    "greedy mover": "greedy-euclidean",
    "local search of radius 8": "local-search-8",
}
"""Reference policies by what question files call them."""

GOALS = {"cheese": CHEESE, "top_right": CORNER}


def goal_models(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`goal-models`, on squares by the agent's expected visits."""
    goals = [GOALS[name] for name in parameters["goals"]]
    contexts = tuple(parameters["contexts"])
    models = {**{name: Model((name,)) for name in goals}, "contextual": Model(tuple(goals), contexts)}
    (fitted_on, _), (reported_on, levels) = _moves(setting, parameters)
    scores = held_out_scores(models, fitted_on, reported_on)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        gain = means.sub(means[RANDOM], axis=0).div(means[OWN] - means[RANDOM], axis=0)
        return {"single": gain[goals].max(axis=1), "contextual": gain["contextual"]}

    figures = level_figures(scores, statistic, (*models, RANDOM, OWN))
    return setting.measured(figures, levels, _command(setting))


def reference_lead(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`reference-lead`, on squares by the agent's expected visits."""
    name, others = _reference(parameters["reference"]), [_reference(one) for one in parameters["others"]]
    (fitted_on, _), (reported_on, levels) = _moves(setting, parameters)
    scores = held_out_scores({one: Model((one,)) for one in (name, *others)}, fitted_on, reported_on)
    scores = scores.set_index("seed").assign(agreement=_agreement(reported_on, name)).reset_index()

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"agreement": means["agreement"], "lead": means[name] - means[others].max(axis=1)}

    figures = level_figures(scores, statistic, (name, *others, "agreement"))
    return setting.measured(figures, levels, _command(setting))


def reference_behaviour(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`reference-behaviour`."""
    name = PREFIX + _reference(parameters["reference"])
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=False)
    sweep = LevelSweep(Reference(name), name, levels)
    folder = setting.folder(f"sweep-{_reference(parameters['reference'])}-{len(levels.seeds)}")
    rows = run_experiment(sweep, folder, setting.workers, setting.scheduler)
    figures = mean_draws(rows[["p_cheese"]].clip(0, 1).dropna())
    command = f"maze-interp sweep --agent {name} --mode {setting.mode} --seeds {span(levels)}"
    return setting.measured(figures, levels, command)


def dead_ends(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`dead-ends`: branches weigh by the probability of coming past them."""
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=False)
    table = setting.run(DeadEndVisits(setting.policy, setting.agent, levels))
    depth = table["depth"].between(float(parameters["shallowest"]), float(parameters["deepest"]))
    some = table[(table["policy"] == "agent") & depth]
    if not len(some):
        raise Unmeasurable(f"no level of {len(levels.seeds)} has a dead end of such a depth")
    passed = some.assign(entered=(some["p_mouth"] * some["p_first"]).fillna(0.0))
    sums = passed.groupby("seed")[["entered", "moves", "p_mouth"]].sum()

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"entered": means["entered"] / means["p_mouth"], "time_lost": means["moves"] / means["p_mouth"]}

    figures: dict[str, Draws] = resample_levels(sums, statistic)
    return setting.measured(figures, levels, f"maze-interp dead-ends {setting.options}")


def _moves(setting: Setting, parameters: Mapping[str, Any]) -> Sequence[tuple[pd.DataFrame, LevelSet]]:
    """Moves on every square, of the levels to fit on and of those to report on."""
    sides = []
    for number, first in ((parameters["chosen_on"], CHOOSING), (parameters["levels"], HELD_OUT)):
        levels = setting.levels(number, parameters["cheese"], decision=False, first=first)
        sides.append((setting.run(ReferenceMoves(setting.policy, setting.agent, levels)), levels))
    return sides


def _agreement(rows: pd.DataFrame, name: str) -> pd.Series:
    """By level: the chance that the reference makes the agent's most probable move, by expected visits."""
    rows = rows.reset_index(drop=True)
    probs = reference_effects(rows, name)[range(len(rows)), rows[list(EFFECTS)].to_numpy(float).argmax(axis=1)]
    return (weights(rows, "visited") * probs).groupby(rows["seed"]).sum()


def _reference(words: str) -> str:
    if words not in NAMES:
        raise unknown_name("reference policy", words, NAMES)
    return NAMES[words]


def _command(setting: Setting) -> str:
    return f"maze-interp references {setting.options}"
