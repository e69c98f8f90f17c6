"""One shard: an HDF5 file of whole levels, a dataset per column, cut into blocks of rows.

The forward passes of a shard are its own, so its content depends on no other shard. A block is what
one pass yields and one chunk of each dataset. Squares of one level look alike and so do their
activations: byte-shuffled, neighbouring rows compress as well at zstd's level −1 as at 1, in less time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.environment.observe import PIXELS, Facing, MazeView
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.evaluate import outputs_of, outputs_on_host
from maze_interp.policies.devices import BATCH, batch_size, device_of, on_host
from maze_interp.policies.hooks import HookFunction, hooked, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.recording.columns import Column, level_labels
from maze_interp.recording.recording import Recording

BLOCK = BATCH
"""Rows of a block; the last of a shard may have fewer."""

DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError)
"""What h5py raises on files that are cut short, altered, or not HDF5 at all."""

State = tuple[Maze, Square, Facing]


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.h5"


def shard_image(recording: Recording, seeds: Sequence[int]) -> bytes:
    """Record some levels: the bytes of their shard.

    Raises:
        MazeInterpError: an activation exceeds float16's range.
    """
    levels = [(maze, recording.states(maze)) for maze in map(recording.levels.maze, seeds)]
    states = [(maze, square, facing) for maze, some in levels for square, facing in some]
    image = io.BytesIO()
    # All bytes are under a checksum: the format from HDF5 1.10 on has them on metadata, though not on strings of
    # variable length, and Fletcher's is on the data. HDF5 can loop for ever over altered bytes that it takes for sound.
    with h5py.File(image, "w", libver="v110") as file:
        file.attrs["settings"] = np.bytes_(json.dumps(recording.settings))
        datasets = {name: _create(file, name, column, len(states)) for name, column in recording.columns.items()}
        labels = [level_labels(maze, some) for maze, some in levels]
        for name in labels[0]:
            datasets[name][:] = np.concatenate([one[name] for one in labels])
        _record(recording, states, datasets)
    return image.getvalue()


def _create(file: h5py.File, name: str, column: Column, rows: int) -> Any:
    return file.create_dataset(
        name,
        (rows, *column.shape),
        column.dtype,
        chunks=(min(BLOCK, rows), *column.shape),
        shuffle=True,
        fletcher32=True,
        **hdf5plugin.Zstd(clevel=-1),
    )


def _record(recording: Recording, states: Sequence[State], datasets: Mapping[str, Any]) -> None:
    """Run the policy block by block and write observations, activations, probabilities and values."""
    device = device_of(recording.policy)
    size = batch_size(device)
    like = {"dtype": getattr(torch, recording.dtype), "device": device}
    buffers = {layer: torch.empty(size, *recording.columns[layer].shape, **like) for layer in recording.layers}
    outputs = []
    with torch.inference_mode(), without_hooks(), ExitStack() as hooks:
        for layer, buffer in buffers.items():
            hooks.enter_context(hooked(recording.policy, {layer: _copy_into(buffer)}))
        for first, observations in _blocks(states, size):
            block = slice(first, first + len(observations))
            outputs.append(outputs_of(*recording.policy(to_input(observations, device))))
            datasets["observation"][block] = observations
            for layer, buffer in buffers.items():
                datasets[layer][block] = on_host(buffer[: len(observations)])
    whole = outputs_on_host(outputs)
    datasets["probs"][:], datasets["value"][:] = whole[:, :5], whole[:, 5]


def _copy_into(buffer: Tensor) -> HookFunction:
    """A hook that keeps a layer's output; one copy changes layout and precision."""

    def keep(activation: Tensor, layer: str) -> None:
        kept = buffer[: len(activation)].copy_(activation)
        if kept.dtype == torch.float16 and not kept.isfinite().all():
            raise MazeInterpError(f"layer {layer} exceeds the range of float16; record it as float32")

    return keep


def _blocks(states: Sequence[State], size: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The observations, so many at a time, uint8 `[n, 64, 64, 3]`, each with the number of its first row."""
    buffer = np.empty((size, PIXELS, PIXELS, 3), np.uint8)
    view: MazeView | None = None
    for first in range(0, len(states), size):
        some = states[first : first + size]
        for row, (maze, square, facing) in enumerate(some):
            if view is None or view.maze is not maze:
                view = MazeView(maze)
            view.draw(buffer[row], square, facing)
        yield first, buffer[: len(some)]


def open_shard(path: Path, settings: Mapping[str, Any]) -> h5py.File:
    """A finished shard, for reading.

    Raises:
        MazeInterpError: it belongs to another store.
        OSError, KeyError, RuntimeError, ValueError, TypeError: it is damaged.
    """
    file = h5py.File(path, "r")
    if json.loads(np.asarray(file.attrs["settings"]).tobytes()) != settings:
        file.close()
        raise MazeInterpError(f"{path} belongs to another store, recorded from other settings")
    return file
