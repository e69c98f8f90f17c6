"""Sets of activations found on other levels, patched in a level at the same positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from maze_interp.studies.patch.pairs import Pair, PairExperiment
from maze_interp.studies.patch.runs import run_pair
from maze_interp.studies.patch.sets import LEAST, REDUNDANCY, effect_of, random_rankings
from maze_interp.studies.patch.smallest_set import as_set, prefixes


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
            before, whole = run.whole_effect
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
