"""The edits. All are frozen, comparable and hashable, hold plain data, and act alike on every observation.

Channels are numbers from 0, one or several, None for all; in a layer without a map (`embedder.fc`)
they are its features. Positions are (row, column) in the layer's map, None for all of it. What does
not fit the layer is an error once the edit meets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Change
from maze_interp.edits.observations import Observations, activation_of, mean_activation
from maze_interp.edits.where import (
    Index,
    Position,
    as_channels,
    as_layer,
    as_number,
    as_position,
    as_positions,
    as_whole,
    edited,
    require_position,
)
from maze_interp.errors import MazeInterpError

Channels = int | Iterable[int] | None
"""Kept as a tuple in ascending order, each once."""

Positions = Sequence[Sequence[int]] | None
"""Kept as a tuple in reading order, each once."""


@dataclass(frozen=True)
class Zero:
    """Set to 0."""

    layer: str
    channels: Channels = None
    positions: Positions = None

    def __post_init__(self) -> None:
        _check(self)

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return lambda activation: _edited(self, activation, lambda part, index: 0.0)


@dataclass(frozen=True)
class Scale:
    """Multiply by `factor`."""

    layer: str
    factor: float
    channels: Channels = None
    positions: Positions = None

    def __post_init__(self) -> None:
        _check(self, factor=as_number(self.factor, "factor"))

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return lambda activation: _edited(self, activation, lambda part, index: part * self.factor)


@dataclass(frozen=True)
class Mean:
    """Set to the unedited network's mean over `source`, position by position.

    The mean is computed when the edit is bound to a network, and kept as long as its weights stay.
    """

    layer: str
    channels: Channels = None
    positions: Positions = None
    source: Observations = field(kw_only=True)

    def __post_init__(self) -> None:
        _check(self, source=_as_source(self.source))

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return _put(self, mean_activation(network, self.layer, self.source))


@dataclass(frozen=True)
class Resample:
    """Set to what the unedited network makes of one observation of `source`, drawn by `seed`.

    A level is drawn evenly, then a square of it; the same (source, seed) names the same observation
    everywhere. A source of one level and one square leaves nothing to chance.
    """

    layer: str
    channels: Channels = None
    positions: Positions = None
    source: Observations = field(kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        _check(self, source=_as_source(self.source), seed=_as_seed(self.seed))

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return _put(self, activation_of(network, self.layer, self.source.draw(self.seed))[0])


@dataclass(frozen=True)
class SetPixel:
    """Set one position of each channel to `value`, as published; the rest of them stays or is set to `fill`.

    Attributes:
        pixel: (row, column); `maze_interp.activation_pixel` finds that of a square.
    """

    layer: str
    channels: Channels
    pixel: Position
    value: float
    fill: float | None = None

    def __post_init__(self) -> None:
        fill = None if self.fill is None else as_number(self.fill, "fill")
        _check(self, pixel=as_position(self.pixel), value=as_number(self.value, "value"), fill=fill)

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""

        def change(activation: Tensor) -> Tensor:
            require_position(activation, self.layer, self.pixel)
            return edited(activation, self.layer, as_channels(self.channels), None, self._set)

        return change

    def _set(self, part: Tensor, index: Index) -> Tensor:
        changed = part.clone() if self.fill is None else torch.full_like(part, self.fill)
        changed[..., self.pixel[0], self.pixel[1]] = self.value
        return changed


@dataclass(frozen=True, eq=False, repr=False)
class Add:
    """Add `coefficient` times a vector.

    Attributes:
        vector: array, tensor or nested list of the shape of the layer's output without the batch
            axis, or one number per channel, added at every position; kept as a read-only float32 array.
        channels: add only these channels of it.
        positions: add only these positions of it.
    """

    layer: str
    vector: Any
    coefficient: float = 1.0
    channels: Channels = None
    positions: Positions = None

    def __post_init__(self) -> None:
        _check(self, vector=_as_vector(self.vector), coefficient=as_number(self.coefficient, "coefficient"))

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""

        def change(activation: Tensor) -> Tensor:
            added = self.coefficient * self._spread(activation)
            return _edited(self, activation, lambda part, index: part + added[index])

        return change

    def _spread(self, activation: Tensor) -> Tensor:
        """The vector as `[1, ...]` over the layer's output."""
        shape = activation.shape[1:]
        if self.vector.shape not in (shape, shape[:1]):
            raise MazeInterpError(f"the vector has shape {self.vector.shape}, but {self.layer} puts out {tuple(shape)}")
        vector = torch.tensor(self.vector).to(activation)
        return vector.reshape(1, *vector.shape, *(1,) * (len(shape) - vector.ndim)).expand(1, *shape)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that name the vector's shape and content."""
        return hashlib.sha256(str(self.vector.shape).encode() + self.vector.tobytes()).hexdigest()[:12]

    def __repr__(self) -> str:
        rest = f"coefficient={self.coefficient}, channels={self.channels}, positions={self.positions}"
        return f"Add(layer={self.layer!r}, vector={self.fingerprint}, {rest})"

    @cached_property
    def _key(self) -> tuple[object, ...]:
        return self.layer, self.fingerprint, self.coefficient, self.channels, self.positions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Add) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _check(edit: Any, **values: Any) -> None:
    """Put the plain, checked form of each value in place of what the user gave."""
    values["layer"] = as_layer(edit.layer)
    values["channels"] = as_channels(edit.channels)
    if hasattr(edit, "positions"):
        values["positions"] = as_positions(edit.positions)
    for name, value in values.items():
        object.__setattr__(edit, name, value)


def _edited(
    edit: Zero | Scale | Mean | Resample | Add, activation: Tensor, change: Callable[[Tensor, Index], Tensor | float]
) -> Tensor:
    return edited(activation, edit.layer, as_channels(edit.channels), as_positions(edit.positions), change)


def _put(edit: Mean | Resample, values: Tensor) -> Change:
    """Put `values`, an output of the layer without the batch axis, in the place of what is there."""
    return lambda activation: _edited(edit, activation, lambda part, index: values.to(part)[None][index])


def _as_source(source: object) -> Observations:
    if not isinstance(source, Observations):
        raise MazeInterpError(f"source is a set of observations, edits.Observations(levels=...), not {source!r}")
    return source


def _as_seed(seed: object) -> int:
    try:
        number = as_whole(seed)
    except TypeError as error:
        raise MazeInterpError(f"seed is a whole number from 0, not {seed!r}") from error
    if number < 0:
        raise MazeInterpError(f"seed is a whole number from 0, not {number}")
    return number


def _as_vector(vector: Any) -> NDArray[np.float32]:
    """A read-only copy of an array, tensor or nested list of numbers."""
    try:
        array = np.array(vector.detach().cpu() if isinstance(vector, Tensor) else vector, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise MazeInterpError(f"vector is an array or evenly nested list of numbers: {error}") from error
    if array.ndim == 0 or not np.isfinite(array).all():
        raise MazeInterpError(
            f"vector has one or more axes and finite numbers; this one, of shape {array.shape}, has not"
        )
    array.flags.writeable = False
    return array
