"""Which channels a fitted probe takes its output from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.probing.design import Matrix


def channel_shares(coef: NDArray[Any], X: Matrix, channels: int) -> NDArray[np.float64]:
    """How much of what a linear probe says comes from each channel: `[channels]`, summing to 1.

    A channel's share is the variance over the rows of what it adds to the outputs, summed over the outputs, as a share
    of all channels' together. What all classes have in common, which no guess depends on, is left out. The features of
    `coef`, `[outputs, features]` or `[features]`, lie channel by channel. Zeros for a probe that says the same of every
    row.
    """
    weights = np.atleast_2d(coef).astype(float)
    if len(weights) > 1:
        weights = weights - weights.mean(axis=0)
    by_channel = weights.reshape(len(weights), channels, -1)
    added = np.concatenate(
        [np.einsum("ncp,kcp->nkc", batch.reshape(len(batch), channels, -1), by_channel) for batch in X.batches()]
    )
    spread = added.var(axis=0).sum(axis=0)
    total = spread.sum()
    return spread / total if total > 0 else spread
