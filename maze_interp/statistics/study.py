"""`statistics`: every table that one finished sweep gives."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.results.files import write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.statistics import change_point, hypotheses, layout, published, regression, stability
from maze_interp.statistics.data import OUTCOMES, SAMPLING_SEED, FinishedSweep, known, select
from maze_interp.statistics.fits import FULL, Effort
from maze_interp.sweeps.spread import cluster, ordered

EXACT, SAMPLED, _, MOVE = OUTCOMES
Tables = dict[str, pd.DataFrame]
Parts = Mapping[str, Sequence[Callable[[pd.DataFrame], pd.DataFrame]]]
"""Of each table the functions from the levels to its parts, one below the other."""

SUMMARISED = ("comparison", "accuracies", "single", "signs", "chain", "at_fixed", "change_points", "layout_accuracies")


def run_statistics(
    sweep: FinishedSweep,
    out: Path,
    effort: Effort = FULL,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Tables:
    """Make every table from a finished sweep; tables that are there from an earlier, stopped run are kept.

    Args:
        sweep: from `read_sweep`.
        out: the folder for the tables and `summary.json`.
        effort: how much is computed.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the tables by name: `levels`, the selected rows with outcomes and layout; those of `parts`;
        `change_points`, the steps with a verdict; and `comparison`, the published numbers beside ours.

    Raises:
        MazeInterpError: too few levels qualify, an outcome is constant, the folder is another run's, or
            the scheduler does not answer.
    """
    chosen = chosen_levels(sweep)
    settings = _settings(sweep, effort)
    with run_directory(out, settings):
        tables = {"levels": _kept(out, "levels", lambda: layout.with_layout(sweep, chosen))}
        _make_missing(out, tables["levels"], parts(effort), workers, scheduler)
        tables |= {name: pd.read_csv(out / f"{name}.csv") for name in parts(effort)}
        tables["change_points"] = _kept(
            out, "change_points", lambda: change_point.change_points(tables["steps"], tables["shapes"])
        )
        tables["comparison"] = _kept(out, "comparison", lambda: comparison(tables))
        _write_summary(out, settings, tables)
    return tables


def chosen_levels(sweep: FinishedSweep) -> pd.DataFrame:
    """The rows that the tables are made from: those of `select`.

    Raises:
        MazeInterpError: there are too few, or one of `OUTCOMES` is the same in all of them.
    """
    chosen = select(sweep.levels, sweep.region)
    for outcome in OUTCOMES:
        known(chosen, FEATURE_NAMES, outcome)
    return chosen


def headlines(tables: Tables) -> list[str]:
    """The main figures in words, one line each, with intervals over levels."""
    n = len(tables["levels"])
    lines = [f"{n} levels with a decision square and the cheese outside the training region"]
    for row in tables["accuracies"].query("outcome == @EXACT").itertuples():
        lines.append(f"accuracy, {row.model}: {row.accuracy:.3f} [{row.accuracy_low:.3f}, {row.accuracy_high:.3f}]")
    best = tables["single"].query("outcome == @EXACT").iloc[0]
    lines.append(
        f"best alone, {best.variable}: {best.accuracy:.3f} [{best.accuracy_low:.3f}, {best.accuracy_high:.3f}]"
    )
    for row in tables["change_points"].query("outcome == @EXACT").itertuples():
        lines.append(f"{row.variable}: {row.verdict}; best step at {row.at:g} [{row.at_low:g}, {row.at_high:g}]")
    return lines


def parts(effort: Effort) -> Parts:
    """The tables, each as the functions that make its parts; independent of each other."""
    curves = [(variable, outcome) for variable in change_point.DISTANCES for outcome in (EXACT, MOVE)]

    def each(function: Callable[..., pd.DataFrame], outcomes: Sequence[str]) -> list[Callable[..., pd.DataFrame]]:
        return [partial(function, outcome=outcome, effort=effort) for outcome in outcomes]

    def along(function: Callable[..., pd.DataFrame]) -> list[Callable[..., pd.DataFrame]]:
        return [partial(function, variable=variable, outcome=outcome, effort=effort) for variable, outcome in curves]

    return {
        "single": each(regression.single_regressions, tuple(OUTCOMES)),
        "accuracies": each(regression.accuracies, tuple(OUTCOMES)),
        "coefficients": each(regression.coefficients, (EXACT, SAMPLED)),
        "correlations": [stability.correlations],
        "inflation": [stability.inflation],
        "sign_stability": [partial(stability.sign_stability, outcome=EXACT)],
        "add_and_drop": each(stability.add_and_drop, (EXACT,)),
        "signs": each(hypotheses.signs, hypotheses.OUTCOMES),
        "chain": each(hypotheses.chain, hypotheses.OUTCOMES),
        "shapes": along(change_point.compare_shapes),
        "steps": along(change_point.fit_step),
        "jointly": [partial(change_point.jointly, outcome=outcome) for outcome in (EXACT, MOVE)],
        "at_fixed": each(change_point.at_fixed, (EXACT, MOVE)),
        "layout_accuracies": each(layout.predictive, (EXACT,)),
        "dependence": each(layout.dependence, (EXACT,)),
    }


def comparison(tables: Tables) -> pd.DataFrame:
    """The published study's numbers beside ours: another agent on other levels, so what compares is directions.

    Returns:
        a row per published number: quantity, variable, `published`, and ours, with intervals where there are
        any: `p_cheese` from exact probabilities, `sampled_cheese` from one episode per level, as published.
    """
    single, accuracies, coefficients = (tables[name] for name in ("single", "accuracies", "coefficients"))
    beside = [
        _beside(accuracies.assign(quantity="accuracy, " + accuracies["model"], variable=""), "accuracy"),
        _beside(single.assign(quantity="accuracy, one variable"), "accuracy"),
        _beside(coefficients.assign(quantity="coefficient, " + coefficients["model"]), "coefficient"),
    ]
    one, other = change_point.PAIR
    correlation = tables["correlations"].set_index("variable").loc[one, other]
    of_levels = [
        ("levels with a decision square, selected", "", published.LEVELS, float(len(tables["levels"]))),
        ("correlation of the two distances cheese – decision square", "", published.CORRELATION, correlation),
        *(
            ("variance inflation, three stable", row.variable, row.published, row.factor)
            for row in tables["inflation"].dropna(subset="published").itertuples()
        ),
    ]
    columns = ["quantity", "variable", "published", EXACT, SAMPLED]
    first = pd.DataFrame([(*row, row[-1]) for row in of_levels], columns=columns)
    return pd.concat([first, *beside], ignore_index=True)[list(beside[0])]


def _beside(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows of `comparison` from a table with `quantity`, `variable`, `outcome`, `published` and the column."""
    rows = table[table["published"].notna()]
    ends = ("", "_low", "_high")
    wide = rows.pivot(
        index=["quantity", "variable", "published"], columns="outcome", values=[f"{column}{end}" for end in ends]
    )
    wide = wide[[(f"{column}{end}", outcome) for outcome in (EXACT, SAMPLED) for end in ends]]
    wide.columns = pd.Index([f"{outcome}{end}" for outcome in (EXACT, SAMPLED) for end in ends])
    return wide.reset_index().sort_values("published", ascending=False, kind="stable")


def _make_missing(out: Path, levels: pd.DataFrame, jobs: Parts, workers: int | None, scheduler: str | None) -> None:
    """Make the tables that have no file yet, their parts spread over processes."""
    missing = [name for name in jobs if not (out / f"{name}.csv").exists()]
    if not missing:
        return
    with cluster(workers, scheduler) as client:
        results = ordered(client, _part, levels, [part for name in missing for part in jobs[name]])
        for name in tqdm(missing, unit="table", desc="statistics"):
            table = pd.concat(itertools.islice(results, len(jobs[name])), ignore_index=True)
            _write(out / f"{name}.csv", table)


def _part(levels: pd.DataFrame, part: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    return part(levels)


def _kept(out: Path, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table from its file, which is written if it is not there yet."""
    path = out / f"{name}.csv"
    if not path.exists():
        _write(path, make())
    return pd.read_csv(path)


def _write(path: Path, table: pd.DataFrame) -> None:
    write_whole(path, table.to_csv(index=False, lineterminator="\n"))


def _settings(sweep: FinishedSweep, effort: Effort) -> dict[str, Any]:
    packages = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels")
    versions = sweep.settings["versions"] | {package: version(package) for package in packages}
    return {
        **sweep.settings,
        "command": "statistics",
        "versions": versions,
        "training_region": sweep.region,
        "repeats": effort.repeats,
        "refits": effort.refits,
        "sampling_seed": SAMPLING_SEED,
    }


def _write_summary(out: Path, settings: Mapping[str, Any], tables: Tables) -> None:
    figures = {name: json.loads(tables[name].to_json(orient="records", double_precision=15)) for name in SUMMARISED}
    summary = {
        **settings,
        "selected_levels": len(tables["levels"]),
        "selection": "levels with a decision square and the cheese outside the training region",
        "interval": "95%, over levels: bootstrap of 2000 resamples for means, of `refits` for what is fitted; seed 0",
        "published": published.AGENT,
        "figures": figures,
    }
    write_whole(out / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
