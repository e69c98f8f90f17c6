"""Means with 95% intervals: the bootstrap over levels, never over steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

RESAMPLES = 2000

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how often each level counts, `[levels]`, to numbers, `[k]`."""

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
