"""The effect of patching by how many of a layer's activations are patched, in several orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from maze_interp.studies.patch.attribution import attribution, integrated
from maze_interp.studies.patch.pairs import LayerwiseExperiment, Pair
from maze_interp.studies.patch.runs import PairRun, run_pair
from maze_interp.studies.patch.sets import as_layer, random_rankings
from maze_interp.studies.patch.smallest_set import prefixes

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
        shared = {"layer": layer, **run.unpatched}
        for ranking, orders in _rankings(run, pair.recipient.seed).items():
            n = run.none.numel()
            counts = sorted({*(2**power for power in range(n.bit_length())), n})
            patched = [run.probability_difference(as_layer(run, prefixes(order, counts, n))) for order in orders]
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
