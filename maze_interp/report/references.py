"""`references`: set an agent against reference policies, fit mixtures of them, sum up, draw."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from maze_interp.plots.references import NAMES, agreement_figure, scores_figure, weights_figure
from maze_interp.plots.style import save
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.goal_models import (
    BINS,
    MODELS,
    Mixture,
    best_reference,
    fit_mixture,
    held_out_scores,
    score_table,
)
from maze_interp.studies.references import SQUARES, ReferenceMoves, agreement_table
from maze_interp.studies.retargeting import require_apart
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.spread import cluster

DISTANCE = "mixture by distance to the mouse"


def reference_tables(fitted_on: pd.DataFrame, reported_on: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of a study.

    Args:
        fitted_on: rows of `ReferenceMoves` of the levels on which mixtures, and the best reference, are chosen.
        reported_on: of the levels that the tables are of.

    Returns:
        agreement: see `agreement_table`; scores: see `score_table`, with columns squares and best, the
        reference chosen as the best one; weights: of the mixture by distance, fitted where the ways part.

    Raises:
        MazeInterpError: no square counts, on either levels.
    """
    scores = []
    for squares in SQUARES:
        best = best_reference(fitted_on, squares)
        found = score_table(held_out_scores(MODELS, fitted_on, reported_on, squares), best)
        found.insert(0, "squares", squares)
        scores.append(found.assign(best=found["model"] == best))
    return {
        "agreement": agreement_table(reported_on),
        "scores": pd.concat(scores, ignore_index=True),
        "weights": weight_table(fit_mixture(MODELS[DISTANCE], fitted_on, "apart")),
    }


def weight_table(mixture: Mixture) -> pd.DataFrame:
    """The weights of a fitted mixture: its contexts (each above its lower edge), then a column per part, and levels."""
    contexts, parts = mixture.model.contexts, (*mixture.model.references, "random")
    rows = []
    for cell in product(range(BINS), repeat=len(contexts)):
        row: dict[str, Any] = {}
        for name, group, edges in zip(contexts, cell, mixture.edges, strict=True):
            row |= {f"{name}_above": edges[group - 1] if group else None}
            row |= {f"{name}_to": edges[group] if group < len(edges) else None}
        rows.append({**row, **dict(zip(parts, mixture.weights[cell], strict=True)), "levels": mixture.mass[cell]})
    return pd.DataFrame(rows)


def write_references(
    fitted: ReferenceMoves,
    reported: ReferenceMoves,
    out: Path,
    workers: int | None = None,
    scheduler: str | None = None,
) -> list[str]:
    """Run a study and write `summary.json`, `agreement.csv`, `scores.csv`, `weights.csv` and pictures.

    Args:
        fitted: on the levels to fit on.
        reported: the same agent on the levels to report on.
        out: the run's folder; the rows by level lie in folders in it.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the levels share one, no square counts, or the folder is another run's.
    """
    require_apart(fitted.levels.seeds, reported.levels.seeds)
    settings = {**reported.settings, "experiment": "references", "fitted_on": fitted.levels.name}
    with run_directory(out, settings):
        with cluster(workers, scheduler):
            rows = [run_experiment(one, out / name) for one, name in ((fitted, "fitted"), (reported, "reported"))]
        tables = reference_tables(*rows)
        write_figures(out, settings, reference_figures(tables), tables)
        save(scores_figure(tables["scores"]), out / "scores.png")
        save(agreement_figure(tables["agreement"]), out / "agreement.png")
        save(weights_figure(fit_mixture(MODELS[DISTANCE], rows[0], "apart")), out / "weights.png")
    return [*_lines(tables["scores"]), f"written to {out}"]


def reference_figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Plain figures: scores by squares and model, agreement at any distance by squares, reference and quantity."""
    scores, agreement = (_plain(tables[name]) for name in ("scores", "agreement"))
    return {
        "scores": {
            squares: {row.pop("model"): row for row in some.drop(columns="squares").to_dict("records")}
            for squares, some in scores.groupby("squares", sort=False)
        },
        "agreement": {
            squares: {
                f"{row.pop('reference')} {row.pop('quantity')}": row
                for row in some.drop(columns=["squares", "steps"]).to_dict("records")
            }
            for squares, some in agreement[agreement["steps"] == "any"].groupby("squares", sort=False)
        },
    }


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), None)


def _lines(scores: pd.DataFrame) -> list[str]:
    some = scores[(scores["squares"] == "visited") & scores["model"].isin(MODELS)]
    return [
        f"{NAMES[row.model]}: gains {row.gain:.3f} [{row.gain_low:.3f}, {row.gain_high:.3f}] of what the agent's own "
        f"probabilities gain (n = {row.n}){', the best single rule on the levels fitted on' if row.best else ''}"
        for row in some.itertuples()
    ]
