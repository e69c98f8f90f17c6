"""Searching for the edit that changes P(cheese) most and spares something else: chosen on some levels, for others.

The strongest candidates of each family, layer and amount go on from the decision square to whole episodes. Of many
candidates some seem to spare enough by luck, and the strongest of those would lose it on other levels (the winner's
curse). So lower confidence bounds decide, and where a question says how much is enough, the candidate wins that surely
reaches it and spares most, not the strongest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.questions.candidates import UNEDITED, Candidate, Direction
from maze_interp.results.estimates import refitted


def finalists(
    candidates: Sequence[Candidate], table: pd.DataFrame, direction: Direction, each: int | None
) -> tuple[Candidate, ...]:
    """The candidates of each family and amount that change P(towards cheese) at the decision square most.

    From the table of `CandidateEffects`, `each` of every family, amount and layer; None for one of each family and
    amount, whatever the layer.
    """
    means = table.groupby("candidate")["decision_p_cheese"].mean().drop(UNEDITED)
    left: dict[tuple[str, ...], int] = {}
    found = []
    for number in means.sort_values(ascending=direction == "less", kind="stable").index:
        one = candidates[number]
        group = (one.family, f"{one.amount:g}", "" if each is None else one.layer)
        if left.setdefault(group, each or 1):
            left[group] -= 1
            found.append(one)
    return tuple(found)


def best_candidate(
    candidates: Sequence[Candidate],
    table: pd.DataFrame,
    direction: Direction,
    keep: Sequence[str],
    keep_share: float,
    confidence: float,
    aim: float = np.inf,
) -> Candidate:
    """The candidate that most surely changes P(cheese) and keeps enough; see `surest`.

    The table is of `CandidateEffects` with whole episodes; all of the columns `keep` are to be kept, at least the share
    `keep_share` of their unedited means.
    """
    means = resampled_means(table)
    change = means["p_cheese"][:, 1:] / means["p_cheese"][:, :1]
    score: NDArray[np.float64] = 1.0 - change if direction == "less" else change
    return candidates[surest(score, kept(means, keep), keep_share, confidence, aim)]


Means = Mapping[str, NDArray[np.float64]]
"""Means over resampled levels by column of `CandidateEffects`, `[resamples, 1 + candidates]`, first of `UNEDITED`."""


def resampled_means(table: pd.DataFrame) -> Means:
    """Means of each column, by candidate, over the levels as they are and, in the other rows, resampled."""
    wide = table.pivot(index="seed", columns="candidate")
    columns = [str(column) for column in wide.columns.unique(level=0)]
    return {column: resampled(wide[column].to_numpy(float)) for column in columns}


def resampled(values: NDArray[np.float64], resamples: int = 400, seed: int = 0) -> NDArray[np.float64]:
    """Means over levels of `[levels, k]`, as they are and, in the other rows, resampled, `[resamples, k]`."""
    levels = len(values)
    return np.vstack(refitted(lambda counts: counts @ values / levels, levels, resamples - 1, seed))


def kept(means: Means, columns: Sequence[str]) -> NDArray[np.float64]:
    """The share that candidates keep of each column, the least of them; 1 of what there is none, `[resamples, c]`."""
    shares = []
    for column in columns:
        edited, unedited = means[column][:, 1:], means[column][:, :1]
        shares.append(np.divide(edited, unedited, out=np.ones_like(edited), where=unedited > 0))
    least: NDArray[np.float64] = np.min(shares, axis=0)
    return least


def surest(
    score: NDArray[np.float64],
    kept_share: NDArray[np.float64],
    keep_share: float,
    confidence: float,
    aim: float = np.inf,
) -> int:
    """The number of the candidate that most surely does what is wanted, by lower bounds over levels.

    Of those that reach the aim, the one that keeps most: more of a change is not wanted, and the greatest goes with the
    least to spare. If none does, the one with the highest score of those that keep enough; if none does, that which
    keeps most. Scores and kept shares are `[resamples, candidates]`; the bounds are one-sided, and a confidence of .5
    takes the medians.
    """
    low, kept_low = (np.quantile(np.nan_to_num(each), 1 - confidence, axis=0) for each in (score, kept_share))
    reaches, keeps = low >= aim, kept_low >= keep_share
    if reaches.any() and not (keeps.any() and not (reaches & keeps).any()):
        return int(np.where(reaches, kept_low, -np.inf).argmax())
    return int(np.where(keeps, low, -np.inf).argmax() if keeps.any() else kept_low.argmax())
