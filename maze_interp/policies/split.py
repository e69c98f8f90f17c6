"""A network cut at one layer: the part before it runs once, the part after it once per change.

What crosses the cut is the layer's output and whatever earlier output a later layer still reads
(the input of a residual block whose branch is cut). Running both parts in turn gives what the
whole network gives. Of observations that share a picture, the first layers can run where they differ only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError
from maze_interp.policies.hooks import hooked, resolve_layer

INPUT = ""
"""The observations, in place of a layer's path."""


@dataclass(frozen=True)
class Crossing:
    """What the second part of a cut network needs of a batch.

    Attributes:
        activation: the layer's output, `[n, ...]`.
        kept: earlier outputs that later layers read, by module path, each `[n, ...]`.
    """

    activation: Tensor
    kept: Mapping[str, Tensor]

    def rows(self, index: Tensor) -> Crossing:
        """The observations that `index` (int `[m]`) picks, copied."""
        index = index.to(self.activation.device)
        return Crossing(self.activation[index], {path: tensor[index] for path, tensor in self.kept.items()})

    def with_activation(self, activation: Tensor) -> Crossing:
        """The same batch with another output of the layer."""
        return Crossing(activation, self.kept)

    def __len__(self) -> int:
        return len(self.activation)


def concatenate(crossings: Sequence[Crossing]) -> Crossing:
    """Several batches as one."""
    if len(crossings) == 1:
        return crossings[0]
    kept = {path: torch.cat([one.kept[path] for one in crossings]) for path in crossings[0].kept}
    return Crossing(torch.cat([one.activation for one in crossings]), kept)


@dataclass(frozen=True)
class Patches:
    """Observations, each of which differs from one of some pictures inside a square patch only.

    Attributes:
        picture: int `[n]`, which picture.
        top: int `[n]`, the first row of the patch.
        left: int `[n]`, its first column.
        pixels: `[n, 3, s, s]`, what the observation has in the patch.
    """

    picture: Tensor
    top: Tensor
    left: Tensor
    pixels: Tensor

    def __len__(self) -> int:
        return len(self.picture)


class SharedPictures(Protocol):
    """What a network makes of the pictures that observations differ little from, up to one layer."""

    @property
    def layer(self) -> str:
        """Module path of that layer."""
        ...

    def differing(self, patches: Patches) -> Tensor:
        """The layer's output for observations, equal to the network's up to rounding."""
        ...


class Split(Protocol):
    """The two parts of a network."""

    def prefix(self, x: Tensor, after: str = INPUT) -> Crossing:
        """Run up to the layer, on observations `[n, 3, 64, 64]` or on what an earlier layer, `after`, puts out."""
        ...

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        """Run the rest: logits `[n, 15]` and value `[n]`."""
        ...

    def runs(self, layer: str) -> str:
        """The module that puts out what `layer` (a module path) does and runs in one of the parts."""
        ...


def split(network: nn.Module, layer: str) -> Split:
    """`network` cut after `layer`, as its architecture knows how.

    Of a network whose class is no `PolicyNetwork`, a wrapper that passes on the attributes of one included, nothing is
    known but its modules' names: all of it counts as the second part and runs once per change.

    Raises:
        MazeInterpError: an unknown layer.
    """
    path = resolve_layer(network, layer)
    cut: Callable[[nn.Module, str], Split] | None = getattr(type(network), "cut", None)
    return cut(network, path) if cut else WholeNetwork(network, path)


def share(network: nn.Module, pictures: Tensor, layers: Sequence[str]) -> SharedPictures | None:
    """What observations share, for `Split.prefix`; None where that would change the outcome or saves nothing.

    Args:
        network: the network.
        pictures: `[m, 3, 64, 64]`, each of which many observations differ little from.
        layers: module paths of the layers that are cut after or changed.
    """
    sharing: Callable[..., SharedPictures | None] | None = getattr(type(network), "share", None)
    return sharing(network, pictures, layers) if sharing else None


class WholeNetwork:
    """The whole network as the second part of a cut; the layer's output is put in by a hook.

    Copies go in and out: a later layer may work in place.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        self._network, self._layer = network, layer

    def prefix(self, x: Tensor, after: str = INPUT) -> Crossing:
        """See `Split`."""
        seen: list[Tensor] = []
        with hooked(self._network, {self._layer: lambda activation, _: seen.append(activation.clone())}):
            self._network(x)
        if not all(torch.equal(seen[0], other) for other in seen[1:]):
            raise MazeInterpError(f"{self._layer} runs {len(seen)} times in one pass: no cut after it is well defined")
        return Crossing(seen[0], {INPUT: x})

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        """See `Split`."""
        with hooked(self._network, {self._layer: lambda _, __: crossing.activation.clone()}):
            return cast(tuple[Tensor, Tensor], self._network(crossing.kept[INPUT]))

    def runs(self, layer: str) -> str:
        """See `Split`."""
        return layer
