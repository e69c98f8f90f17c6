"""A network cut at one layer: the part before it runs once, the part after it once per change.

What crosses the cut is the layer's output and whatever earlier output a later layer still reads
(the input of a residual block whose branch is cut). Running both parts in turn gives what the
whole network gives. Of observations that share a picture, the first part can run where they differ only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from maze_interp.policies.hooks import hooked, resolve_layer
from maze_interp.policies.impala import Impala
from maze_interp.policies.shared_picture import SHARED, SharedPicture

_INPUT = ""  # the observations, in place of a layer's path


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


class Split(Protocol):
    """The two parts of a network."""

    def prefix(self, x: Tensor, shared: SharedPicture | None = None) -> Crossing:
        """Run up to the layer, on observations `[n, 3, 64, 64]`; from what they share, if that is given."""
        ...

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        """Run the rest: logits `[n, 15]` and value `[n]`."""
        ...

    def runs(self, layer: str) -> str:
        """The module that puts out what `layer` (a module path) does and runs in one of the parts."""
        ...


def split(network: nn.Module, layer: str) -> Split:
    """`network` cut after `layer`.

    An `Impala` is cut in two. Of a network of another kind nothing is known but its modules' names,
    so all of it counts as the second part and runs once per change.

    Raises:
        MazeInterpError: an unknown layer.
    """
    path = resolve_layer(network, layer)
    # A subclass may run its modules in another order.
    return _SplitImpala(network, path) if type(network) is Impala else _SplitAtInput(network, path)


@dataclass(frozen=True)
class _Step:
    """One leaf module and the modules whose outputs it reads."""

    path: str
    reads: tuple[str, ...]


class _SplitImpala:
    def __init__(self, network: Impala, layer: str) -> None:
        self._network = network
        steps = _steps()
        self._cut = self.runs(layer)
        number = [step.path for step in steps].index(self._cut)
        self._before, self._after = steps[: number + 1], steps[number + 1 :]
        read_later = {path for step in self._after for path in step.reads} | {"fc_policy", "fc_value"}
        self._kept = [step.path for step in self._before if step.path in read_later and step.path != self._cut]

    def prefix(self, x: Tensor, shared: SharedPicture | None = None) -> Crossing:
        if shared is None:
            outputs = self._run(self._before, {_INPUT: x})
        else:
            outputs = self._run(_later(self._before, SHARED), {SHARED: shared.differing(x)})
        return Crossing(outputs[self._cut], {path: outputs[path] for path in self._kept})

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        outputs = self._run(self._after, {**crossing.kept, self._cut: crossing.activation})
        return outputs["fc_policy"], outputs["fc_value"].squeeze(-1)

    def runs(self, layer: str) -> str:
        # A container's output is that of the last of its leaves.
        return [step.path for step in _steps() if f"{step.path}.".startswith(f"{layer}.")][-1]

    def _run(self, steps: Sequence[_Step], outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        for step in steps:
            outputs[step.path] = self._network.get_submodule(step.path)(*(outputs[path] for path in step.reads))
        return outputs


def share(network: nn.Module, picture: Tensor, layers: Sequence[str]) -> SharedPicture | None:
    """What observations share, for `Split.prefix`; None where that would change the outcome.

    Args:
        network: the network.
        picture: `[1, 3, 64, 64]`, what the observations have in common.
        layers: module paths of the layers that are cut after or changed: they must all run after `SHARED`.

    Returns:
        None for another network than `Impala`, one with hooks (they are due the activations of whole pictures), or
        an earlier layer.
    """
    if type(network) is not Impala or any(one._forward_hooks or one._forward_pre_hooks for one in network.modules()):
        return None
    late = {step.path for step in _later(_steps(), SHARED)}
    cut = _SplitImpala(network, SHARED)
    return SharedPicture(network, picture) if late.issuperset(map(cut.runs, layers)) else None


def _later(steps: Sequence[_Step], path: str) -> Sequence[_Step]:
    """The steps after that of `path`."""
    return steps[[step.path for step in steps].index(path) + 1 :]


def _steps() -> list[_Step]:
    """The leaves of `Impala` in the order in which they run."""
    steps: list[_Step] = []

    def then(path: str, *beside: str) -> None:
        steps.append(_Step(path, (*beside, steps[-1].path if steps else _INPUT)))

    for block in (f"embedder.block{number}" for number in (1, 2, 3)):
        then(f"{block}.conv")
        then(f"{block}.maxpool")
        for residual in (f"{block}.res1", f"{block}.res2"):
            entry = steps[-1].path
            for leaf in ("relu1", "conv1", "relu2", "conv2"):
                then(f"{residual}.{leaf}")
            then(f"{residual}.resadd", entry)
    for leaf in ("relu3", "flatten", "fc", "relufc"):
        then(f"embedder.{leaf}")
    return steps + [_Step(head, ("embedder.relufc",)) for head in ("fc_policy", "fc_value")]


class _SplitAtInput:
    """The whole network as the second part; the layer's output is put in by a hook."""

    def __init__(self, network: nn.Module, layer: str) -> None:
        self._network, self._layer = network, layer

    def prefix(self, x: Tensor, shared: SharedPicture | None = None) -> Crossing:
        seen: list[Tensor] = []
        with hooked(self._network, {self._layer: lambda activation, _: seen.append(activation)}):
            self._network(x)
        return Crossing(seen[-1].clone(), {_INPUT: x})

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        with hooked(self._network, {self._layer: lambda _, __: crossing.activation}):
            return cast(tuple[Tensor, Tensor], self._network(crossing.kept[_INPUT]))

    def runs(self, layer: str) -> str:
        return layer
