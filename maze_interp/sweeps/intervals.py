"""Means with 95% intervals: the bootstrap over levels, never over steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

RESAMPLES = 2000


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
    if len(sample) < 2:
        return Estimate(len(sample), float(sample[0]) if len(sample) else None, None, None)
    mean = float(sample.mean())
    if (sample == sample[0]).all():
        return Estimate(len(sample), mean, mean, mean)
    found = bootstrap((sample,), np.mean, n_resamples=RESAMPLES, batch=100, method="percentile", rng=seed)
    low, high = found.confidence_interval
    return Estimate(len(sample), mean, float(low), float(high))
