"""Effects of ablation over levels, with intervals and tests.

An effect is the metric of the network as it is less that with the channel ablated: positive where
the channel serves the metric, negative where it works against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, ttest_1samp

from maze_interp.results.estimates import RESAMPLES, Estimate, estimate
from maze_interp.studies.ablate.measure import UNEDITED

Floats = NDArray[np.float64]

RATE = 0.05
"""False discovery rate at which the effect of a channel is significant."""

_ROUNDING = 2e-6
"""Differences up to this are what batches of another shape make of the same float32 sums: they are 0."""


def unedited(table: pd.DataFrame, metric: str) -> Estimate:
    """A metric of the network as it is, mean over levels, from the rows of an `Ablation`."""
    return estimate(table.loc[table["kind"] == UNEDITED, metric])


def level_effects(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Effects by level (rows) and by kind, layer and channel (columns, in the order of the table)."""
    plain = table[table["kind"] == UNEDITED].set_index("seed")[metric]
    ablated = table[table["kind"] != UNEDITED].astype({"channel": int})
    columns = ["kind", "layer", "channel"]
    order = pd.MultiIndex.from_frame(ablated[columns].drop_duplicates())
    effects = -ablated.pivot(index="seed", columns=columns, values=metric)[order].sub(plain, axis=0)
    return effects.where(effects.abs() > _ROUNDING, 0.0)


def channel_effects(table: pd.DataFrame, metrics: Sequence[str], channels: pd.MultiIndex | None = None) -> pd.DataFrame:
    """Mean effect of every channel, or of `channels` in that order, on some metrics of an `Ablation`, over levels.

    Returns:
        columns metric, kind, layer, channel, n (levels), mean, low, high (95%, bootstrap over levels), and p: of a
        t-test over levels that the mean is 0, adjusted over all channels of one metric and kind so that the false
        discovery rate is controlled (Benjamini and Hochberg 1995).
    """
    parts = []
    for metric in metrics:
        effects = level_effects(table, metric)
        if channels is not None:
            effects = effects[[(kind, *one) for one in channels for kind in effects.columns.unique("kind")]]
        values = effects.to_numpy()
        resampled = resampling(len(values)) @ values
        low, high = np.percentile(resampled, (2.5, 97.5), axis=0) if len(values) > 1 else (np.nan, np.nan)
        part = effects.columns.to_frame(index=False)
        part.insert(0, "metric", metric)
        part = part.assign(n=len(values), mean=values.mean(axis=0), low=low, high=high, p=_p_values(values))
        part["p"] = part.groupby("kind")["p"].transform(false_discovery_control)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def strongest(table: pd.DataFrame, metrics: Sequence[str], count: int) -> pd.DataFrame:
    """The channels with the largest effects in size, chosen on half of the levels and measured on the others.

    Chosen are, for each metric, the `count` largest means over the kinds of ablation on the first
    half of the levels in the table.

    Returns:
        their rows of `channel_effects` of the second half, p adjusted over those rows alone, the
        largest of the first half first; empty for fewer than two levels.
    """
    seeds = table["seed"].unique()
    first, second = (table[table["seed"].isin(some)] for some in np.array_split(seeds, 2))
    if not len(second):
        return channel_effects(table, metrics).head(0)
    parts = []
    for metric in metrics:
        means = level_effects(first, metric).mean().groupby(["layer", "channel"], sort=False).mean()
        chosen = means.abs().sort_values(ascending=False, kind="stable").index[:count]
        parts.append(channel_effects(second, [metric], chosen))
    return pd.concat(parts, ignore_index=True)


def resampling(n: int, seed: int = 0) -> Floats:
    """Bootstrap of means over n levels as a matrix `[resamples, n]`; one draw of levels serves all channels."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES) / n


def _p_values(values: Floats) -> Floats:
    """Of a t-test of each column's mean against 0; 1 where it says nothing, as for a channel that does nothing."""
    if len(values) < 2:
        return np.ones(values.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.asarray(ttest_1samp(values, 0).pvalue), nan=1.0)
