"""A store as probes see it: the observations that a target is asked of, and their features at a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maze_interp.probing.controls import features
from maze_interp.probing.examples import Examples, Held, as_maps, each_square, per_square, whole_layer
from maze_interp.probing.outcomes import Outcome
from maze_interp.probing.targets import observed
from maze_interp.recording.store import ActivationStore


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where examples come from.

    Attributes:
        store: the activations.
        levels: seeds of the store's levels to use; None for all.
        kernel: side of the patch that targets of single squares are predicted from, 1 or 3.
        seed: of the draw of an observation of each level, for those targets.
        outcomes: what the agent does in the levels, for the targets that ask.
    """

    store: ActivationStore
    levels: Sequence[int] | None = None
    kernel: int = 1
    seed: int = 0
    outcomes: Mapping[int, Outcome] | None = field(default=None, repr=False)
    _held: dict[Any, Held] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The levels used."""
        return self.store.levels if self.levels is None else tuple(self.levels)

    def rows(self, target: str) -> NDArray[np.intp]:
        """The observations that a target is asked of: all of the levels, or one of each if it is asked per square.

        Raises:
            MazeInterpError: a level that the store does not hold.
        """
        random = np.random.default_rng(self.seed)
        of_levels = [np.arange(rows.start, rows.stop) for rows in map(self.store.level, self.seeds)]
        if per_square(target):
            of_levels = [rows[[random.integers(len(rows))]] for rows in of_levels if len(rows)]
        return np.concatenate([np.empty(0, np.intp), *of_levels])

    def examples(self, layer: str, target: str, network: nn.Module | None = None) -> Examples:
        """The examples of a target at a layer, of the recorded network or of another.

        Raises:
            MazeInterpError: an unknown layer, one without a map where the target is asked per square, or labels that
                no probe can be fitted to.
        """
        rows = self.rows(target)
        seen = observed(self.store, rows, self.outcomes)
        if per_square(target):
            activations = np.concatenate(list(features(self.store, layer, rows, network).batches()))
            return each_square(target, seen, as_maps(activations, layer), self.kernel)
        return whole_layer(target, seen, lambda kept: self._features(layer, rows[kept], network))

    def _features(self, layer: str, rows: NDArray[np.intp], network: nn.Module | None) -> Held:
        """A layer's features, kept for the next target that asks for the same."""
        key = (layer, network is None, rows.tobytes())
        if key not in self._held:
            for other in [other for other in self._held if other[1] == key[1]]:
                del self._held[other]
            self._held[key] = Held(features(self.store, layer, rows, network), layer)
        return self._held[key]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_held": {}}
