"""Questions on how the choice depends on distances: answered from one sweep, as `maze-interp statistics` has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from shlex import quote
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from maze_interp.errors import Unmeasurable
from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.questions.measured import Draws, Measured
from maze_interp.questions.resolvers.setting import Setting, level_figures, span
from maze_interp.results.estimates import refitted as refits
from maze_interp.studies.statistics.data import LEAST, known, standardised, with_region
from maze_interp.studies.statistics.fits import Array, fit, held_out, ridge
from maze_interp.studies.statistics.hypotheses import BOUND
from maze_interp.studies.statistics.regression import fitted_coefficients
from maze_interp.studies.statistics.shapes import Step, shapes
from maze_interp.studies.statistics.stability import unidentified
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep

REFITS = 400
"""Resamples of the levels on which a model is refitted."""


def swept(setting: Setting, parameters: Mapping[str, Any]) -> tuple[pd.DataFrame, LevelSet]:
    """Rows of a sweep for the levels of a question, which have a decision square; one sweep for each number."""
    levels = setting.levels(parameters["levels"], parameters["cheese"], least=LEAST + 10)
    sweep = LevelSweep(setting.policy, setting.agent, levels)
    rows = run_experiment(sweep, setting.folder(f"sweep-{len(levels.seeds)}"), setting.workers, setting.scheduler)
    if parameters.get("region") == "own":
        rows = with_region(rows, map(levels.maze, rows["seed"]), setting.region)
    return rows.assign(p_cheese=rows["p_cheese"].clip(0, 1)), levels


def distance_coefficient(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`distance-coefficient`."""
    rows, levels = swept(setting, parameters)
    figures = {"coefficient": _coefficient(rows, parameters, "p_cheese")}
    return setting.measured(figures, levels, _command(setting, levels, "statistics"))


def luck_coefficient(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`luck-coefficient`."""
    rows, levels = swept(setting, parameters)
    figures = {
        "coefficient": _coefficient(rows, parameters, "decision_p_cheese"),
        "whole_coefficient": _coefficient(rows, parameters, "p_cheese"),
    }
    return setting.measured(figures, levels, _command(setting, levels, "statistics"))


def first_exit(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`first-exit`."""
    rows, levels = swept(setting, parameters)
    near = rows[rows[parameters["variable"]].between(parameters["nearest"], parameters["farthest"])]

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"cheese": means["exit_cheese"], "corner_lead": means["exit_top_right"] - means["exit_cheese"]}

    figures = level_figures(near, statistic, ("exit_cheese", "exit_top_right"))
    return setting.measured(figures, levels, _command(setting, levels, "sweep"))


def change_point(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`change-point`."""
    table, levels = swept(setting, parameters)
    variable, outcome = parameters["variable"], "decision_p_cheese"
    rows = known(table, [variable], outcome)
    x, p = rows[[variable]].to_numpy(float), rows[outcome].to_numpy(float)
    likelihood = {name: held_out(shapes()[name], x, p)["log_likelihood"] for name in ("step", "logistic")}
    lead = (likelihood["step"] - likelihood["logistic"]).to_numpy()

    def statistic(counts: Array) -> Array:
        step = Step()
        fit(step, x, p, counts)
        return np.array([step.at, step.inside - step.outside, counts @ lead / counts.sum()])

    figures = refitted(("place", "drop", "lead"), statistic, len(p))
    return setting.measured(figures, levels, _command(setting, levels, "statistics"))


def predictive_power(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`predictive-power`."""
    table, levels = swept(setting, parameters)
    base, added = list(parameters["base"]), list(parameters["added"])
    rows = known(table, [*base, *added], "p_cheese")
    p = rows["p_cheese"].to_numpy(float)
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    perfect = inside * np.log(inside) + (1 - inside) * np.log1p(-inside)  # the deviance is measured from here
    models = {
        "nothing": (DummyClassifier(strategy="prior"), p[:, None]),
        "base": (ridge(), standardised(rows, base)),
        "both": (ridge(), standardised(rows, [*base, *added])),
    }
    lost = pd.DataFrame(
        {name: perfect - held_out(model, x, p)["log_likelihood"].to_numpy() for name, (model, x) in models.items()}
    )

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        explained = 1 - means[["base", "both"]].div(means["nothing"], axis=0)
        return {"base": explained["base"], "gain": explained["both"] - explained["base"]}

    figures = level_figures(lost, statistic, tuple(models))
    return setting.measured(figures, levels, _command(setting, levels, "statistics"))


def refitted(names: Sequence[str], statistic: Callable[[Array], Array], levels: int) -> dict[str, Draws]:
    """Figures that come of fits, refitted on resamples of the levels."""
    whole, draws = refits(statistic, levels, REFITS)
    return {name: Draws(float(whole[i]), draws[:, i], levels) for i, name in enumerate(names)}


def _coefficient(table: pd.DataFrame, parameters: Mapping[str, Any], outcome: str) -> Draws:
    """Coefficient of a distance, the controls held fixed."""
    variable, controls = parameters["variable"], parameters["controls"]
    others = [name for name in FEATURE_NAMES if name != variable] if controls == "others" else list(controls)
    rows = known(table, FEATURE_NAMES, outcome)
    if variable in unidentified(rows, [variable, *others]):
        bound = f", such as {' and '.join(name for name in BOUND if name != variable)}" if variable in BOUND else ""
        raise Unmeasurable(
            f"not identified: in all {len(rows)} levels {variable} follows from the distances held fixed{bound}"
        )
    p = rows[outcome].to_numpy(float)
    x = standardised(rows, [variable, *(name for name in others if name != BOUND[0])])  # it follows from the other two
    return refitted(["coefficient"], partial(fitted_coefficients, x, p), len(p))["coefficient"]


def _command(setting: Setting, levels: LevelSet, name: str) -> str:
    sweep = f"maze-interp sweep --agent {quote(setting.agent)} --mode {setting.mode} --seeds {span(levels)}"
    return sweep if name == "sweep" else f"{sweep} && maze-interp statistics {setting.options} --sweep runs/sweep"
