"""The first layers of a network over observations that have most of their pixels in common.

All observations of a maze share a picture, of which the mouse covers a few pixels. Up to the second pooling a position
sees but a small part of the picture, so what the network puts out for the shared picture holds everywhere but near the
mouse. There, and only there, each layer is run again: the arithmetic of the forward pass, without its repetitions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from maze_interp.policies.architectures.impala.network import Impala, Residual

SHARED = "embedder.block2.maxpool"
"""The last layer that is run near the mouse only; from here on most positions see it."""

_ALIGNED = 4  # windows begin at multiples of this, so that both poolings meet all of them alike
_MARGIN = 16  # positions kept around a layer's output, so that windows may reach over its edge
_LARGEST = 12  # pixels of a window that the margin allows for; where more differs, the window is the whole picture


class PictureOfImpala:
    """What a network puts out for one picture, and from it for others that differ from it in places.

    Args:
        network: the network; its weights must not change while this is in use.
        picture: `[1, 3, 64, 64]`, what the observations have in common.
    """

    layer = SHARED

    def __init__(self, network: Impala, picture: Tensor) -> None:
        block1, block2 = network.embedder.block1, network.embedder.block2
        self._picture = _Layer(picture)
        self._conv1 = _Convolved(block1.conv, self._picture, outside=-torch.inf)
        self._pool1 = _Layer(block1.maxpool(self._conv1.layer.output))
        self._res1 = _Residual(block1.res1, self._pool1)
        self._res2 = _Residual(block1.res2, self._res1.layer)
        self._conv2 = _Convolved(block2.conv, self._res2.layer, outside=-torch.inf)
        self._pool2 = _Layer(block2.maxpool(self._conv2.layer.output))

    def differing(self, x: Tensor) -> Tensor:
        """The output of `SHARED` for other pictures: `[n, 3, 64, 64]` to `[n, channels, 16, 16]`.

        Equal to running the network on them, up to rounding, whatever they are; the less they differ from the
        shared picture, the less it costs.
        """
        here = self._conv1.near(self._windows(x))
        here = _pooled(here, self._conv1.layer, self._pool1, odd=1)
        here = self._conv2.near(self._res2.near(self._res1.near(here)))
        here = _pooled(here, self._conv2.layer, self._pool2, odd=0)
        return self._pool2.with_window(here)

    def _windows(self, x: Tensor) -> _Window:
        """The smallest windows of one size and alignment that hold all that differs."""
        differs = (x != self._picture.output).permute(0, 2, 3, 1).contiguous()
        eights = differs.flatten(2).view(torch.int64)  # of eight truth values each, so that few are summed
        rows, columns = eights.sum(2) != 0, eights.sum(1).view(torch.uint8).view(len(x), -1, x.shape[1]).amax(2) != 0
        (top, bottom), (left, right) = _extent(rows), _extent(columns)
        size = 1 + int(torch.maximum(bottom - top, right - left).max())
        if size > _LARGEST:
            return _Layer(x).cut(torch.zeros_like(top), torch.zeros_like(left), x.shape[-1])
        return _Layer(x).cut(top, left, size + size % 2)


def _extent(differs: Tensor) -> tuple[Tensor, Tensor]:
    """Where the windows begin and the last place that differs, int `[n]` each, along one axis of bool `[n, places]`."""
    numbers = differs.int()
    first = numbers.argmax(dim=1) // _ALIGNED * _ALIGNED
    last = numbers.shape[1] - 1 - numbers.flip(1).argmax(dim=1)
    return first, torch.where(differs.any(dim=1), last, first)


@dataclass(frozen=True)
class _Window:
    """A square piece of a layer's output for each observation.

    Attributes:
        values: `[n, channels, s, s]`.
        top: int `[n]`, the row of its first position, which may lie outside the layer.
        left: int `[n]`, likewise the column.
    """

    values: Tensor
    top: Tensor
    left: Tensor

    @property
    def size(self) -> int:
        return self.values.shape[-1]


class _Layer:
    """A layer's output for the shared picture `[1, channels, h, w]` (or for n pictures), and what counts outside it."""

    def __init__(self, output: Tensor, outside: float = 0.0) -> None:
        self.output = output
        self.outside = outside
        rows = output.permute(0, 2, 3, 1)
        self._padded = functional.pad(rows, (0, 0, *4 * (_MARGIN,)), value=outside)
        self._inside = functional.pad(torch.ones_like(rows[:1, ..., :1], dtype=torch.bool), (0, 0, *4 * (_MARGIN,)))

    def cut(self, top: Tensor, left: Tensor, size: int) -> _Window:
        """Pieces of the output, of each of its pictures in turn or all of the one."""
        picture = torch.arange(len(top)) if len(self.output) > 1 else torch.zeros_like(top)
        pieces = _pieces(self._padded, size)[picture, top + _MARGIN, left + _MARGIN]
        return _Window(pieces.permute(0, 3, 1, 2), top, left)

    def around(self, here: _Window, before: int, after: int) -> Tensor:
        """The output with a window's values put into it, so many positions before and after the window included."""
        whole = self.cut(here.top - before, here.left - before, before + here.size + after).values
        whole[..., before : before + here.size, before : before + here.size] = here.values
        return whole

    def window(self, values: Tensor, top: Tensor, left: Tensor) -> _Window:
        """Values computed for this layer as a window of it: positions outside the layer count for nothing."""
        inside = _pieces(self._inside, values.shape[-1])[0, top + _MARGIN, left + _MARGIN]
        return _Window(values.masked_fill_(~inside.permute(0, 3, 1, 2), self.outside), top, left)

    def with_window(self, here: _Window) -> Tensor:
        """The whole output with each window's values put into it, `[n, channels, h, w]`."""
        side = self.output.shape[-1]
        edged = functional.pad(self.output, (1, 1, 1, 1)).permute(0, 2, 3, 1)
        wholes = edged.repeat(len(here.values), 1, 1, 1)  # what lies outside is written into its edge
        reach = torch.arange(1, here.size + 1)
        rows, columns = ((first[:, None] + reach).clamp(0, side + 1) for first in (here.top, here.left))
        every = torch.arange(len(wholes))[:, None, None]
        wholes[every, rows[:, :, None], columns[:, None, :]] = here.values.permute(0, 2, 3, 1)
        return wholes[:, 1:-1, 1:-1].contiguous().permute(0, 3, 1, 2)


def _pieces(padded: Tensor, size: int) -> Tensor:
    """Every square piece of `[n, h, w, channels]`, without a copy: `[n, rows, columns, size, size, channels]`."""
    return padded.unfold(1, size, 1).unfold(2, size, 1).permute(0, 1, 2, 4, 5, 3)


class _Convolved:
    """A 3×3 convolution of a layer, run again where it sees a window: one position more on every side."""

    def __init__(self, conv: nn.Conv2d, before: _Layer, outside: float = 0.0, relu: bool = False) -> None:
        self._conv, self._before, self._relu = conv, before, relu
        output = conv(before.output.relu() if relu else before.output)
        self.layer = _Layer(output, outside)

    def near(self, here: _Window) -> _Window:
        around = self._before.around(here, 2, 2)
        values = functional.conv2d(around.relu_() if self._relu else around, self._conv.weight, self._conv.bias)
        return self.layer.window(values, here.top - 1, here.left - 1)


class _Residual:
    """A residual block, likewise; it sees two positions more on every side."""

    def __init__(self, residual: Residual, before: _Layer) -> None:
        self._before = before
        self._first = _Convolved(residual.conv1, before, relu=True)
        self._second = _Convolved(residual.conv2, self._first.layer, relu=True)
        self.layer = _Layer(before.output + self._second.layer.output)

    def near(self, here: _Window) -> _Window:
        branch = self._second.near(self._first.near(here))
        return replace(branch, values=branch.values + self._before.around(here, 2, 2))


def _pooled(here: _Window, before: _Layer, after: _Layer, odd: int) -> _Window:
    """3×3 max-pooling with stride 2 where it sees the windows, which begin at odd (1) or all at even (0) positions."""
    size = (here.size + odd) // 2 + 1
    ahead = 1 + odd
    around = before.around(here, ahead, 2 * size + 1 - ahead - here.size)
    values = functional.max_pool2d(around, 3, stride=2)
    return after.window(values, (here.top - odd) // 2, (here.left - odd) // 2)
