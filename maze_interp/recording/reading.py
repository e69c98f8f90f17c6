"""Reading rows of a shard's datasets, each block decompressed once, and the order in which batches draw them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from maze_interp.recording.shards import BLOCK

PIECE = 4 * BLOCK
"""Neighbouring rows that shuffling draws at once: enough to make up for opening a file."""

Rows = NDArray[np.intp]


def read_rows(dataset: h5py.Dataset, rows: Rows, places: Rows, out: NDArray[Any]) -> None:
    """`out[places] = dataset[rows]`, as few reads as the order of the rows allows."""
    for part in _parts(rows, places):
        source, target = rows[part], places[part]
        first, end = int(source.min()), int(source.max()) + 1
        if _consecutive(source) and _consecutive(target):
            dataset.read_direct(out, np.s_[first:end], np.s_[int(target[0]) : int(target[-1]) + 1])
        else:
            out[target] = dataset[first:end][source - first]


def _parts(rows: Rows, places: Rows) -> list[Rows]:
    """Cut a read into stretches of neighbours or, where those are short, by block."""
    breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(places) != 1)) + 1
    blocks = equal_runs(rows // BLOCK)
    return np.split(np.arange(len(rows)), breaks) if len(breaks) < len(blocks) else blocks


def _consecutive(numbers: Rows) -> bool:
    return bool((np.diff(numbers) == 1).all())


def equal_runs(keys: Rows) -> list[Rows]:
    """Where each key stands, key by key."""
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)


def mix_pieces(rows: Rows, ends: Rows, generator: np.random.Generator) -> Rows:
    """The rows with their pieces in random order.

    Args:
        rows: int `[n]`.
        ends: the end of each shard, in rows; no piece crosses one.
        generator: of the order.
    """
    starts = np.append(0, ends[:-1])
    first_piece = np.cumsum(np.append(0, -(-(ends - starts) // PIECE)))
    shards = np.searchsorted(ends, rows, side="right")
    pieces = equal_runs(first_piece[shards] + (rows - starts[shards]) // PIECE)
    return np.concatenate([rows[pieces[i]] for i in generator.permutation(len(pieces))] or [rows])
