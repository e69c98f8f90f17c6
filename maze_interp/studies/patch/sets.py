"""How few activations have an effect: smallest sets level by level, and effects by number patched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.studies.patch.attribution import attribution, integrated
from maze_interp.studies.patch.pairs import LayerwiseExperiment, Pair, PairExperiment
from maze_interp.studies.patch.runs import PLACES, PairRun, place_masks, run_pair
from maze_interp.studies.patch.smallest_set import Effect, as_set, disjoint_sets, prefixes, smallest_set

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
        before, whole = run.probability_difference(torch.cat([run.none, run.whole]))
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
                **dict(zip(_AFTER, run.probabilities(_shaped(run, members[None]))[0, 0], strict=True)),
                **_at_places(pair, run, members),
                "members": _listed(members.reshape(run.shape)),
            }


def effect_of(run: PairRun) -> Effect:
    """The share of the whole effect on the probability difference that sets of a layer's activations have."""
    before, whole = run.probability_difference(torch.cat([run.none, run.whole]))

    def effect(sets: Tensor) -> NDArray[np.float64]:
        share: NDArray[np.float64] = (run.probability_difference(_shaped(run, sets)) - before) / (whole - before)
        return share

    return effect


def _shaped(run: PairRun, sets: Tensor) -> Tensor:
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


@dataclass(frozen=True)
class TransferredSets(PairExperiment):
    """Sets found on other levels, patched in a level at the same positions: how far one set serves another level.

    A row per layer, for levels whose whole effect is at least `LEAST`. Shares of the whole effect: `other`, the mean of
    the sets, each alone; `union`, all of them together, `union_count` activations; `random`, as many at random.

    Attributes:
        sets: layers, each with sets of channel/row/column as in the column `members` of `SmallestSets`.
    """

    name: ClassVar[str] = "transfer"
    columns: ClassVar[Sequence[str]] = ("layer", "sets", "other", "union", "union_count", "random")
    sets: tuple[tuple[str, tuple[str, ...]], ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        for layer, sets in self.sets:
            run = run_pair(self.policy, pair, layer)
            before, whole = run.probability_difference(torch.cat([run.none, run.whole]))
            if whole - before < LEAST:
                continue
            effect, n = effect_of(run), run.none.numel()
            masks = torch.stack([as_set(_numbers(listed, run.shape), n) for listed in sets])
            union = masks.any(0)
            count = int(union.sum())
            random = [prefixes(order, [count], n) for order in random_rankings(torch.arange(n), pair.recipient.seed)]
            yield {
                "layer": layer,
                "sets": len(sets),
                "other": effect(masks).mean(),
                "union": effect(union[None])[0],
                "union_count": count,
                "random": effect(torch.cat(random)).mean(),
            }


def found_sets(rows: pd.DataFrame) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The sets of `TransferredSets`, from rows of `SmallestSets` on other levels."""
    some = rows[rows["share"] == REDUNDANCY]
    return tuple((str(layer), tuple(part["members"])) for layer, part in some.groupby("layer", sort=False))


def _numbers(listed: str, shape: tuple[int, ...]) -> Tensor:
    """The members' places in the flattened layer, from a list such as `3/7/2 5/0/1`."""
    indices = np.array([[int(part) for part in member.split("/")] for member in listed.split()])
    return torch.from_numpy(np.ravel_multi_index(tuple(indices.T), shape))


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


RANKINGS = ("integrated", "gradient", "largest", "random_changed", "random")
"""Ways to order a layer's activations: by estimates from gradients, by size of the difference, at random."""


@dataclass(frozen=True)
class PatchCurves(LayerwiseExperiment):
    """The probability difference as more and more activations are patched, in several orders.

    A row per layer, ranking and count (powers of 2, and all); random rankings as the mean of `DRAWS`.
    """

    name: ClassVar[str] = "curves"
    columns: ClassVar[Sequence[str]] = ("layer", "ranking", "count", "recipient", "donor", "patched")

    def layer_rows(self, pair: Pair, layer: str) -> Iterator[dict[str, Any]]:
        """See `LayerwiseExperiment`."""
        run = run_pair(self.policy, pair, layer)
        shared = {
            "layer": layer,
            "recipient": run.probability_difference(run.none)[0],
            "donor": run.donor_probability_difference,
        }
        for ranking, orders in _rankings(run, pair.recipient.seed).items():
            n = run.none.numel()
            counts = sorted({*(2**power for power in range(n.bit_length())), n})
            patched = [run.probability_difference(_shaped(run, prefixes(order, counts, n))) for order in orders]
            for count, value in zip(counts, np.mean(patched, axis=0), strict=True):
                yield {**shared, "ranking": ranking, "count": count, "patched": value}


def _rankings(run: PairRun, seed: int) -> dict[str, list[Tensor]]:
    """Orders of all activations by `RANKINGS`; where only the changed ones are drawn, the others come last."""
    difference = run.activation_difference[0].flatten()
    every, changed = torch.arange(len(difference)), difference.nonzero().flatten()
    rest = (difference == 0).nonzero().flatten()
    scores = {
        "integrated": integrated(run)[0],
        "gradient": attribution(run)[0],
        "largest": run.activation_difference[0].abs(),
    }
    return {
        **{name: [score.flatten().argsort(descending=True, stable=True)] for name, score in scores.items()},
        "random_changed": [torch.cat([order, rest]) for order in random_rankings(changed, seed)],
        "random": random_rankings(every, seed),
    }
