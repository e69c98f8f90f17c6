"""Reading rows of a shard's datasets, each block decompressed once, and the order in which shuffling draws them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from maze_interp.recording.shards import BLOCK

PIECE = 4 * BLOCK
"""Neighbouring rows drawn at once when shuffling, and read at once: enough to make up for opening a file."""

Rows = NDArray[np.intp]


def read_rows(dataset: h5py.Dataset, rows: Rows, places: Rows, out: NDArray[Any]) -> None:
    """`out[places] = dataset[rows]`: neighbours in order at once, others piece by piece."""
    if _consecutive(rows) and _consecutive(places):
        dataset.read_direct(out, np.s_[rows[0] : rows[-1] + 1], np.s_[places[0] : places[-1] + 1])
        return
    order = np.argsort(rows, kind="stable")
    for part in equal_runs(rows[order] // PIECE):
        source, target = rows[order[part]], places[order[part]]
        found = dataset[source[0] : source[-1] + 1]
        out[target] = found if _consecutive(source) else found[source - source[0]]


def _consecutive(numbers: Rows) -> bool:
    return bool((np.diff(numbers) == 1).all())


def equal_runs(keys: Rows) -> list[Rows]:
    """Where each key stands, key by key."""
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)


def mix_pieces(rows: Rows, ends: Rows, generator: np.random.Generator) -> Rows:
    """The rows, int `[n]`, with their pieces in random order; no piece crosses the end of a shard, given in rows."""
    starts = np.append(0, ends[:-1])
    first_piece = np.cumsum(np.append(0, -(-(ends - starts) // PIECE)))
    shards = np.searchsorted(ends, rows, side="right")
    pieces = equal_runs(first_piece[shards] + (rows - starts[shards]) // PIECE)
    return np.concatenate([rows[pieces[i]] for i in generator.permutation(len(pieces))] or [rows])
