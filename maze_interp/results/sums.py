"""Statistics of many observations of each level, with intervals over levels.

A statistic is a function of sums over observations, so that a resample of levels is a weighted sum of what each adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maze_interp.results.estimates import RESAMPLES, Estimate, spacings

Sums = NDArray[np.float64]
Statistic = Callable[[Sums], NDArray[np.float64]]
"""From sums, `[resamples, k]`, to numbers, `[resamples]`."""

Ends = Callable[[Sums], tuple[Sums, Sums]]
"""From the mean sums of a level, `[k]`, to those of a level as bad and as good as can be, both `[k]`."""


def estimate_sums(
    values: ArrayLike, levels: ArrayLike, statistics: Mapping[str, Statistic], ends: Ends | None = None, seed: int = 0
) -> dict[str, Estimate]:
    """Statistics of many observations of each level, with intervals from resampled levels.

    Args:
        values: `[n, k]`, what each observation adds to the sums.
        levels: `[n]`, the level of each observation.
        statistics: by name, from sums `[resamples, k]` to `[resamples]`; they do not change if all sums are doubled.
        ends: for statistics that have a least and a greatest value: intervals then are Gaffke's, the one more level
            being as bad, or as good, as can be. None for percentiles of the bootstrap.
        seed: of the resamples, the same for all statistics.
    """
    _, place = np.unique(np.asarray(levels), return_inverse=True)
    flat = np.asarray(values, float)
    count = int(place.max()) + 1 if len(place) else 0
    if not count:
        return {name: Estimate(0, None, None, None) for name in statistics}
    sums = np.zeros((count, flat.shape[1]))
    np.add.at(sums, place, flat)
    if count == 1:
        return {name: Estimate(1, _value(statistic, sums), None, None) for name, statistic in statistics.items()}
    if ends is None:
        below = above = _resamples(count, seed) @ sums
    else:
        below, above = (_weights(count, seed) @ np.vstack([sums, end]) for end in ends(sums.mean(axis=0)))
    estimates = {}
    for name, statistic in statistics.items():
        spread = np.array([statistic(below), statistic(above)])
        known = not np.isnan(spread).any()  # a statistic that some resamples leave without a value has no interval
        low, high = (np.percentile(spread[0], 2.5), np.percentile(spread[1], 97.5)) if known else (None, None)
        whole = _value(statistic, sums)
        estimates[name] = Estimate(count, whole, *(None if end is None else float(end) for end in (low, high)))
    return estimates


def second_of_first(sums: Sums) -> Sums:
    """The second column's share of the first, for `estimate_sums`."""
    found: Sums = sums[:, 1] / sums[:, 0]
    return found


def all_or_none(mean: Sums) -> tuple[Sums, Sums]:
    """The ends of `second_of_first`: a level without any of it, and one with nothing else."""
    return mean * [1, 0], mean[[0, 0]]


@lru_cache(maxsize=1)
def _resamples(count: int, seed: int) -> NDArray[np.float64]:
    """How often each of so many levels is drawn, `[resamples, count]`."""
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    cells = (drawn + count * np.arange(RESAMPLES)[:, None]).ravel()
    return np.bincount(cells, minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(float)


@lru_cache(maxsize=1)
def _weights(count: int, seed: int) -> NDArray[np.float64]:
    """The `spacings` of so many levels, whole."""
    return np.concatenate(list(spacings(count, seed)))


def _value(statistic: Statistic, sums: NDArray[np.float64]) -> float | None:
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    return None if np.isnan(value) else value
