"""The published network cut at any of its layers, and the layers that observations of one maze can share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from maze_interp.policies.architectures.impala.shared_picture import SHARED, PicturesOfImpala
from maze_interp.policies.as_built import as_built
from maze_interp.policies.split import INPUT, Crossing, Patches, SharedPictures, Split

if TYPE_CHECKING:
    from maze_interp.policies.architectures.impala.network import Impala


@dataclass(frozen=True)
class _Step:
    """One leaf module and the modules whose outputs it reads."""

    path: str
    reads: tuple[str, ...]


class SplitImpala:
    """Its leaf modules in two lists; what crosses the cut is kept by module path."""

    def __init__(self, network: Impala, layer: str) -> None:
        self._network = network
        steps = _steps()
        self._modules = {step.path: network.get_submodule(step.path) for step in steps}
        self._cut = _leaf(layer)
        number = [step.path for step in steps].index(self._cut)
        self._before, self._after = steps[: number + 1], steps[number + 1 :]
        read_later = {path for step in self._after for path in step.reads} | {"fc_policy", "fc_value"}
        self._kept = [step.path for step in self._before if step.path in read_later and step.path != self._cut]

    def prefix(self, x: Tensor, after: str = INPUT) -> Crossing:
        """See `Split`."""
        if after == INPUT:
            outputs = self._run(self._before, {INPUT: self._network.prepared(x)})
        else:
            outputs = self._run(_later(self._before, after), {after: x})
        return Crossing(outputs[self._cut], {path: outputs[path] for path in self._kept})

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        """See `Split`; a map is laid out as the whole network has it, or sums would round in another order."""
        activation = crossing.activation
        if activation.ndim == 4:
            activation = activation.contiguous(memory_format=torch.channels_last)
        outputs = self._run(self._after, {**crossing.kept, self._cut: activation})
        return outputs["fc_policy"], outputs["fc_value"].squeeze(-1)

    def runs(self, layer: str) -> str:
        """See `Split`."""
        return _leaf(layer)

    def _run(self, steps: Sequence[_Step], outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        for step in steps:
            outputs[step.path] = self._modules[step.path](*(outputs[path] for path in step.reads))
        return outputs


def cut(network: Impala, layer: str) -> Split | None:
    """The network in two parts; None where that is not proven to be the network itself."""
    return SplitImpala(network, layer) if _proven(network) else None


def share(network: Impala, pictures: Tensor, layers: Sequence[str]) -> SharedPictures | None:
    """What observations share, if all of `layers` run after it and that is proven to be what the network makes."""
    late = {step.path for step in _later(_steps(), SHARED)}
    if not _shares(network) or not late.issuperset(map(_leaf, layers)):
        return None
    return PicturesOfImpala(network, network.prepared(pictures)) if _proven(network) else None


def _shares(network: Impala) -> bool:
    """Whether pieces of a picture may be run for themselves: on a CPU, in a precision in which that is fast."""
    kinds = {(weights.device.type, weights.dtype) for weights in network.parameters()}
    return kinds in ({("cpu", torch.float32)}, {("cpu", torch.bfloat16)})


_agree: WeakKeyDictionary[Impala, bool] = WeakKeyDictionary()


def _proven(network: Impala) -> bool:
    """Whether the network is as built, and both ways of running it agreed on one observation, tried once for each."""
    if not as_built(network):
        return False
    if network not in _agree:
        _agree[network] = _agrees(network)
    return _agree[network]


@torch.no_grad()
def _agrees(network: Impala) -> bool:
    weights = next(network.parameters())
    if weights.is_meta:
        return True
    picture = torch.arange(3 * 64 * 64, dtype=torch.float32, device="cpu").mul(0.618).frac().view(1, 3, 64, 64)
    x = picture.clone()
    patch = x[..., 20:27, 33:40]
    patch.copy_(1 - patch)
    parts = SplitImpala(network, SHARED)
    if _shares(network):
        number = torch.zeros(1, dtype=torch.long, device="cpu")
        shared = PicturesOfImpala(network, network.prepared(picture))
        patches = Patches(number, number + 20, number + 33, patch)
        crossing = parts.prefix(shared.differing(patches), SHARED)
    else:
        crossing = parts.prefix(x)
    got, expected = _row(parts.suffix(crossing)), _row(network(x))
    error = (got - expected).abs().max() / (1 + expected.abs().max())
    return bool(error < (1e-3 if weights.dtype in (torch.float32, torch.float64) else 5e-2))


def _row(outputs: tuple[Tensor, Tensor]) -> Tensor:
    return torch.cat([outputs[0], outputs[1][:, None]], dim=1)


def _leaf(layer: str) -> str:
    """The leaf that puts out what a layer does; of a container the last."""
    return [step.path for step in _steps() if f"{step.path}.".startswith(f"{layer}.")][-1]


def _later(steps: Sequence[_Step], path: str) -> Sequence[_Step]:
    """The steps after that of `path`."""
    return steps[[step.path for step in steps].index(path) + 1 :]


@cache
def _steps() -> tuple[_Step, ...]:
    """The leaves of `Impala` in the order in which they run."""
    steps: list[_Step] = []

    def then(path: str, *beside: str) -> None:
        steps.append(_Step(path, (*beside, steps[-1].path if steps else INPUT)))

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
    return (*steps, *(_Step(head, ("embedder.relufc",)) for head in ("fc_policy", "fc_value")))
