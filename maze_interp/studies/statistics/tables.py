"""Every table that one finished sweep gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from tqdm import tqdm

from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.results.files import read_csv, write_csv
from maze_interp.studies.statistics import change_point, hypotheses, layout, published, regression, stability
from maze_interp.studies.statistics.data import OUTCOMES, FinishedSweep, known, select, with_region
from maze_interp.studies.statistics.fits import FULL, Effort
from maze_interp.sweeps.spread import cluster, ordered

if TYPE_CHECKING:
    from maze_interp.studies.runner import Run

EXACT, SAMPLED, _, MOVE = OUTCOMES
Tables = dict[str, pd.DataFrame]
Parts = Mapping[str, Sequence[Callable[[pd.DataFrame], pd.DataFrame]]]
"""Of each table the functions from the levels to its parts, one below the other."""


def make_tables(sweep: FinishedSweep, run: Run, effort: Effort = FULL) -> Tables:
    """Make every table; those that are there from an earlier, stopped run are kept.

    Args:
        sweep: the rows of the sweep.
        run: the run under way; a table is kept as `rows/<name>.csv` in its folder.
        effort: how much is computed.

    Returns:
        the tables by name: `levels`, the selected rows with outcomes and layout; those of `parts`;
        `change_points`, the steps with a verdict; and `comparison`, the published numbers beside ours.

    Raises:
        Unmeasurable: too few levels qualify, or an outcome is constant.
    """
    chosen = chosen_levels(sweep)
    folder = run.folder / "rows"
    tables = {"levels": _kept(folder / "levels.csv", lambda: layout.with_layout(sweep, chosen))}
    _make_missing(folder, tables["levels"], parts(effort), run)
    tables |= {name: read_csv(folder / f"{name}.csv") for name in parts(effort)}
    tables["change_points"] = change_point.change_points(tables["steps"], tables["shapes"])
    return tables | {"comparison": comparison(tables)}


def chosen_levels(sweep: FinishedSweep) -> pd.DataFrame:
    """The rows that the tables are made from: those of `select`.

    Raises:
        Unmeasurable: there are too few, or one of `OUTCOMES` is the same in all of them.
    """
    chosen = select(sweep.levels, sweep.region)
    chosen = with_region(chosen, sweep.mazes(chosen), sweep.region)
    for outcome in OUTCOMES:
        known(chosen, FEATURE_NAMES, outcome)
    return chosen


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


def _make_missing(folder: Path, levels: pd.DataFrame, jobs: Parts, run: Run) -> None:
    """Make the tables that have no file yet, their parts spread over processes."""
    missing = [name for name in jobs if not (folder / f"{name}.csv").exists()]
    if not missing:
        return
    with cluster(run.workers, run.scheduler) as client:
        results = ordered(client, _part, levels, [part for name in missing for part in jobs[name]])
        for name in tqdm(missing, unit="table", desc="statistics"):
            table = pd.concat(itertools.islice(results, len(jobs[name])), ignore_index=True)
            write_csv(folder / f"{name}.csv", table)


def _part(levels: pd.DataFrame, part: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    return part(levels)


def _kept(path: Path, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table from its file, which is written if it is not there yet."""
    if not path.exists():
        write_csv(path, make())
    return read_csv(path)
