"""`vectors`: measure what the cheese and the top-right vector do, sum up, draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from maze_interp.edits.kinds import Add
from maze_interp.errors import MazeInterpError
from maze_interp.measure.field import vector_field
from maze_interp.plots.field import change_figure
from maze_interp.plots.style import save
from maze_interp.plots.vectors import EDITS, coefficients_figure, edits_figure, transfer_figure
from maze_interp.results.estimates import Estimate
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.transfer import Transfer, transfers
from maze_interp.studies.vectors import SIGNS, VectorEffects, contrast, effects, own_vectors
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.spread import cluster

CONTRASTS = {
    "both_less_cheese": (("both", 1.0), ("cheese", -1.0)),
    "both_less_top_right": (("both", 1.0), ("top_right", 1.0)),
}
"""The two vectors together against each alone."""


def write_vectors(
    study: VectorEffects, transfer: Transfer, out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run both experiments and write `effects.csv`, `transfer.csv`, `summary.json` and pictures.

    Args:
        study: the vectors in their own levels.
        transfer: the vectors in other levels.
        out: the run's folder; the rows by level lie in folders in it.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: no level has a decision square, or the folder is another run's.
    """
    settings = {**study.settings, "experiment": "vectors", "sources": transfer.sources}
    with run_directory(out, settings):
        with cluster(workers, scheduler):
            rows = run_experiment(study, out / study.name)
            moved = run_experiment(transfer, out / transfer.name)
        if not len(rows):
            raise MazeInterpError(f"none of the levels {study.levels.name} has a decision square")
        tables = {"effects": effects(rows), "transfer": transfers(moved)}
        figures = {"effects": _nested(tables["effects"]), "contrasts": contrasts(rows)}
        write_figures(out, settings, figures, tables)
        save(edits_figure(tables["effects"]), out / "edits.png")
        save(coefficients_figure(tables["effects"]), out / "coefficients.png")
        save(transfer_figure(tables["transfer"]), out / "transfer.png")
        for vector, figure in changes(study, rows).items():
            save(figure, out / f"{vector}_change.png")
    return [*_lines(tables["effects"]), f"written to {out}"]


def contrasts(rows: pd.DataFrame) -> dict[str, dict[str, Estimate]]:
    """The paired differences of `CONTRASTS`, by outcome; none where no level has both vectors."""
    if not (rows["edit"] == "both").any():
        return {}
    outcomes = ("decision_p_cheese", "decision_p_top_right", "p_cheese", "p_top_right")
    return {name: {outcome: contrast(rows, *pair, outcome) for outcome in outcomes} for name, pair in CONTRASTS.items()}


def changes(study: VectorEffects, rows: pd.DataFrame) -> dict[str, Figure]:
    """For each vector, the field without it, with it and the difference, on the level of the median effect.

    The effect is that on the probability at the decision square which the vector is to change.
    """
    found = {}
    for vector, sign in SIGNS.items():
        outcome = f"decision_p_{vector}"
        by_level = rows[(rows["edit"] == vector) & (rows["coefficient"] == sign)].set_index("seed")[outcome]
        if not len(by_level):
            continue
        unedited = rows[rows["edit"] == "unedited"].set_index("seed")[outcome]
        change = (by_level - unedited.loc[by_level.index]).sort_values(kind="stable")
        maze = study.levels.maze(int(change.index[len(change) // 2]))
        edit = Add(study.layer, own_vectors(study.policy, maze, study.layer)[vector], sign)
        figure = change_figure(vector_field(study.policy, maze), vector_field(study.policy, maze, [edit]))
        figure.suptitle(EDITS[vector, sign], x=0.01, ha="left", fontsize=11)
        found[vector] = figure
    return found


def _nested(table: pd.DataFrame) -> dict[str, Any]:
    """The figures of `effects` as edit → outcome → figures, None for what has no value."""
    plain = table.astype(object).where(table.notna(), None)
    return {
        f"{edit} {coefficient:+g}": {row.pop("outcome"): row for row in some.iloc[:, 2:].to_dict("records")}
        for (edit, coefficient), some in plain.groupby(["edit", "coefficient"], sort=False)
    }


def _lines(table: pd.DataFrame) -> list[str]:
    lines = []
    for outcome, words in (("decision_p_cheese", "P(cheese"), ("decision_p_top_right", "P(top-right")):
        some = table[table["outcome"] == outcome].set_index(["edit", "coefficient"]).sort_index()
        for key, edit in EDITS.items():
            if key in some.index and "control" not in edit:
                row = some.loc[key]
                mean = Estimate(int(row["n"]), row["mean"], row["low"], row["high"])
                quartiles = f"median {row['median']:.3f}, quartiles {row['q25']:.3f} and {row['q75']:.3f}"
                lines.append(f"{words} | decision square), {edit}: {mean}, {quartiles}")
    return lines
