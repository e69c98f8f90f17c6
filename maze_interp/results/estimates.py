"""Means and other statistics with 95% intervals over levels, channels, networks or questions, never over steps.

The kind of a quantity decides how its interval is made:

- 0 or 1 (all values are one of them): Clopper and Pearson's exact interval;
- a share or probability (all values from 0 to 1): Gaffke's bounds (2005), a resampling with one more value, 0 for the
  lower end and 1 for the upper. Of 0 and 1 they are Clopper and Pearson's; with every value at 1 the lower is below 1;
- any other number, and ratios: the bias-corrected and accelerated bootstrap (BCa); medians and fits: percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv
from scipy.stats import bootstrap

from maze_interp.results.numbers import decimal

RESAMPLES = 2000

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how often each level counts, `[levels]`, to numbers, `[k]`."""

ROUNDING = 1e-6
"""How far a sum of probabilities may leave 0 to 1."""

Kind = Literal["share", "number"]

LEVELS = "levels"

INTERVAL = (
    "95%, over levels unless 'over' says otherwise, 2000 resamples, seed 0: of 0 and 1 Clopper-Pearson, of shares "
    "Gaffke, of other numbers and ratios BCa, of medians and fits percentiles"
)
"""What intervals are, unless said otherwise."""


@dataclass(frozen=True)
class Estimate:
    """A mean of n units (`over` says what they are) with its 95% interval.

    With one unit there is no interval: `low` and `high` are None. With none there is no mean.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None
    over: str = field(default=LEVELS, kw_only=True)

    def __str__(self) -> str:
        if self.mean is None:
            return f"no {self.over}"
        ends = [decimal(end, 3) for end in (self.low, self.high) if end is not None]
        interval = f" [{', '.join(ends)}]" if ends else ""
        return f"{decimal(self.mean, 3)}{interval} (n = {self.n}{'' if self.over == LEVELS else f' {self.over}'})"

    def as_dict(self) -> dict[str, Any]:
        """The fields; `over` only where it is not levels."""
        fields = {"n": self.n, "mean": self.mean, "low": self.low, "high": self.high}
        return fields if self.over == LEVELS else {**fields, "over": self.over}


def estimate(values: ArrayLike, kind: Kind | None = None, over: str = LEVELS, seed: int = 0) -> Estimate:
    """Mean of one value per unit; NaN marks a unit without a value and is left out.

    Args:
        values: `[n]`.
        kind: `"share"` for what cannot leave 0 to 1, `"number"` for what can, such as a difference; None takes what
            the values are.
        over: what the units are.
        seed: of the resampling.
    """
    sample = np.asarray(values, dtype=float)
    sample = sample[~np.isnan(sample)]
    n = len(sample)
    if not n:
        return Estimate(0, None, None, None, over=over)
    mean = float(sample.mean())
    if n == 1:
        return Estimate(n, mean, None, None, over=over)
    inside = sample.clip(0, 1)
    if kind == "share" or (kind is None and np.abs(sample - inside).max() <= ROUNDING):
        return Estimate(n, mean, *_share_ends(inside, seed), over=over)
    if (sample == sample[0]).all():  # the bootstrap would spend its time on one number
        return Estimate(n, mean, mean, mean, over=over)
    return estimate_statistic(np.mean, sample, over=over, seed=seed)


def _share_ends(sample: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """The ends of the interval of the mean of numbers from 0 to 1, `[n]`."""
    n = len(sample)
    if ((sample == 0) | (sample == 1)).all():
        right, wrong = int(sample.sum()), n - int(sample.sum())
        low = float(betaincinv(right, wrong + 1, 0.025)) if right else 0.0
        return low, float(betaincinv(right + 1, wrong, 0.975)) if wrong else 1.0
    drawn = [weights @ np.column_stack([np.append(sample, end) for end in (0.0, 1.0)]) for weights in spacings(n, seed)]
    low, high = np.concatenate(drawn).T
    return float(np.percentile(low, 2.5)), float(np.percentile(high, 97.5))


def spacings(n: int, seed: int = 0) -> Iterator[NDArray[np.float64]]:
    """Weights of n units and one more, which sum to 1, evenly distributed, `RESAMPLES` rows in parts `[r, n + 1]`."""
    rng = np.random.default_rng(seed)
    rows = max(1, min(RESAMPLES, 1_000_000 // (n + 1)))
    for first in range(0, RESAMPLES, rows):
        drawn = rng.standard_exponential((min(rows, RESAMPLES - first), n + 1))
        yield drawn / drawn.sum(axis=1, keepdims=True)


def estimate_statistic(
    statistic: Callable[..., Any],
    *samples: ArrayLike,
    over: str = LEVELS,
    method: Literal["BCa", "percentile"] = "BCa",
    seed: int = 0,
) -> Estimate:
    """A statistic other than the mean, such as a median or a ratio of means, with its interval.

    Args:
        statistic: takes the samples and `axis`, as `numpy.median` takes one; NaN where it has no value.
        samples: one value per unit each, paired by position; without NaN.
        over: what the units are.
        method: of the bootstrap. BCa is not for medians, which leaving out one unit hardly changes.
        seed: of the resampling.

    Returns:
        the statistic in the place of the mean; None where it has no value, and without an interval where it has none
        for some of the resamples.
    """
    arrays = tuple(np.asarray(values, dtype=float) for values in samples)
    n = len(arrays[0])
    whole = float(statistic(*arrays, axis=-1)) if n else np.nan
    if n < 2 or np.isnan(whole):
        return Estimate(n, None if np.isnan(whole) else whole, None, None, over=over)
    options: dict[str, Any] = {"n_resamples": RESAMPLES, "batch": 100, "rng": seed}
    with catch_warnings():
        simplefilter("ignore")  # resamples without a value, or all alike: said by the missing interval or its width
        found = bootstrap(arrays, statistic, paired=True, vectorized=True, method=method, **options)
        if np.isnan(found.confidence_interval).any():  # BCa has no correction for a statistic that hardly varies
            ends = np.percentile(found.bootstrap_distribution, [2.5, 97.5])
        else:
            ends = np.array(found.confidence_interval)
    low, high = (None if np.isnan(end) else float(end) for end in ends)
    return Estimate(n, whole, low, high, over=over)


def estimate_fit(statistic: Statistic, levels: int, refits: int, seed: int = 0) -> list[Estimate]:
    """Numbers that come of a fit, each with its interval over resampled levels.

    The statistic is from how often each level counts, `[levels]`, to the numbers, `[k]`.
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
