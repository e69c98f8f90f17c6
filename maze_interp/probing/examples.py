"""What a probe is fitted to: features and labels of a target at a layer, an example per observation or per square."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.environment.observe import PIXELS as SIDE
from maze_interp.errors import MazeInterpError
from maze_interp.probing.controls import PIXELS
from maze_interp.probing.convolutional import Patches
from maze_interp.probing.design import Matrix
from maze_interp.probing.rows import MEMORY, Rows
from maze_interp.probing.squares import SQUARE_TARGETS, SquareTarget, label_maps
from maze_interp.probing.targets import TARGETS, Kind, Labels, Observed, Target, require_classes, target_labels

PIXEL_MAP = 16
"""Side of the map that the picture makes when it is probed square by square: each position holds 4×4 pixels."""


@dataclass(frozen=True)
class Examples:
    """The m examples of one target at one layer.

    Attributes:
        kind: of the target.
        X: features, m rows.
        y: labels, float64 `[m, axes]`, none of them NaN.
        seen: what else is known of the observations.
        observation: int `[m]`, which of them each example is from.
    """

    kind: Kind
    X: Held
    y: Labels
    seen: Observed
    observation: NDArray[np.intp]

    @property
    def levels(self) -> NDArray[np.int64]:
        """The level of each example."""
        return self.seen.seed[self.observation]


def whole_layer(name: str, seen: Observed, read: Callable[[NDArray[np.intp]], Held]) -> Examples:
    """One example per observation that has a label, its features the whole layer.

    Args:
        name: of a target in `TARGETS`.
        seen: what is known of the n observations.
        read: gives the features of some of them, by their numbers from 0 to n − 1.

    Raises:
        MazeInterpError: labels that no probe can be fitted to.
    """
    target = TARGETS[name]
    labels = target_labels(target, seen)
    kept = np.flatnonzero(~np.isnan(labels).any(axis=1))
    return Examples(target.kind, read(kept), labels[kept], seen, kept)


def each_square(name: str, seen: Observed, maps: Rows, kernel: int) -> Examples:
    """One example per labelled position, its features the channels there and, with a kernel of 3, around it.

    Args:
        name: of a target in `SQUARE_TARGETS`.
        seen: what is known of the n observations.
        maps: the layer as maps, `[n, channels, rows, columns]`, see `as_maps`.
        kernel: 1 or 3; beyond the map's edge lie zeros.

    Raises:
        MazeInterpError: labels that no probe can be fitted to.
    """
    target = SQUARE_TARGETS[name]
    labels = label_maps(target, seen, (maps.shape[2], maps.shape[3]))
    mask = ~np.isnan(labels)
    y = labels[mask][:, None]
    require_classes(name, y)
    return Examples(target.kind, Held(Patches(maps, kernel, mask), maps.name), y, seen, np.nonzero(mask)[0])


def as_maps(activations: NDArray[Any], layer: str) -> Rows:
    """A layer's output as maps `[n, channels, rows, columns]`; of pictures, a channel per colour and pixel of a block.

    Raises:
        MazeInterpError: the layer has no map.
    """
    if layer == PIXELS:
        block = SIDE // PIXEL_MAP
        cut = activations.reshape(-1, PIXEL_MAP, block, PIXEL_MAP, block, 3).transpose(0, 2, 4, 5, 1, 3)
        activations = cut.reshape(len(activations), -1, PIXEL_MAP, PIXEL_MAP)
    if activations.ndim != 4:
        raise MazeInterpError(f"{layer} has no map of positions, so no target can be asked about each square there")
    maps = Rows(activations)
    maps.name = layer
    return maps


class Held(Rows):
    """Features that remember the part last fitted to, so that probes of several targets share what follows from it.

    They are read once if they fit into `MEMORY`, else again in each pass.
    """

    def __init__(self, X: Matrix, layer: str) -> None:
        if isinstance(X, Rows) and len(X) * X.width * X.dtype.itemsize > MEMORY:
            super().__init__(X.column, X.rows)
        else:
            super().__init__(np.concatenate(list(X.batches())))
        self.name = layer
        self._part: Rows | None = None

    def part(self, rows: NDArray[np.intp]) -> Rows:
        """Some of the rows; asked for the same twice in a row, the same object."""
        if self._part is None or not np.array_equal(self._part.rows, self.rows[rows]):
            self._part = self[rows]
            self._part.name = self.name
        return self._part


KNOWN: dict[str, Target | SquareTarget] = {**TARGETS, **SQUARE_TARGETS}
"""Every target by name."""


def needs_agent(name: str) -> bool:
    """Whether a target's labels ask what the agent does."""
    return KNOWN[name].needs_agent


def per_square(name: str) -> bool:
    """Whether a target is asked about each square."""
    return isinstance(KNOWN[name], SquareTarget)
