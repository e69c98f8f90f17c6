"""How few activations carry an effect: smallest sets level by level, and effects by number patched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.studies.attribution import attribution, integrated
from maze_interp.studies.pairs import Pair, PairExperiment
from maze_interp.studies.patching import PairRun, place_masks, run_pair
from maze_interp.studies.smallest_set import Effect, prefixes, smallest_set

SHARES = (0.5, 0.7, 0.9, 0.99)
"""Of the whole effect."""

LEAST = 0.2
"""Whole effect on the lead (from −1 to 1) that a level must have: as much as a tenth of the probability moved."""

DRAWS = 8
"""Random sets of a size, or random rankings, whose mean is the control."""


@dataclass(frozen=True)
class SmallestSets(PairExperiment):
    """The smallest sets found, at the decision square, and what other sets of their size do.

    A row per layer and share, for levels whose whole effect on the lead is at least `LEAST`. Effects
    are shares of the whole one: `reached` by the set; by as many drawn from all of the layer's
    activations (`random`), drawn from those that differ between the runs (`random_changed`), and with
    the largest differences (`largest`). `here`, `there` and `mouse` count the members around those
    places (which may overlap). `members` are channel/row/column, or features.

    Sets of one or two are the smallest there are; larger ones are upper bounds.

    Attributes:
        layers: module paths.
    """

    name: ClassVar[str] = "sets"
    columns: ClassVar[Sequence[str]] = (
        *("layer", "share", "whole", "activations", "changed", "count", "reached"),
        *("random", "random_changed", "largest"),
        *("p_here_before", "p_there_before", "p_here_after", "p_there_after"),
        *("here", "there", "mouse", "members"),
    )
    layers: tuple[str, ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        for layer in self.layers:
            yield from self._layer_rows(pair, layer)

    def _layer_rows(self, pair: Pair, layer: str) -> Iterator[dict[str, Any]]:
        run = run_pair(self.policy, pair, layer)
        before, whole = run.lead(torch.cat([run.none, run.whole]))
        if whole - before < LEAST:
            return
        effect = effect_of(run)
        difference = run.difference[0].flatten()
        order = integrated(run)[0].flatten().argsort(descending=True, stable=True)
        shared = {
            "layer": layer,
            "whole": whole - before,
            "activations": len(order),
            "changed": int((difference != 0).sum()),
            **dict(zip(("p_here_before", "p_there_before"), run.chances(run.none)[0, 0], strict=True)),
        }
        for share in SHARES:
            found = _smallest(effect, order, difference, share)
            count = int(found.sum())
            yield {
                **shared,
                "share": share,
                "count": count,
                "reached": effect(found[None])[0],
                **_controls(effect, difference, count, pair.recipient.seed),
                **dict(
                    zip(("p_here_after", "p_there_after"), run.chances(_shaped(run, found[None]))[0, 0], strict=True)
                ),
                **_places(pair, run, found),
                "members": " ".join("/".join(map(str, one)) for one in found.reshape(run.shape).nonzero().tolist()),
            }


def effect_of(run: PairRun) -> Effect:
    """The share of the whole effect on the lead that sets of a layer's activations have."""
    before, whole = run.lead(torch.cat([run.none, run.whole]))

    def effect(sets: Tensor) -> NDArray[np.float64]:
        share: NDArray[np.float64] = (run.lead(_shaped(run, sets)) - before) / (whole - before)
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
        name: float(effect(torch.cat([prefixes(one, [count], n) for one in some])).mean())
        for name, some in rankings.items()
    }


def _places(pair: Pair, run: PairRun, found: Tensor) -> dict[str, int | None]:
    if len(run.shape) != 3:
        return dict.fromkeys(("here", "there", "mouse"))
    masks = place_masks(pair, run.shape)
    members = found.reshape(run.shape)
    return {name: int((masks[name] & members).sum()) for name in ("here", "there", "mouse")}


def _smallest(effect: Effect, ranking: Tensor, difference: Tensor, share: float) -> Tensor:
    """`smallest_set`; instead of two activations a single one, if any reaches the share."""
    found = smallest_set(effect, ranking, share)
    if found.sum() != 2:
        return found
    changed = difference.nonzero().flatten()
    singles = torch.nn.functional.one_hot(changed, len(ranking)).bool()
    reached = effect(singles)
    return singles[int(reached.argmax())] if reached.max() >= share else found


RANKINGS = ("integrated", "gradient", "largest", "random_changed", "random")
"""Ways to order a layer's activations: by what gradients promise, by size of the difference, at random."""


@dataclass(frozen=True)
class PatchCurves(PairExperiment):
    """The lead as more and more activations are patched, in several orders.

    A row per layer, ranking and count (powers of 2, and all); random rankings as the mean of `DRAWS`.

    Attributes:
        layers: module paths.
    """

    name: ClassVar[str] = "curves"
    columns: ClassVar[Sequence[str]] = ("layer", "ranking", "count", "recipient", "donor", "patched")
    layers: tuple[str, ...]

    def pair_rows(self, pair: Pair) -> Iterator[dict[str, Any]]:
        """See `PairExperiment`."""
        for layer in self.layers:
            yield from self._layer_rows(pair, layer)

    def _layer_rows(self, pair: Pair, layer: str) -> Iterator[dict[str, Any]]:
        run = run_pair(self.policy, pair, layer)
        here, there = run.donor_chances[0]
        shared = {"layer": layer, "recipient": run.lead(run.none)[0], "donor": there - here}
        for ranking, orders in _rankings(run, pair.recipient.seed).items():
            n = run.none.numel()
            counts = sorted({*(2**power for power in range(n.bit_length())), n})
            leads = [run.lead(_shaped(run, prefixes(order, counts, n))) for order in orders]
            for count, lead in zip(counts, np.mean(leads, axis=0), strict=True):
                yield {**shared, "ranking": ranking, "count": count, "patched": lead}


def _rankings(run: PairRun, seed: int) -> dict[str, list[Tensor]]:
    """Orders of all activations by `RANKINGS`; where only the changed ones are drawn, the others come last."""
    difference = run.difference[0].flatten()
    every, changed = torch.arange(len(difference)), difference.nonzero().flatten()
    rest = (difference == 0).nonzero().flatten()
    scores = {"integrated": integrated(run)[0], "gradient": attribution(run)[0], "largest": run.difference[0].abs()}
    return {
        **{name: [score.flatten().argsort(descending=True, stable=True)] for name, score in scores.items()},
        "random_changed": [torch.cat([one, rest]) for one in random_rankings(changed, seed)],
        "random": random_rankings(every, seed),
    }
