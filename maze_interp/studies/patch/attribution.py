"""Estimates of patching effects by gradients, and how well they agree with patching."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.results.estimates import Estimate, estimate_statistic, ratio
from maze_interp.studies.patch.runs import PairRun

STEPS = 16
"""Points at which integrated gradients are evaluated."""

COUNTED = 0.001
"""Size of a true effect from which its sign counts."""


def attribution(run: PairRun) -> Tensor:
    """Gradient of the probability difference at the recipient times donor − recipient, `[n, ...]` (Nanda 2023).

    To first order, what patching each single activation adds; sums over channels or
    positions estimate patching those together.
    """
    return _gradient(run, run.recipient.activation) * run.activation_difference


def integrated(run: PairRun, steps: int = STEPS) -> Tensor:
    """Integrated gradients from recipient to donor (Sundararajan et al. 2017), `[n, ...]`.

    The gradient is averaged over the midpoints of `steps` equal steps along the straight line. The sum over a layer
    tends to the whole effect of patching it, which `attribution` misses where the probabilities saturate.
    """
    start, change = run.recipient.activation, run.donor.activation - run.recipient.activation
    along = (torch.arange(steps) + 0.5) / steps
    gradients = torch.stack([_gradient(run, start + float(share) * change) for share in along])
    return gradients.mean(0) * run.activation_difference


def _gradient(run: PairRun, activation: Tensor) -> Tensor:
    point = activation.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(run.probability_difference_at(point).sum(), point)
    return gradient.cpu()


METHODS = ("gradient", "integrated")
"""Columns of a table of patched parts that estimate its effects."""


def agreement(parts: pd.DataFrame, method: str) -> dict[str, Estimate]:
    """How well a method's estimates agree with true patching over the parts of many levels.

    The rows are of `PartPatching`, of one layer and one sort of part; the method is of `METHODS`.

    Returns:
        `pearson` and `spearman` (ranks over all rows) correlations over parts × levels; `sign`, the
        share of effects of at least `COUNTED` whose sign is right; each with an interval over levels.
    """
    effect, guess = parts["patched"] - parts["recipient"], parts[method]
    counted = effect.abs() >= COUNTED
    signs = [counted & (np.sign(effect) == np.sign(guess)), counted]
    return {
        "pearson": _correlation(parts["seed"], effect, guess),
        "spearman": _correlation(parts["seed"], effect.rank(), guess.rank()),
        "sign": estimate_statistic(ratio, *(chosen.groupby(parts["seed"]).sum() for chosen in signs)),
    }


def _correlation(levels: pd.Series, a: pd.Series, b: pd.Series) -> Estimate:
    """Pearson's correlation over all rows from sums by level, so that whole levels are resampled."""
    a, b = a - a.mean(), b - b.mean()  # no digits are lost in the squares
    products = {"n": a * 0 + 1.0, "a": a, "b": b, "aa": a * a, "bb": b * b, "ab": a * b}
    sums = pd.DataFrame(products).groupby(levels).sum()
    return estimate_statistic(_pearson, *(sums[name] for name in products))


def _pearson(*sums: NDArray[np.float64], axis: int) -> Any:
    n, a, b, aa, bb, ab = (total.sum(axis=axis) for total in sums)
    with np.errstate(invalid="ignore"):
        return (n * ab - a * b) / np.sqrt((n * aa - a**2) * (n * bb - b**2))
