"""The tables of `references`."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from maze_interp.studies.references.measure import SQUARES
from maze_interp.studies.references.mixtures import BINS, MODELS, Mixture
from maze_interp.studies.references.scores import best_reference, held_out_scores, score_table


def scores_by_squares(fitted_on: pd.DataFrame, reported_on: pd.DataFrame) -> pd.DataFrame:
    """Scores of every model for each choice of squares; mixtures, and the best reference, are chosen on the first rows.

    Returns:
        rows of `score_table`, with the columns squares, and best: whether it is the reference chosen as the best.

    Raises:
        MazeInterpError: no square counts, on either levels.
    """
    parts = []
    for squares in SQUARES:
        best = best_reference(fitted_on, squares)
        table = score_table(held_out_scores(MODELS, fitted_on, reported_on, squares), best)
        table.insert(0, "squares", squares)
        parts.append(table.assign(best=table["model"] == best))
    return pd.concat(parts, ignore_index=True)


def weight_table(mixture: Mixture) -> pd.DataFrame:
    """The weights of a fitted mixture: the bounds of its contexts, then a column per part, and levels."""
    contexts, parts = mixture.model.contexts, (*mixture.model.references, "random")
    rows = []
    for cell in product(range(BINS), repeat=len(contexts)):
        row: dict[str, Any] = {}
        for name, group, edges in zip(contexts, cell, mixture.edges, strict=True):
            row |= {f"{name}_above": edges[group - 1] if group else None}
            row |= {f"{name}_to": edges[group] if group < len(edges) else None}
        rows.append({**row, **dict(zip(parts, mixture.weights[cell], strict=True)), "levels": mixture.mass[cell]})
    return pd.DataFrame(rows)
