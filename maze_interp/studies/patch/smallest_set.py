"""The smallest set of activations whose patching has a given share of a whole effect: an upper bound, run to be sure.

Sets of a given size are too many to try, so activations are ranked, the ranking is cut where its first
k reach the share, and what the set can do without is dropped. Every set returned has been run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Effect = Callable[[Tensor], NDArray[np.float64]]
"""From sets, bool `[m, n]`, to each one's share of the whole effect, float64 `[m]`; all n together have 1."""

_GRID = 40
"""Lengths of a ranking that are tried, spread evenly on a log scale, before the cut is closed in on."""


def smallest_set(effect: Effect, ranking: Tensor, share: float, n: int | None = None) -> Tensor:
    """A small set of activations that has `share` of the whole effect, none of which it can do without.

    The activations are chosen from the ranking, int64 `[k]`, the most important first, which decides how good the set
    is; all of them together reach the share. There are n, those of the ranking unless given.

    Returns:
        bool `[n]`. The smallest set of all is no larger; no single member can be dropped.
    """
    n = len(ranking) if n is None else n
    chosen = ranking[: shortest_prefix(effect, ranking, n, share)]
    while len(chosen) > 1:
        without = effect(_without_one(chosen, n))
        ordered = chosen[torch.from_numpy(np.argsort(without, kind="stable"))]
        length = shortest_prefix(effect, ordered, n, share)
        if length == len(chosen):
            break
        chosen = ordered[:length]
    return as_set(chosen, n)


def disjoint_sets(effect: Effect, ranking: Tensor, share: float, first: Tensor, most: int) -> list[Tensor]:
    """Further sets, at most `most`, that each have `share` of the whole effect, no two with a common member.

    They say how redundant the first set, bool `[n]`, is. The ranking is int64 `[n]`, all activations, the most
    important first.
    """
    n, left, found = len(ranking), ~first, list[Tensor]()
    while len(found) < most and effect(left[None])[0] >= share:
        found.append(smallest_set(effect, ranking[left[ranking]], share, n))
        left = left & ~found[-1]
    return found


def shortest_prefix(effect: Effect, ranking: Tensor, n: int, share: float) -> int:
    """The `shortest_length` of a ranking, int64 `[k]`, of some of n activations, all of which reach the share."""
    return shortest_length(lambda lengths: effect(prefixes(ranking, lengths, n)), len(ranking), share)


def shortest_length(effect: Callable[[Sequence[int]], NDArray[np.float64]], k: int, share: float) -> int:
    """A length, at most k, with which a growing set reaches a share while one less does not; k is known to.

    The effect need not grow steadily with the length: this is the first crossing on a grid of lengths, closed in on by
    bisection.
    """
    grid = np.unique(np.geomspace(1, k, _GRID).round().astype(int)).tolist()
    reached = [*(effect(grid[:-1]) >= share), True] if len(grid) > 1 else [True]
    first = reached.index(True)
    below, length = grid[first - 1] if first else 0, grid[first]
    while length - below > 1:
        middle = (below + length) // 2
        if effect([middle])[0] >= share:
            length = middle
        else:
            below = middle
    return length


def prefixes(ranking: Tensor, lengths: Sequence[int], n: int) -> Tensor:
    """The sets of the first so many of a ranking, bool `[m, n]`."""
    place = torch.full((n,), n)
    place[ranking] = torch.arange(len(ranking))
    return place[None] < torch.tensor(lengths)[:, None]


def as_set(members: Tensor, n: int) -> Tensor:
    """Activations by number, int64 `[k]`, as a set, bool `[n]`."""
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[members] = True
    return chosen


def _without_one(chosen: Tensor, n: int) -> Tensor:
    """The set less each of its members in turn, bool `[k, n]`."""
    sets = as_set(chosen, n).repeat(len(chosen), 1)
    sets[torch.arange(len(chosen)), chosen] = False
    return sets
