"""The first layers of a network over observations that have most of their pixels in common.

All observations of a maze share a picture, of which the mouse covers a few pixels. Up to the second pooling a position
sees but a small part of the picture, so what the network puts out for the shared picture holds everywhere but near the
mouse. There, and only there, each layer is run again: the arithmetic of the forward pass, without its repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from maze_interp.policies.split import Patches

if TYPE_CHECKING:
    from maze_interp.policies.architectures.impala.network import Impala, Residual

SHARED = "embedder.block2.maxpool"
"""The last layer that is run near the mouse only; from here on most positions see it."""


class PicturesOfImpala:
    """What a network puts out for some pictures, and from it for observations that differ from them in a patch.

    Args:
        network: the network; its weights must not change while this is in use.
        pictures: `[m, 3, 64, 64]`.
    """

    layer = SHARED

    def __init__(self, network: Impala, pictures: Tensor) -> None:
        block1, block2 = network.embedder.block1, network.embedder.block2
        self._one_at_a_time = Lock()  # windows are laid down in the maps
        self._conv1 = _Convolved(block1.conv, pictures)
        self._pool1 = _Pooled(block1.maxpool, self._conv1.output)
        self._res1 = _Residual(block1.res1, self._pool1.output)
        self._res2 = _Residual(block1.res2, self._res1.output)
        self._conv2 = _Convolved(block2.conv, self._res2.output)
        self._pool2 = _Pooled(block2.maxpool, self._conv2.output)

    def differing(self, patches: Patches) -> Tensor:
        """See `SharedPictures`."""
        place = _Place(patches.picture, patches.top, patches.left, patches.pixels.shape[-1])
        window = _Window(patches.pixels.to(self._pool2.output.dtype), place)
        with self._one_at_a_time:
            for part in (self._conv1, self._pool1, self._res1, self._res2, self._conv2, self._pool2):
                window = part.near(window)
        return _whole(self._pool2.output, window)


@dataclass(frozen=True)
class _Place:
    """A square of side `size` in the layer's map of each of n observations, inside the map.

    Attributes:
        picture: int `[n]`, the picture that the observation differs from.
        top: int `[n]`, its first row.
        left: int `[n]`, its first column.
        size: its side.
    """

    picture: Tensor
    top: Tensor
    left: Tensor
    size: int

    def grown(self, by: int, side: int) -> _Place:
        """By so many positions on every side, as far as a map of `side` positions goes."""
        size = min(self.size + 2 * by, side)
        top, left = ((first - by).clamp(0, side - size) for first in (self.top, self.left))
        return _Place(self.picture, top, left, size)

    def pooled(self, side: int) -> _Place:
        """What 3×3 pooling with stride 2 makes of it, in a map of `side` positions."""
        size = min((self.size + 1) // 2 + 1, side)
        top, left = ((first // 2).clamp(max=side - size) for first in (self.top, self.left))
        return _Place(self.picture, top, left, size)


@dataclass(frozen=True)
class _Window:
    """Values `[n, channels, size, size]` at a place."""

    values: Tensor
    place: _Place


class _Framed:
    """A map of each picture in a frame of one position, as rows of channels, with room for windows behind them."""

    def __init__(self, output: Tensor, outside: float = 0.0) -> None:
        framed = functional.pad(output.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1), value=outside)
        self._side, self._shared = framed.shape[1], framed.shape[:3].numel()
        self._rows = framed.flatten(0, 2)

    def put(self, window: _Window, relu: bool = False) -> None:
        """Lay down the values of a window, for `around`."""
        values = window.values.permute(0, 2, 3, 1)
        end = self._shared + values.shape[:3].numel()
        if end > len(self._rows):
            self._rows = torch.cat(
                [self._rows[: self._shared], self._rows.new_empty(end - self._shared, values.shape[3])]
            )
        laid = self._rows[self._shared : end].view(values.shape).copy_(values)
        if relu:
            laid.relu_()

    def around(self, place: _Place, top: Tensor, left: Tensor, size: int) -> Tensor:
        """Squares `[n, channels, size, size]` of the framed map, the window laid down at `place` in it."""
        reach = torch.arange(size)
        rows, columns = top[:, None] + reach, left[:, None] + reach
        shared = ((place.picture[:, None] * self._side + rows) * self._side)[:, :, None] + columns[:, None, :]
        rows, columns = rows - 1 - place.top[:, None], columns - 1 - place.left[:, None]
        first = self._shared + torch.arange(len(top)) * place.size**2
        own = (first[:, None] + rows * place.size)[:, :, None] + columns[:, None, :]
        rows_in, columns_in = ((some >= 0) & (some < place.size) for some in (rows, columns))
        index = torch.where(rows_in[:, :, None] & columns_in[:, None, :], own, shared)
        values = self._rows.index_select(0, index.flatten())
        return values.view(len(top), size, size, -1).permute(0, 3, 1, 2)


class _Convolved:
    """A 3×3 convolution, run again where it sees a window."""

    def __init__(self, conv: nn.Conv2d, before: Tensor, relu: bool = False) -> None:
        self._conv, self._relu = conv, relu
        before = before.relu() if relu else before
        self._before = _Framed(before)
        self.output = conv(before)

    def near(self, window: _Window) -> _Window:
        self._before.put(window, self._relu)
        place = window.place.grown(1, self.output.shape[-1])
        around = self._before.around(window.place, place.top, place.left, place.size + 2)
        return _Window(functional.conv2d(around, self._conv.weight, self._conv.bias), place)


class _Residual:
    """A residual block, likewise."""

    def __init__(self, residual: Residual, before: Tensor) -> None:
        self._before = _Framed(before)
        self._first = _Convolved(residual.conv1, before, relu=True)
        self._second = _Convolved(residual.conv2, self._first.output, relu=True)
        self.output = before + self._second.output

    def near(self, window: _Window) -> _Window:
        branch = self._second.near(self._first.near(window))
        self._before.put(window)
        place = branch.place
        return _Window(
            branch.values.add_(self._before.around(window.place, place.top + 1, place.left + 1, place.size)), place
        )


class _Pooled:
    """3×3 max-pooling with stride 2, likewise."""

    def __init__(self, pool: Callable[[Tensor], Tensor], before: Tensor) -> None:
        self._before = _Framed(before, outside=-torch.inf)
        self.output = pool(before)

    def near(self, window: _Window) -> _Window:
        self._before.put(window)
        place = window.place.pooled(self.output.shape[-1])
        around = self._before.around(window.place, 2 * place.top, 2 * place.left, 2 * place.size + 1)
        return _Window(functional.max_pool2d(around, 3, stride=2), place)


def _whole(output: Tensor, window: _Window) -> Tensor:
    """The map of each observation's picture with its window put in, `[n, channels, h, w]`."""
    place = window.place
    reach = torch.arange(place.size)
    wholes = output.permute(0, 2, 3, 1)[place.picture]
    rows, columns = place.top[:, None] + reach, place.left[:, None] + reach
    every = torch.arange(len(wholes))[:, None, None]
    wholes[every, rows[:, :, None], columns[:, None, :]] = window.values.permute(0, 2, 3, 1)
    return wholes.permute(0, 3, 1, 2)
