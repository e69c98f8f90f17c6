"""What is fitted to the sweep of each of several agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from tqdm import tqdm

from maze_interp.errors import MazeInterpError
from maze_interp.results.tables import cells
from maze_interp.studies.runner import Run
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.change_point import PAIR, at_fixed, change_points, compare_shapes, fit_step
from maze_interp.studies.statistics.data import FinishedSweep, known, select, standardised
from maze_interp.studies.statistics.fits import FULL, Effort
from maze_interp.studies.statistics.hypotheses import chain
from maze_interp.studies.statistics.layout import predictive, with_layout
from maze_interp.studies.statistics.regression import THREE, accuracies, l1_coefficients, ridge_coefficients
from maze_interp.studies.statistics.tables import EXACT, MOVE
from maze_interp.sweeps.spread import cluster, ordered


def fit_three(sweep: FinishedSweep, effort: Effort = FULL) -> pd.DataFrame:
    """The three distances whose sign was stable in the published study: coefficients per standard deviation.

    Returns:
        a row per distance: variable, n; `alone`, in a regression on it only, and `together`, in the L1
        regression on the three, both with intervals; the published coefficient, together.

    Raises:
        MazeInterpError: too few levels to choose in, or P(cheese) is the same in all.
    """
    rows = known(select(sweep.levels, sweep.region), THREE, EXACT)
    x, p = standardised(rows, THREE), rows[EXACT].to_numpy(float)
    together = l1_coefficients(x, p, effort.refits)
    return pd.DataFrame(
        {
            "variable": variable,
            "n": len(rows),
            **cells("alone", ridge_coefficients(x[:, [column]], p, effort.refits)[0]),
            **cells("together", together[column]),
            "published": published.THREE[variable],
        }
        for column, variable in enumerate(THREE)
    )


def fit_change_points(sweep: FinishedSweep, effort: Effort = FULL) -> pd.DataFrame:
    """Rows of `maze_interp.studies.statistics.change_point.change_points` for both distances cheese to decision square.

    Raises:
        MazeInterpError: as `fit_three`.
    """
    levels = select(sweep.levels, sweep.region)
    found = [
        change_points(fit_step(levels, name, EXACT, effort), compare_shapes(levels, name, EXACT, effort))
        for name in PAIR
    ]
    return pd.concat(found, ignore_index=True)


def _in_both_metrics(fit: Callable[..., pd.DataFrame], sweep: FinishedSweep, effort: Effort) -> pd.DataFrame:
    """Rows of a fit of a whole episode, and of one move."""
    levels = select(sweep.levels, sweep.region)
    return pd.concat([fit(levels, outcome, effort) for outcome in (EXACT, MOVE)], ignore_index=True)


FITS: dict[str, Callable[[FinishedSweep, Effort], pd.DataFrame]] = {
    "coefficients": fit_three,
    "change_points": fit_change_points,
    "accuracies": lambda sweep, effort: accuracies(select(sweep.levels, sweep.region), EXACT, effort),
    "at_fixed": partial(_in_both_metrics, at_fixed),
    "chain": partial(_in_both_metrics, chain),
    "layout_accuracies": lambda sweep, effort: predictive(
        with_layout(sweep, select(sweep.levels, sweep.region)), EXACT, effort
    ),
}
"""By the names of their tables."""


def fitted(sweeps: Mapping[str, FinishedSweep], run: Run, effort: Effort = FULL) -> dict[str, pd.DataFrame]:
    """The tables of `FITS` with a column agent, their parts spread over processes.

    Returns:
        the tables by name, without those that no agent has; and `not_fitted`: of each agent that nothing can be fitted
        to, the reason.
    """
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in FITS}
    reasons: dict[str, str] = {}
    jobs = [(agent, name) for agent in sweeps for name in FITS]
    with cluster(run.workers, run.scheduler) as client:
        results = tqdm(ordered(client, _fit, (dict(sweeps), effort), jobs), total=len(jobs), unit="fit", desc="fits")
        for (agent, name), result in zip(jobs, results, strict=True):
            if isinstance(result, str):
                reasons[agent] = result
            else:
                result.insert(0, "agent", agent)
                tables[name].append(result)
    return {
        **{name: pd.concat(parts, ignore_index=True) for name, parts in tables.items() if parts},
        "not_fitted": pd.DataFrame(reasons.items(), columns=["agent", "reason"]),
    }


def _fit(shared: tuple[Mapping[str, FinishedSweep], Effort], job: tuple[str, str]) -> pd.DataFrame | str:
    (sweeps, effort), (agent, name) = shared, job
    try:
        return FITS[name](sweeps[agent], effort)
    except MazeInterpError as error:
        return str(error)
