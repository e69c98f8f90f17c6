"""`StoreColumn`: one layer or label of a store, indexed like an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maze_interp.arguments import as_whole, shown
from maze_interp.errors import MazeInterpError
from maze_interp.recording.reading import Rows


@dataclass(frozen=True)
class StoreColumn:
    """One layer or label of a store; index it like an array along its first axis.

    Attributes:
        read: the store's, from names and row numbers to the rows of each name.
        shape: `(observations, ...)`.
    """

    read: Callable[[Sequence[str], Rows], Mapping[str, NDArray[Any]]]
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | ArrayLike) -> NDArray[Any]:
        """The rows that `index` picks: a number, a slice, an array of numbers or of bools.

        Raises:
            MazeInterpError: an index of another kind, or a shard turns out to be damaged.
            IndexError: a number out of range, or a mask of another length.
        """
        if (row := as_whole(index)) is not None:
            return self._rows(np.array([range(len(self))[row]]))[0]
        return self._rows(np.arange(len(self))[index if isinstance(index, slice) else _picked(index)])

    def _rows(self, rows: Rows) -> NDArray[Any]:
        return self.read([self.name], rows)[self.name]


def _picked(index: object) -> NDArray[Any]:
    """A list of row numbers, or a mask."""
    picked = np.asarray(index)
    if picked.ndim == 1 and (picked.dtype.kind in "biu" or not picked.size):
        return picked if picked.size else np.empty(0, np.intp)
    raise MazeInterpError(f"rows are a number, a slice, or a list of numbers or truth values, not {shown(index)}")
