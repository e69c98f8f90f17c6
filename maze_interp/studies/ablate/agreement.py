"""How alike the kinds of ablation rank the channels, and how alike two metrics do."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from maze_interp.studies.ablate.effects import RATE, Floats, level_effects, resampling
from maze_interp.studies.ablate.measure import KINDS

TOP = 0.1
"""Share of the channels that are the most important ones."""

MARGIN = 0.01
"""An effect is small if its whole interval lies within this of 0: one point of probability."""

COMPARED = ("n", "channels", "rank_correlation", "low", "high", "top_shared", "top_low", "top_high")
"""What `compare` returns."""


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
    return pd.DataFrame(rows, columns=["layer", "a", "b", *COMPARED])


def metric_overlap(table: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """How far two metrics on the same levels depend on the same channels, by kind of ablation, over all layers.

    Returns:
        columns kind, a, b, and those of `compare`.
    """
    first, second = level_effects(table, a), level_effects(table, b)
    kinds = first.columns.unique("kind")
    return pd.DataFrame(
        {"kind": kind, "a": a, "b": b, **compare(first[kind].to_numpy(), second[kind].to_numpy())} for kind in kinds
    )


def compare(x: Floats, y: Floats, paired: bool = True) -> dict[str, float]:
    """Whether two sets of effects `[levels, channels]` are alike, after averaging each over its levels.

    Levels that are the same, `paired`, are resampled together.

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
    """The channels whose ablation changes one metric significantly, at `RATE`, and hardly touches another.

    The whole interval of the effect on the other is within `MARGIN` of 0. The effects are of `channel_effects`, both
    metrics on the same levels.

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


def _row_correlation(x: Floats, y: Floats) -> Floats:
    x, y = (one - one.mean(axis=1, keepdims=True) for one in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def _ends(values: Floats) -> Floats:
    """The first value less and plus 1.96 standard deviations of the rest; NaN where it has no value."""
    if np.isnan(values[0]):
        return np.full(2, np.nan)
    return values[0] + np.array([-1.96, 1.96]) * np.nanstd(values[1:])
