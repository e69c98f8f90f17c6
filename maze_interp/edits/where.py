"""Which part of a layer's output an edit touches, and checking what users give as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from maze_interp.arguments import as_whole, is_truth, pair, several, shown
from maze_interp.errors import MazeInterpError

Index = tuple[Any, ...]
"""Picks the touched part of `[n, ...]`: its values come as `[n, channels, ...]`."""

as_position = pair("(row, column)")
_as_pairs = several(as_position, "(row, column)")


class Masked(tuple[int, ...]):
    """Channel numbers taken from a mask; a layer of another number of channels refuses them."""

    length: int


def as_channels(channels: Any, name: str = "channels") -> tuple[int, ...] | None:
    """Channel numbers in ascending order, each once; of a mask, those where it is True; None for all."""
    if channels is None or isinstance(channels, Masked):
        return channels
    try:
        parts, is_list = ([channels], False) if isinstance(channels, str | bytes) else (list(channels), True)
    except TypeError:
        parts, is_list = [channels], False
    numbers: tuple[int, ...]
    if is_list and parts and all(is_truth(part) and np.ndim(part) == 0 for part in parts):
        numbers = masked = Masked(number for number, part in enumerate(parts) if part)
        masked.length = len(parts)
    else:
        wholes = [as_whole(part) for part in parts]
        numbers = tuple(sorted({whole for whole in wholes if whole is not None}))
        if None in wholes:
            raise MazeInterpError(f"{name} are whole numbers or a mask, not {shown(channels)}")
    if not numbers:
        raise MazeInterpError(f"{name} is empty; name at least one, or leave it out for all")
    return numbers


def as_positions(positions: Any, name: str = "positions") -> tuple[Position, ...] | None:
    """(row, column) pairs in reading order, each once; None for the whole map."""
    return None if positions is None else tuple(sorted(set(_as_pairs(positions, name))))


Position = Annotated[tuple[int, int], as_position]
"""(row, column) in a layer's map, counted from the top left."""

Channels = Annotated[int | Iterable[int] | None, as_channels]
"""Numbers from 0, one or several, or a mask over the layer's channels; None for all. Kept in ascending order."""

Positions = Annotated[Iterable[Sequence[int]] | None, as_positions]
"""Kept as a tuple in reading order, each once; None for the whole map."""


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
    if isinstance(channels, Masked) and channels.length != activation.shape[1]:
        raise MazeInterpError(f"{layer} has {activation.shape[1]} channels, but the mask is for {channels.length}")
    if channels is not None and not 0 <= channels[0] <= channels[-1] < activation.shape[1]:
        wrong = next(one for one in channels if not 0 <= one < activation.shape[1])
        raise MazeInterpError(f"{layer} has channels 0 to {activation.shape[1] - 1}, none is {wrong}")
    if positions is None and channels is None:
        return (slice(None),)
    if positions is None:
        return slice(None), torch.tensor(channels, device="cpu").to(activation.device)
    for position in positions:
        require_position(activation, layer, position)
    every = range(activation.shape[1]) if channels is None else channels
    rows, columns = torch.tensor(positions, device="cpu").to(activation.device).T
    return slice(None), torch.tensor(every, device="cpu").to(activation.device)[:, None], rows, columns


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
