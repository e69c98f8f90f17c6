"""Which part of a layer's output an edit touches, and checking what users give as such."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from maze_interp.errors import MazeInterpError

Position = tuple[int, int]
"""(row, column) in a layer's map, counted from the top left."""

Index = tuple[Any, ...]
"""Picks the touched part of `[n, ...]`: its values come as `[n, channels, ...]`."""


def as_layer(layer: object) -> str:
    """A layer's name."""
    if not isinstance(layer, str):
        raise MazeInterpError(f"layer is a module path such as embedder.block2.res1.resadd, not {layer!r}")
    return layer


def as_channels(channels: int | Iterable[int] | None) -> tuple[int, ...] | None:
    """Channel numbers in ascending order, each once; None for all."""
    if channels is None:
        return None
    try:
        numbers = sorted({as_whole(one) for one in (channels if isinstance(channels, Iterable) else [channels])})
    except TypeError as error:
        raise MazeInterpError(f"channels are whole numbers, not {channels!r}") from error
    if not numbers:
        raise MazeInterpError("channels is empty; name at least one, or leave it out for all")
    return tuple(numbers)


def as_position(position: Sequence[int], what: str = "pixel") -> Position:
    """A (row, column) of plain ints."""
    try:
        row, column = (as_whole(one) for one in position)
    except (TypeError, ValueError) as error:
        raise MazeInterpError(f"{what} is (row, column), two whole numbers, not {position!r}") from error
    return row, column


def as_positions(positions: Iterable[Sequence[int]] | None) -> tuple[Position, ...] | None:
    """(row, column) pairs in reading order, each once; None for the whole map."""
    if positions is None:
        return None
    if not isinstance(positions, Iterable):
        raise MazeInterpError(f"positions is a list of (row, column), not {positions!r}")
    pairs = sorted({as_position(position, "each of positions") for position in positions})
    if not pairs:
        raise MazeInterpError("positions is empty; name at least one, or leave it out for the whole map")
    return tuple(pairs)


def as_number(value: Any, what: str) -> float:
    """A finite number."""
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise MazeInterpError(f"{what} is a finite number, not {value!r}")
    return number


def as_whole(value: object) -> int:
    """A whole number; TypeError for anything else, True and False included."""
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    return operator.index(value)  # type: ignore[arg-type]


def edited(
    activation: Tensor,
    layer: str,
    channels: tuple[int, ...] | None,
    positions: tuple[Position, ...] | None,
    change: Callable[[Tensor, Index], Tensor | float],
) -> Tensor:
    """A copy of `activation` whose chosen part is `change(part, index of the part)`.

    Raises:
        MazeInterpError: a channel or a position that the layer does not have.
    """
    index = index_of(activation, layer, channels, positions)
    out = activation.clone()
    out[index] = change(activation[index], index)
    return out


def index_of(
    activation: Tensor, layer: str, channels: tuple[int, ...] | None, positions: tuple[Position, ...] | None
) -> Index:
    """The index of the chosen part, checked against the output's shape."""
    if channels is not None and not 0 <= channels[0] <= channels[-1] < activation.shape[1]:
        wrong = next(one for one in channels if not 0 <= one < activation.shape[1])
        raise MazeInterpError(f"{layer} has channels 0 to {activation.shape[1] - 1}, none is {wrong}")
    if positions is None:
        return (slice(None),) if channels is None else (slice(None), torch.tensor(channels, device=activation.device))
    for position in positions:
        require_position(activation, layer, position)
    every = range(activation.shape[1]) if channels is None else channels
    rows, columns = torch.tensor(positions, device=activation.device).T
    return slice(None), torch.tensor(every, device=activation.device)[:, None], rows, columns


def require_position(activation: Tensor, layer: str, position: Position) -> None:
    """Refuse a position that is not in the layer's map.

    Raises:
        MazeInterpError: it is outside, or the layer has no map.
    """
    if activation.ndim != 4:
        raise MazeInterpError(f"{layer} puts out {activation.shape[1]} numbers without positions, no map to pick from")
    height, width = activation.shape[2:]
    if not (0 <= position[0] < height and 0 <= position[1] < width):
        raise MazeInterpError(f"{layer} has rows 0 to {height - 1} and columns 0 to {width - 1}, none is {position}")
