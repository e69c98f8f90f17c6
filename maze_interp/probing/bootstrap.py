"""Statistics of many examples of each level, with the bootstrap over levels.

A statistic here is a function of sums over examples, so that a resample of levels is a weighted sum of what
each level adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maze_interp.results.estimates import RESAMPLES, Estimate

Sums = NDArray[np.float64]
Statistic = Callable[[Sums], NDArray[np.float64]]
"""From sums `[resamples, k]` to `[resamples]`; NaN where it has no value."""


def bootstrap_levels(
    values: ArrayLike, levels: ArrayLike, statistics: Mapping[str, Statistic], seed: int = 0
) -> dict[str, Estimate]:
    """Statistics of sums over observations, with 95% percentile intervals from resampled levels.

    Args:
        values: `[n, k]`, what each observation adds to the sums.
        levels: `[n]`, the level of each observation.
        statistics: by name, from sums `[resamples, k]` to `[resamples]`.
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
        return {name: Estimate(1, _value(one, sums), None, None) for name, one in statistics.items()}
    drawn = _resamples(count, seed) @ sums
    found = {}
    for name, statistic in statistics.items():
        spread = statistic(drawn)
        known = not np.isnan(spread).any()  # a statistic that some resamples leave without a value has no interval
        low, high = np.percentile(spread, [2.5, 97.5]).tolist() if known else (None, None)
        found[name] = Estimate(count, _value(statistic, sums), low, high)
    return found


@lru_cache(maxsize=1)
def _resamples(count: int, seed: int) -> Sums:
    """How often each of so many levels is drawn, `[resamples, count]`."""
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    cells = (drawn + count * np.arange(RESAMPLES)[:, None]).ravel()
    return np.bincount(cells, minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(float)


def _value(statistic: Statistic, sums: Sums) -> float | None:
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    return None if np.isnan(value) else value
