"""Means and other statistics with 95% intervals: the bootstrap over levels, never over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

RESAMPLES = 2000

Sums = NDArray[np.float64]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how often each level counts, `[levels]`, to numbers, `[k]`; or from sums, `[resamples, k]`, to `[resamples]`."""

INTERVAL = "95%, bootstrap over levels, 2000 resamples, seed 0"
"""What intervals are, unless said otherwise."""


@dataclass(frozen=True)
class Estimate:
    """A mean over n levels with its 95% bootstrap percentile interval.

    With one level there is no interval: `low` and `high` are None. With none there is no mean.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.mean is None:
            return "no levels"
        interval = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.mean:.3f}{interval} (n = {self.n})"

    as_dict = asdict


def estimate(values: ArrayLike, seed: int = 0) -> Estimate:
    """Mean of one value per level; NaN marks a level without a value and is left out."""
    sample = np.asarray(values, dtype=float)
    sample = sample[~np.isnan(sample)]
    if len(sample) > 1 and (sample == sample[0]).all():  # the bootstrap would spend its time on one number
        mean = float(sample.mean())
        return Estimate(len(sample), mean, mean, mean)
    return estimate_statistic(np.mean, sample, seed=seed)


def estimate_statistic(statistic: Callable[..., Any], *samples: ArrayLike, seed: int = 0) -> Estimate:
    """A statistic other than the mean, such as a median or a ratio of means, with its interval over levels.

    Args:
        statistic: takes the samples and `axis`, as `numpy.median` takes one; NaN where it has no value.
        samples: one value per level each, paired by position; without NaN.
        seed: of the resampling.

    Returns:
        the statistic in the place of the mean; None where it has no value, and without an interval
        where it has none for some of the resamples.
    """
    arrays = tuple(np.asarray(values, dtype=float) for values in samples)
    n = len(arrays[0])
    whole = float(statistic(*arrays, axis=-1)) if n else np.nan
    if n < 2 or np.isnan(whole):
        return Estimate(n, None if np.isnan(whole) else whole, None, None)
    options = {"n_resamples": RESAMPLES, "batch": 100, "method": "percentile", "rng": seed}
    with catch_warnings():
        simplefilter("ignore", DegenerateDataWarning)  # resamples without a value: said by the missing interval
        found = bootstrap(arrays, statistic, paired=True, vectorized=True, **options)
    low, high = (None if np.isnan(end) else float(end) for end in found.confidence_interval)
    return Estimate(n, whole, low, high)


def estimate_fit(statistic: Statistic, levels: int, refits: int, seed: int = 0) -> list[Estimate]:
    """Numbers that come of a fit, each with its interval over resampled levels.

    Args:
        statistic: from how often each level counts, `[levels]`, to the numbers, `[k]`.
        levels: how many there are.
        refits: resamples.
        seed: of the resampling.
    """
    whole, draws = refitted(statistic, levels, refits, seed)
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return [Estimate(levels, *map(float, ends)) for ends in zip(whole, low, high, strict=True)]


def refitted(
    statistic: Statistic, levels: int, refits: int, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers that come of a fit, on all levels `[k]` and on resamples of them `[refits, k]`; see `estimate_fit`."""
    rng = np.random.default_rng(seed)
    whole = statistic(np.ones(levels))
    even = np.full(levels, 1 / levels)
    return whole, np.array([statistic(rng.multinomial(levels, even).astype(float)) for _ in range(refits)])


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64], axis: int) -> Any:
    """Ratio of sums, which is that of means, for `estimate_statistic`; NaN where the whole is 0."""
    part, whole = part.sum(axis=axis), whole.sum(axis=axis)
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


def estimate_sums(
    values: ArrayLike, levels: ArrayLike, statistics: Mapping[str, Statistic], seed: int = 0
) -> dict[str, Estimate]:
    """Statistics of many observations of each level, with intervals from resampled levels.

    A statistic is a function of sums over observations, so that a resample of levels is a weighted sum of what each
    level adds.

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
        return {name: Estimate(1, _value(statistic, sums), None, None) for name, statistic in statistics.items()}
    drawn = _resamples(count, seed) @ sums
    estimates = {}
    for name, statistic in statistics.items():
        spread = statistic(drawn)
        known = not np.isnan(spread).any()  # a statistic that some resamples leave without a value has no interval
        low, high = np.percentile(spread, [2.5, 97.5]).tolist() if known else (None, None)
        estimates[name] = Estimate(count, _value(statistic, sums), low, high)
    return estimates


@lru_cache(maxsize=1)
def _resamples(count: int, seed: int) -> NDArray[np.float64]:
    """How often each of so many levels is drawn, `[resamples, count]`."""
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    cells = (drawn + count * np.arange(RESAMPLES)[:, None]).ravel()
    return np.bincount(cells, minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(float)


def _value(statistic: Statistic, sums: NDArray[np.float64]) -> float | None:
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    return None if np.isnan(value) else value
