"""The first layers of a network over observations that have most of their pixels in common.

All observations of a maze share a picture, of which the mouse covers a few pixels. Up to block 2 a position sees but a
part of the picture, so what the network puts out for the shared picture holds everywhere but near the mouse. There, and
only there, each layer is run again: the arithmetic of the forward pass, without its repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from maze_interp.policies.split import Patches

if TYPE_CHECKING:
    from maze_interp.policies.architectures.impala.network import Impala, Residual

SHARED = "embedder.block2.maxpool"
"""The last layer that is run near the mouse only; from here on most positions see it."""

_MARGIN = 12  # positions that no window reaches beyond the edge of a map
_LEAST = -1e30  # less than any activation; unlike an infinity it times 0 is 0


class PicturesOfImpala:
    """What a network puts out for some pictures, and from it for observations that differ from them in a patch.

    Args:
        network: the network; its weights must not change while this is in use.
        pictures: `[m, 3, 64, 64]`.
    """

    layer = SHARED

    def __init__(self, network: Impala, pictures: Tensor) -> None:
        block1, block2 = network.embedder.block1, network.embedder.block2
        self._pictures = _Framed(pictures)
        self._conv1 = block1.conv
        self._pool1 = _Pooled(block1.maxpool, block1.conv(pictures))
        self._res1 = _Residual(block1.res1, self._pool1.output)
        self._res2 = _Residual(block1.res2, self._res1.output)
        self._before2, self._conv2 = _Framed(self._res2.output), block2.conv
        self._pool2 = _Pooled(block2.maxpool, block2.conv(self._res2.output))

    def differing(self, patches: Patches) -> Tensor:
        """See `SharedPictures`."""
        place, around = self._around(patches)
        window = _Window(_convolved(self._conv1, around), place)
        window = self._res2.near(self._res1.near(self._pool1.near(window)))
        around = self._before2.around(window, 2)
        window = self._pool2.near(_Window(_convolved(self._conv2, around), window.place.grown(1)))
        return _whole(self._pool2.output, window)

    def _around(self, patches: Patches) -> tuple[_Place, Tensor]:
        """Where the first convolution sees the patches, and what it takes in for there.

        The places begin where both poolings can pool them: at twice an odd number of rows and columns.
        """
        size = patches.pixels.shape[-1]
        top, left = (4 * ((first - 3) // 4) + 2 for first in (patches.top, patches.left))
        place = _Place(patches.picture, top, left, size + 5)
        pixels = self._pictures.cut(place.grown(1))
        reach, every = _count(size), _count(len(top))[:, None, None]
        rows, columns = patches.top - top + 1, patches.left - left + 1
        pixels[every, (rows[:, None] + reach)[:, :, None], (columns[:, None] + reach)[:, None, :]] = (
            patches.pixels.permute(0, 2, 3, 1).to(pixels.dtype)
        )
        return place, pixels


@dataclass(frozen=True)
class _Place:
    """A square of side `size` in the layer's map of each of n observations; it may reach beyond the map.

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

    def grown(self, by: int) -> _Place:
        """By so many positions on every side."""
        return _Place(self.picture, self.top - by, self.left - by, self.size + 2 * by)

    def inside(self, side: int) -> Tensor:
        """bool `[n, size, size, 1]`: what lies in a map of `side` positions."""
        reach = _count(self.size)
        rows, columns = ((first[:, None] + reach) for first in (self.top, self.left))
        rows, columns = ((some >= 0) & (some < side) for some in (rows, columns))
        return (rows[:, :, None] & columns[:, None, :])[..., None]


@dataclass(frozen=True)
class _Window:
    """Values `[n, size, size, channels]` at a place."""

    values: Tensor
    place: _Place


class _Framed:
    """A map of each picture within a margin, as rows of channels.

    Args:
        output: `[m, channels, side, side]`.
        outside: the value of the margin.
    """

    def __init__(self, output: Tensor, outside: float = 0.0) -> None:
        framed = functional.pad(output.permute(0, 2, 3, 1), (0, 0, *[_MARGIN] * 4), value=outside)
        self.side, self._width, self._outside = output.shape[-1], framed.shape[1], outside
        self._rows = framed.flatten(0, 2)

    def cut(self, place: _Place) -> Tensor:
        """What the pictures have at places, `[n, size, size, channels]`."""
        first = (place.picture * self._width + place.top + _MARGIN) * self._width + place.left + _MARGIN
        reach = _count(place.size)
        index = first[:, None] + (reach[:, None] * self._width + reach).flatten()
        return self._rows.index_select(0, index.flatten()).view(len(first), place.size, place.size, -1)

    def around(self, window: _Window, by: int, to: int | None = None) -> Tensor:
        """A window and what the pictures have around it, `by` positions more before it and `to` or as many after it."""
        size = window.place.size
        place = window.place.grown(by)
        if to is not None:
            place = _Place(place.picture, place.top, place.left, by + size + to)
        values = self.cut(place)
        inside, here = window.place.inside(self.side), values[:, by : by + size, by : by + size]
        if self._outside:
            torch.minimum(window.values, torch.where(inside, torch.inf, self._outside).to(values.dtype), out=here)
        else:
            torch.mul(window.values, inside.to(values.dtype), out=here)
        return values


def _count(number: int) -> Tensor:
    """0 … number − 1, on the CPU whatever the default device is."""
    return torch.arange(number, device="cpu")


def _convolved(conv: nn.Conv2d, around: Tensor) -> Tensor:
    """A 3×3 convolution where it sees all that it needs: `[n, s + 2, s + 2, channels]` to `[n, s, s, channels]`."""
    return functional.conv2d(around.permute(0, 3, 1, 2), conv.weight, conv.bias).permute(0, 2, 3, 1)


class _Residual:
    """A residual block, run again where it sees a window."""

    def __init__(self, residual: Residual, before: Tensor) -> None:
        self._conv1, self._conv2 = residual.conv1, residual.conv2
        self._before = _Framed(before)
        between = residual.conv1(before.relu()).relu()
        self._between = _Framed(between)
        self.output = before + residual.conv2(between)

    def near(self, window: _Window) -> _Window:
        before = self._before.around(window, 2)
        between = _Window(_convolved(self._conv1, before.relu()).relu_(), window.place.grown(1))
        values = _convolved(self._conv2, self._between.around(between, 2))
        return _Window(values.add_(before), between.place.grown(1))


class _Pooled:
    """3×3 max-pooling with stride 2, run again where it sees a window that begins at an even row and column."""

    def __init__(self, pool: Callable[[Tensor], Tensor], before: Tensor) -> None:
        self._before = _Framed(before, outside=_LEAST)
        self.output = pool(before)

    def near(self, window: _Window) -> _Window:
        place = window.place
        pooled = _Place(place.picture, place.top // 2, place.left // 2, place.size // 2 + 1)
        around = self._before.around(window, 1, 2 - place.size % 2)
        return _Window(functional.max_pool2d(around.permute(0, 3, 1, 2), 3, stride=2).permute(0, 2, 3, 1), pooled)


def _whole(output: Tensor, window: _Window) -> Tensor:
    """The map of each observation's picture with its window put in, `[n, channels, h, w]`."""
    place, side = window.place, output.shape[-1]
    rows = torch.cat([output.permute(0, 2, 3, 1).flatten(0, 2), window.values.flatten(0, 2)])
    margin, reach = place.size, _count(place.size)
    width, every = side + 2 * margin, _count(len(place.picture))
    index = every.new_empty(len(every), width, width)
    index[:, margin:-margin, margin:-margin] = (place.picture[:, None] * side**2 + _count(side**2)).view(-1, side, side)
    own = _count(window.values.shape[:3].numel()).view(window.values.shape[:3]) + output[:, 0].numel()
    down, right = ((first + margin)[:, None] + reach for first in (place.top, place.left))
    index[every[:, None, None], down[:, :, None], right[:, None, :]] = own
    index = index[:, margin:-margin, margin:-margin].flatten()
    return rows.index_select(0, index).view(len(every), side, side, -1).permute(0, 3, 1, 2)
