"""What each channel is needed for: effects of ablation with intervals, and how kinds and metrics agree.

An effect is the metric of the network as it is less that with the channel ablated: positive where
the channel serves the metric, negative where it works against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, rankdata, ttest_1samp

from maze_interp.results.estimates import RESAMPLES, Estimate, estimate
from maze_interp.studies.ablation import KINDS, UNEDITED

Floats = NDArray[np.float64]

RATE = 0.05
"""False discovery rate at which a channel's effect counts as different from 0."""

TOP = 0.1
"""Share of the channels that are the most important ones."""

MARGIN = 0.01
"""An effect is small if its whole interval lies within this of 0: one point of probability."""

_ROUNDING = 2e-6
"""Differences up to this are what batches of another shape make of the same float32 sums: they are 0."""


def unedited(table: pd.DataFrame, metric: str) -> Estimate:
    """The metric of the network as it is, mean over levels.

    Args:
        table: of an `Ablation`.
        metric: one of its columns.
    """
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
    """Mean effect of every channel over levels.

    Args:
        table: of an `Ablation`, at least one level in it.
        metrics: columns of it.
        channels: (layer, channel) in the order wanted; None for all.

    Returns:
        columns metric, kind, layer, channel, n (levels), mean, low, high (95%, bootstrap over
        levels), and p: of a t-test over levels that the mean is 0, adjusted over all channels of
        one metric and kind so that the false discovery rate is controlled (Benjamini and Hochberg
        1995).
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


def kind_agreement(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """How alike the kinds of ablation rank the channels, by layer and over all layers.

    Beside the pairs of kinds, which are on the same levels, stands each kind with itself on different
    ones, those of even and of odd place in the table: how far a ranking depends on the levels.

    Returns:
        columns layer, a, b, and those of `compare`.
    """
    effects = level_effects(table, metric)
    kinds = [kind for kind in KINDS if kind in effects.columns.unique("kind")]
    rows = []
    for layer in ("all", *effects.columns.unique("layer")):
        some = {kind: effects[kind].to_numpy() if layer == "all" else effects[kind][layer].to_numpy() for kind in kinds}
        for i, a in enumerate(kinds):
            if len(effects) > 1:
                halves = compare(some[a][::2], some[a][1::2], paired=False)
                rows.append({"layer": layer, "a": a, "b": f"{a}, other levels", **halves})
            rows += [{"layer": layer, "a": a, "b": b, **compare(some[a], some[b])} for b in kinds[i + 1 :]]
    return pd.DataFrame(rows)


def metric_overlap(table: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """How far two metrics of the same levels need the same channels, by kind of ablation, over all layers.

    Returns:
        columns kind, a, b, and those of `compare`.
    """
    first, second = level_effects(table, a), level_effects(table, b)
    kinds = first.columns.unique("kind")
    return pd.DataFrame(
        {"kind": kind, "a": a, "b": b, **compare(first[kind].to_numpy(), second[kind].to_numpy())} for kind in kinds
    )


def compare(x: Floats, y: Floats, paired: bool = True) -> dict[str, float]:
    """Whether two sets of effects on the same channels are alike, after averaging each over its levels.

    Args:
        x: effects `[levels, channels]`.
        y: likewise.
        paired: the levels are the same, and so are resampled together.

    Returns:
        n (levels of x), channels; the Spearman correlation of the mean effects, rank_correlation,
        with low and high; and top_shared, the share of the `TOP` most important channels (largest
        effects in size) that both have in common, with top_low and top_high; by chance it is `TOP`.
        The intervals are 1.96 standard errors either way, by bootstrap over levels, for the
        correlation on Fisher's scale: means over resampled levels scatter more than those over the
        levels themselves, so that percentiles would lean towards chance. NaN where all effects are equal.
    """
    weights = resampling(len(x)), resampling(len(y), seed=0 if paired else 1)
    means = [np.vstack([one.mean(axis=0), weight @ one]) for one, weight in zip((x, y), weights, strict=True)]
    alike = _row_correlation(*(rankdata(one, axis=1) for one in means))
    top = max(1, round(TOP * x.shape[1]))
    first, second = (rankdata(-np.abs(one), axis=1, method="ordinal") <= top for one in means)
    shared = (first & second).sum(axis=1) / top
    low, high = np.tanh(_ends(np.arctanh(np.clip(alike, -1 + 1e-9, 1 - 1e-9))))
    top_low, top_high = np.clip(_ends(shared), 0, 1)
    return {
        "n": len(x),
        "channels": x.shape[1],
        **{"rank_correlation": float(alike[0]), "low": float(low), "high": float(high)},
        **{"top_shared": float(shared[0]), "top_low": float(top_low), "top_high": float(top_high)},
    }


def separable(effects: pd.DataFrame, needed_for: str, not_for: str) -> pd.DataFrame:
    """The channels whose ablation changes one metric and hardly touches another.

    Args:
        effects: of `channel_effects`, both metrics on the same levels.
        needed_for: a metric; the effect on it is told from 0 at `RATE`.
        not_for: another; the whole interval of the effect on it is within `MARGIN` of 0.

    Returns:
        columns kind, needed_for, not_for, layer, channel; mean, low, high of the effect on the
        first and other_mean, other_low, other_high of that on the second; the largest first by kind.
    """
    key = ["kind", "layer", "channel"]
    first, second = (effects[effects["metric"] == metric] for metric in (needed_for, not_for))
    ends = {column: f"other_{column}" for column in ("mean", "low", "high")}
    both = first.merge(second[[*key, *ends]].rename(columns=ends), on=key)
    both = both[(both["p"] <= RATE) & (both["other_low"] >= -MARGIN) & (both["other_high"] <= MARGIN)]
    order = both.assign(size=both["mean"].abs()).sort_values("size", ascending=False, kind="stable")
    order = order.assign(needed_for=needed_for, not_for=not_for)[
        ["kind", "needed_for", "not_for", "layer", "channel", *ends, *ends.values()]
    ]
    return order.sort_values("kind", kind="stable", ignore_index=True)


def resampling(n: int, seed: int = 0) -> Floats:
    """Bootstrap of means over n levels as a matrix `[resamples, n]`; one draw of levels serves all channels."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES) / n


def _p_values(values: Floats) -> Floats:
    """Of a t-test of each column's mean against 0; 1 where it says nothing, as for a channel that does nothing."""
    if len(values) < 2:
        return np.ones(values.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.asarray(ttest_1samp(values, 0).pvalue), nan=1.0)


def _row_correlation(x: Floats, y: Floats) -> Floats:
    x, y = (one - one.mean(axis=1, keepdims=True) for one in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def _ends(values: Floats) -> Floats:
    """The first value less and plus 1.96 standard deviations of the rest; NaN where it has no value."""
    if np.isnan(values[0]):
        return np.full(2, np.nan)
    return values[0] + np.array([-1.96, 1.96]) * np.nanstd(values[1:])
