"""How few activations have an effect: smallest sets, level by level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.studies.patch.attribution import integrated
from maze_interp.studies.patch.pairs import LayerwiseExperiment, Pair
from maze_interp.studies.patch.runs import PLACES, PairRun, place_masks, run_pair
from maze_interp.studies.patch.smallest_set import Effect, disjoint_sets, prefixes, smallest_set

SHARES = (0.5, 0.7, 0.9, 0.99)
"""Of the whole effect."""

LEAST = 0.2
"""Whole effect on the probability difference (−1 to 1) that a level must have: a tenth of the probability moved."""

REDUNDANCY = 0.9
"""The share of which further, disjoint sets are sought, and sets are tried on other levels."""

FURTHER = 3
"""Further disjoint sets that are sought at most."""

DRAWS = 8
"""Random sets of a size, or random rankings, whose mean is the control."""


_FURTHER = tuple(f"further_{number}" for number in range(1, FURTHER + 1))
_BEFORE, _AFTER = (
    tuple(f"p_{goal}_{when}" for goal in ("recipient_goal", "donor_goal")) for when in ("before", "after")
)


@dataclass(frozen=True)
class SmallestSets(LayerwiseExperiment):
    """The smallest sets found, at the decision square, and what other sets of their size do.

    A row per layer and share, for levels whose whole effect on the probability difference is at least `LEAST`.
    Effects are shares of the whole one: `reached` by the set; by as many drawn from all of the layer's activations
    (`random`), drawn from those that differ between the runs (`random_changed`), and with the largest differences
    (`largest`). A set may be sufficient and not necessary: `without` is the share of all activations but the set, and,
    for the share `REDUNDANCY`, `further` counts disjoint sets that do as much, `FURTHER` at most, of the sizes
    `further_1` and so on. The columns of `PLACES` count the members around those places (which may overlap). `members`
    are channel/row/column, or features.

    Sets of one or two are the smallest there are; larger ones are upper bounds.
    """

    name: ClassVar[str] = "sets"
    columns: ClassVar[Sequence[str]] = (
        *("layer", "share", "whole", "activations", "changed", "count", "reached"),
        *("random", "random_changed", "largest", "without", "further", *_FURTHER),
        *(*_BEFORE, *_AFTER, *PLACES, "members"),
    )

    def layer_rows(self, pair: Pair, layer: str) -> Iterator[dict[str, Any]]:
        """See `LayerwiseExperiment`."""
        run = run_pair(self.policy, pair, layer)
        before, whole = run.whole_effect
        if whole - before < LEAST:
            return
        effect = effect_of(run)
        difference = run.activation_difference[0].flatten()
        order = integrated(run)[0].flatten().argsort(descending=True, stable=True)
        shared = {
            "layer": layer,
            "whole": whole - before,
            "activations": len(order),
            "changed": int((difference != 0).sum()),
            **dict(zip(_BEFORE, run.probabilities(run.none)[0, 0], strict=True)),
        }
        for share in SHARES:
            members = _smallest(effect, order, difference, share)
            count = int(members.sum())
            yield {
                **shared,
                "share": share,
                "count": count,
                "reached": effect(members[None])[0],
                **_controls(effect, difference, count, pair.recipient.seed),
                "without": effect(~members[None])[0],
                **_further(effect, order, members, share),
                **dict(zip(_AFTER, run.probabilities(as_layer(run, members[None]))[0, 0], strict=True)),
                **_at_places(pair, run, members),
                "members": _listed(members.reshape(run.shape)),
            }


def effect_of(run: PairRun) -> Effect:
    """The share of the whole effect on the probability difference that sets of a layer's activations have."""
    before, whole = run.whole_effect

    def effect(sets: Tensor) -> NDArray[np.float64]:
        share: NDArray[np.float64] = (run.probability_difference(as_layer(run, sets)) - before) / (whole - before)
        return share

    return effect


def as_layer(run: PairRun, sets: Tensor) -> Tensor:
    """Sets of a layer's activations, bool `[sets, n]`, in the shape of the layer."""
    return sets.reshape(len(sets), *run.shape)


def random_rankings(members: Tensor, seed: int, draws: int = DRAWS) -> list[Tensor]:
    """Rankings of `members` (int64 `[k]`) at random, the same for the same seed."""
    random = np.random.default_rng([seed, len(members)])
    return [members[torch.from_numpy(random.permutation(len(members)))] for _ in range(draws)]


def _controls(effect: Effect, difference: Tensor, count: int, seed: int) -> dict[str, float]:
    n = len(difference)
    every, changed = torch.arange(n), difference.nonzero().flatten()
    largest = difference.abs().argsort(descending=True, stable=True)
    rankings = {
        "random": random_rankings(every, seed),
        "random_changed": random_rankings(changed, seed),
        "largest": [largest],
    }
    return {
        name: float(effect(torch.cat([prefixes(order, [count], n) for order in orders])).mean())
        for name, orders in rankings.items()
    }


def _further(effect: Effect, order: Tensor, members: Tensor, share: float) -> dict[str, int | None]:
    """How many further sets there are, and how large they are; None for shares of which none are sought."""
    if share != REDUNDANCY:
        return dict.fromkeys(("further", *_FURTHER))
    counts = [int(some.sum()) for some in disjoint_sets(effect, order, share, members, FURTHER)]
    return {"further": len(counts), **dict(zip_longest(_FURTHER, counts))}


def _listed(members: Tensor) -> str:
    return " ".join("/".join(map(str, index)) for index in members.nonzero().tolist())


def _at_places(pair: Pair, run: PairRun, members: Tensor) -> dict[str, int | None]:
    if len(run.shape) != 3:
        return dict.fromkeys(PLACES)
    masks = place_masks(pair, run.shape)
    return {name: int((masks[name] & members.reshape(run.shape)).sum()) for name in PLACES}


def _smallest(effect: Effect, ranking: Tensor, difference: Tensor, share: float) -> Tensor:
    """`smallest_set`; instead of two activations a single one, if any reaches the share."""
    smallest = smallest_set(effect, ranking, share)
    if smallest.sum() != 2:
        return smallest
    changed = difference.nonzero().flatten()
    singles = torch.nn.functional.one_hot(changed, len(ranking)).bool()
    reached = effect(singles)
    return singles[int(reached.argmax())] if reached.max() >= share else smallest
