"""Sets that stay the same from square to square, and from level to level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.studies.patch.attribution import integrated
from maze_interp.studies.patch.pairs import Pair, PairExperiment
from maze_interp.studies.patch.runs import PairRun, StateRuns, arrivals, run_pair, run_states, unpatched_states
from maze_interp.studies.patch.sets import SHARES, random_rankings
from maze_interp.studies.patch.smallest_set import prefixes, shortest_length

LEAST_CHANGE = 0.1
"""Fall of P(cheese), and rise of P(corner), that a level must have under the whole patch."""

EPISODE_DRAWS = 2
"""Random sets of a size tried on whole episodes, each of which costs a pass over every square."""


def channel_order(parts: pd.DataFrame) -> tuple[int, ...]:
    """Channels by the mean effect of patching each alone, the greatest first.

    From rows of `PartPatching` of one layer, on the levels to choose by.
    """
    effects = parts[parts["channel"].notna()].assign(effect=lambda rows: rows["patched"] - rows["recipient"])
    means = effects.groupby("channel")["effect"].mean().sort_values(ascending=False, kind="stable")
    return tuple(int(channel) for channel in means.index)


def channel_orders(parts: pd.DataFrame) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Each layer with a map, and its channels in the order of `channel_order`, from rows of `PartPatching`."""
    by_layer = parts.groupby("layer", sort=False)
    return tuple((str(layer), channel_order(rows)) for layer, rows in by_layer if rows["row"].notna().any())


@dataclass(frozen=True)
class ChannelSets(PairExperiment):
    """The same channels patched in every level, whole: the first so many of an order chosen on other levels.

    A row per layer, ranking (`chosen`, or `random` as the mean of some orders), count and metric:
    `probability_difference` at the decision square, exact `p_cheese` of whole episodes.

    Attributes:
        orders: layers, each with all its channels in order.
    """

    name: ClassVar[str] = "channels"
    columns: ClassVar[Sequence[str]] = ("layer", "ranking", "count", "metric", "recipient", "donor", "patched")
    orders: tuple[tuple[str, tuple[int, ...]], ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        ends = [arrivals(states, pair.aim)[0] for states in unpatched_states(self.policy, pair)]
        for layer, order in self.orders:
            yield from self._layer_rows(pair, layer, order, ends)

    def _layer_rows(
        self, pair: Pair, layer: str, order: Sequence[int], ends: Sequence[float]
    ) -> Iterator[dict[str, Any]]:
        run, states = run_pair(self.policy, pair, layer), run_states(self.policy, pair, layer)
        unpatched = run.unpatched
        n = len(order)
        counts = sorted({*(2**power for power in range(n.bit_length())), n})
        rankings = {"chosen": [torch.tensor(order)], "random": random_rankings(torch.arange(n), pair.recipient.seed)}
        for ranking, orders in rankings.items():
            shape = (len(counts), n, *(1,) * (len(run.shape) - 1))
            masks = [prefixes(each, counts, n).reshape(shape) for each in orders]
            moves = np.mean([run.probability_difference(mask) for mask in masks], axis=0)
            episodes = np.mean([_arrivals(states, pair, mask)[:, 0] for mask in masks[:EPISODE_DRAWS]], axis=0)
            for count, move, episode in zip(counts, moves, episodes, strict=True):
                shared = {"layer": layer, "ranking": ranking, "count": count}
                yield {**shared, "metric": "probability_difference", **unpatched, "patched": move}
                yield {**shared, "metric": "p_cheese", "recipient": ends[0], "donor": ends[1], "patched": episode}


def _arrivals(states: StateRuns, pair: Pair, masks: Tensor) -> NDArray[np.float64]:
    """P(cheese) and P(corner) of whole episodes under each mask, float64 `[m, 2]`."""
    return np.array([arrivals(patched, pair.aim) for patched in states.patched(masks)])


@dataclass(frozen=True)
class EpisodeSets(PairExperiment):
    """Whole episodes: few activations, the same ones on every square, patched from the donor's run on that square.

    A row per layer and share, for levels in which the whole patch lowers P(cheese) and raises P(corner), the exact
    probabilities of reaching them, by at least `LEAST_CHANGE` each. A set's share is the lesser of its shares of the
    two changes: a mouse that merely got stuck would reach neither. The activations are ranked by integrated gradients
    averaged over the squares between the two goals; `count` is where the first so many reach the share, without
    pruning. `random` and `largest` (mean difference) are the shares of other sets of that size.
    """

    name: ClassVar[str] = "episodes"
    columns: ClassVar[Sequence[str]] = (
        *("layer", "share", "activations", "count", "reached", "random", "largest"),
        *("p_cheese_before", "p_corner_before", "p_cheese_after", "p_corner_after"),
    )
    layers: tuple[str, ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        before, donor = (np.array(arrivals(states, pair.aim)) for states in unpatched_states(self.policy, pair))
        if _enough(donor - before):
            for layer in self.layers:
                yield from self._layer_rows(pair, layer, before)

    def _layer_rows(self, pair: Pair, layer: str, before: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
        run, states = run_pair(self.policy, pair, layer, pair.between), run_states(self.policy, pair, layer)
        n = run.none.numel()

        def reached(ranking: Tensor, lengths: Sequence[int]) -> NDArray[np.float64]:
            return _arrivals(states, pair, prefixes(ranking, lengths, n).reshape(len(lengths), *run.shape))

        whole = reached(torch.arange(n), [n])[0] - before
        if not _enough(whole):
            return
        order, *controls = episode_rankings(run, pair.recipient.seed)
        known = cache(lambda length: reached(order, [length])[0])  # each length once, whatever the share

        def share_of(after: NDArray[np.float64]) -> float:
            return float(((after - before) / whole).min())

        for share in SHARES:
            count = shortest_length(lambda lengths: np.array([share_of(known(length)) for length in lengths]), n, share)
            largest, *random = (share_of(reached(ranking, [count])[0]) for ranking in controls)
            yield {
                "layer": layer,
                "share": share,
                "activations": n,
                "count": count,
                "reached": share_of(known(count)),
                "largest": largest,
                "random": np.mean(random),
                **dict(zip(("p_cheese_before", "p_corner_before"), before, strict=True)),
                **dict(zip(("p_cheese_after", "p_corner_after"), known(count), strict=True)),
            }


def _enough(change: NDArray[np.float64]) -> bool:
    """Whether P(cheese) falls and P(corner) rises by at least `LEAST_CHANGE`."""
    return bool(change[0] <= -LEAST_CHANGE and change[1] >= LEAST_CHANGE)


def episode_rankings(run: PairRun, seed: int) -> list[Tensor]:
    """Activations by integrated gradients, by size of the difference (both averaged over the squares), at random.

    Of a pair's run on the squares between its two goals; the level's seed decides the random order.
    """
    scores = [integrated(run).mean(0).flatten(), run.activation_difference.abs().mean(0).flatten()]
    ordered = [score.argsort(descending=True, stable=True) for score in scores]
    return [*ordered, *random_rankings(torch.arange(len(scores[0])), seed, EPISODE_DRAWS)]
