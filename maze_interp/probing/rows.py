"""Observations as a matrix that is read batch by batch, from memory or from a store larger than it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maze_interp.probing.design import Design
from maze_interp.recording.store import StoreColumn

BATCH = 2**22
"""Numbers worked on at once."""

MEMORY = 7 * 2**28
"""Bytes of one matrix that are kept in memory; a larger one is read again in each pass."""


class Matrix(ABC):
    """Numbers `[n, ...]` that every estimator here takes in place of an array.

    What follows from the numbers alone, such as their means, is computed once and kept with the
    object: fit several probes to the same one, of other targets, and they share it.

    Attributes:
        shape: `(n, ...)`; behind the first axis lie the features.
        dtype: numpy's, of the batches.
        name: for messages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def width(self) -> int:
        """Features of a row."""
        return math.prod(self.shape[1:])

    @property
    def batch(self) -> int:
        """Rows of a batch."""
        return max(64, BATCH // max(1, self.width))

    @abstractmethod
    def batches(self) -> Iterator[NDArray[Any]]:
        """All rows in order, some `[m, ...]` at a time; cut alike each time."""

    @abstractmethod
    def place(self, row: int) -> str:
        """Where a row stands, for messages."""

    @cached_property
    def design(self) -> Design:
        """The rows as what a linear model is fitted to.

        Raises:
            ProbeError: a number that is not finite.
        """
        return Design.of(self)


class Rows(Matrix):
    """Some rows of an array or of a store's column.

    What fits into `MEMORY` is read once and kept; anything larger is read once in each pass.

    Args:
        column: `store[layer]`, or any array, `[observations, ...]`.
        rows: int `[n]` or bool `[observations]`, which of them; None for all. A store is read
            fastest in ascending order.
    """

    def __init__(self, column: StoreColumn | NDArray[Any], rows: ArrayLike | None = None) -> None:
        self.column = column
        every = np.arange(len(column))
        self.rows: NDArray[np.intp] = every if rows is None else every[np.asarray(rows)]
        self.shape = (len(self.rows), *column.shape[1:])
        self.dtype = np.dtype(column.dtype)
        self.name = column.name if isinstance(column, StoreColumn) else "the matrix of features"
        self._kept: NDArray[Any] | None = column if rows is None and isinstance(column, np.ndarray) else None

    def __getitem__(self, index: Any) -> Rows:
        """Some of them, as an array is indexed along its first axis."""
        return Rows(self.column, self.rows[index])

    def place(self, row: int) -> str:
        """The row's number in the array or store."""
        return f"row {self.rows[row]}"

    def batches(self) -> Iterator[NDArray[Any]]:
        """All rows in order, `[batch or fewer, ...]`, as they are stored."""
        if self._kept is None and len(self) * self.width * self.dtype.itemsize <= MEMORY:
            self._kept = np.asarray(self.column[self.rows])
        for first in range(0, len(self), self.batch):
            some = slice(first, first + self.batch)
            yield np.asarray(self.column[self.rows[some]]) if self._kept is None else self._kept[some]


class Chosen(Matrix):
    """Some features, or of maps `[n, channels, h, w]` some channels, of a matrix.

    Args:
        matrix: the whole.
        index: int `[k]`, places along its second axis.
    """

    def __init__(self, matrix: Matrix, index: NDArray[np.intp]) -> None:
        self.matrix, self.index = matrix, index
        self.shape = (len(matrix), len(index), *matrix.shape[2:])
        self.dtype, self.name = matrix.dtype, matrix.name

    def batches(self) -> Iterator[NDArray[Any]]:
        """The chosen features of the batches of the whole."""
        return (batch[:, self.index] for batch in self.matrix.batches())

    def place(self, row: int) -> str:
        """As in the whole."""
        return self.matrix.place(row)
