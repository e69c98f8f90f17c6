"""Observations as a matrix that is read batch by batch, from memory or from a store larger than it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maze_interp.probing.design import BATCH, Matrix
from maze_interp.recording.store_column import StoreColumn

MEMORY = 7 * 2**28
"""Bytes of one matrix that are kept in memory; a larger one is read again in each pass."""


class Rows(Matrix):
    """Some rows of an array or of a store's column.

    What fits into memory is read once and kept; anything larger is read once in each pass.

    Args:
        column: `store[layer]`, or any array, `[observations, ...]`.
        rows: int `[n]` or bool `[observations]`, which of them; None for all. A store is read
            fastest in ascending order.
        numbers: worked on at once, see `Matrix`.
        memory: bytes of a matrix that are kept.
    """

    def __init__(
        self,
        column: StoreColumn | NDArray[Any],
        rows: ArrayLike | None = None,
        *,
        numbers: int = BATCH,
        memory: int = MEMORY,
    ) -> None:
        self.column, self.numbers, self.memory = column, numbers, memory
        every = np.arange(len(column))
        self.rows: NDArray[np.intp] = every if rows is None else every[np.asarray(rows)]
        self.shape = (len(self.rows), *column.shape[1:])
        self.dtype = np.dtype(column.dtype)
        self.name = column.name if isinstance(column, StoreColumn) else "the matrix of features"
        self._kept: NDArray[Any] | None = column if rows is None and isinstance(column, np.ndarray) else None

    def __getitem__(self, index: Any) -> Rows:
        """Some of them, as an array is indexed along its first axis."""
        return Rows(self.column, self.rows[index], numbers=self.numbers, memory=self.memory)

    def place(self, row: int) -> str:
        """The row's number in the array or store."""
        return f"row {self.rows[row]}"

    def batches(self) -> Iterator[NDArray[Any]]:
        """All rows in order, `[batch or fewer, ...]`, as they are stored."""
        if self._kept is None and len(self) * self.width * self.dtype.itemsize <= self.memory:
            self._kept = np.asarray(self.column[self.rows])
        for first in range(0, len(self), self.batch):
            some = slice(first, first + self.batch)
            yield np.asarray(self.column[self.rows[some]]) if self._kept is None else self._kept[some]


class Chosen(Matrix):
    """The features of a matrix, or of maps `[n, channels, h, w]` the channels, with the numbers `index`, `[k]`."""

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
