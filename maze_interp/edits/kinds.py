"""The edits. All are frozen, comparable and hashable, hold plain data, and act alike on every observation.

Channels are numbers from 0, one or several, or a mask, None for all; in a layer without a map (`embedder.fc`)
they are its features. Positions are (row, column) in the layer's map, None for all of it. What does
not fit the layer is an error once the edit meets it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.arguments import LARGEST, check_fields, whole
from maze_interp.display import Tabled, fingerprint
from maze_interp.edits.base import Change
from maze_interp.edits.observations import Observations, activation_of, mean_activation
from maze_interp.edits.where import (
    Channels,
    Index,
    Position,
    Positions,
    as_channels,
    as_positions,
    edited,
    require_position,
)
from maze_interp.errors import MazeInterpError


def as_vector(value: Any, name: str) -> NDArray[np.float32]:
    """A copy of an array, tensor or evenly nested list of numbers that nobody can change."""
    try:
        given = np.asarray(value.detach().cpu().double() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError) as error:
        raise MazeInterpError(f"{name} is an array or evenly nested list of numbers: {error}") from error
    if given.ndim == 0 or given.dtype.kind not in "fiu" or not (np.abs(given) <= LARGEST).all():
        raise MazeInterpError(
            f"{name} has one or more axes and finite numbers; this one, {given.dtype} of shape {given.shape}, has not"
        )
    return np.frombuffer(given.astype(np.float32).tobytes(), np.float32).reshape(given.shape)


class _Checked(Tabled):
    """What all edits share: fields that are checked and kept in their plain form."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, repr=False)
class Zero(_Checked):
    """Set to 0."""

    layer: str
    channels: Channels = None
    positions: Positions = None

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return lambda activation: _edited(self, activation, lambda part, index: 0.0)


@dataclass(frozen=True, repr=False)
class Scale(_Checked):
    """Multiply by `factor`."""

    layer: str
    channels: Channels = None
    positions: Positions = None
    factor: float = field(kw_only=True)

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return lambda activation: _edited(self, activation, lambda part, index: part * self.factor)


@dataclass(frozen=True, repr=False)
class Mean(_Checked):
    """Set to the unedited network's mean over `source`, position by position.

    The mean is computed when the edit is bound to a network, and kept as long as its weights stay.
    """

    layer: str
    channels: Channels = None
    positions: Positions = None
    source: Observations = field(kw_only=True)

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return _put(self, mean_activation(network, self.layer, self.source))


@dataclass(frozen=True, repr=False)
class Resample(_Checked):
    """Set to what the unedited network makes of one observation of `source`, drawn by `seed`.

    A level is drawn evenly, then a square of it; the same (source, seed) names the same observation
    everywhere. A source of one level and one square leaves nothing to chance.
    """

    layer: str
    channels: Channels = None
    positions: Positions = None
    source: Observations = field(kw_only=True)
    seed: Annotated[int, whole(0)] = field(default=0, kw_only=True)

    def bind(self, network: nn.Module) -> Change:
        """See `Edit`."""
        return _put(self, activation_of(network, self.layer, self.source.draw(self.seed))[0])


@dataclass(frozen=True, repr=False)
class SetPixel(_Checked):
    """Set one position of each channel to `value`, as published; the rest of them stays or is set to `fill`.

    Attributes:
        pixel: (row, column); `maze_interp.activation_pixel` finds that of a square.
    """

    layer: str
    channels: Channels
    pixel: Position
    value: float
    fill: float | None = None

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
class Add(_Checked):
    """Add `coefficient` times a vector.

    Attributes:
        vector: array, tensor or nested list of the shape of the layer's output without the batch
            axis, or one number per channel, added at every position; kept as a read-only float32 array.
        channels: add only these channels of it.
        positions: add only these positions of it.
    """

    layer: str
    vector: Annotated[Any, as_vector]
    coefficient: float = 1.0
    channels: Channels = None
    positions: Positions = None

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
        vector = torch.tensor(self.vector, device="cpu").to(activation)
        return vector.reshape(1, *vector.shape, *(1,) * (len(shape) - vector.ndim)).expand(1, *shape)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that name the vector's shape and content."""
        return fingerprint(self.vector)

    @cached_property
    def _key(self) -> tuple[object, ...]:
        return self.layer, self.fingerprint, self.coefficient, self.channels, self.positions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Add) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[type[Add], tuple[Any, ...]]:
        return type(self), (self.layer, self.vector, self.coefficient, self.channels, self.positions)


def _edited(
    edit: Zero | Scale | Mean | Resample | Add, activation: Tensor, change: Callable[[Tensor, Index], Tensor | float]
) -> Tensor:
    return edited(activation, edit.layer, as_channels(edit.channels), as_positions(edit.positions), change)


def _put(edit: Mean | Resample, values: Tensor) -> Change:
    """Put `values`, an output of the layer without the batch axis, in the place of what is there."""
    return lambda activation: _edited(edit, activation, lambda part, index: values.to(part)[None][index])
