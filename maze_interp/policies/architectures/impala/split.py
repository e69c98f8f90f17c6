"""The published network cut at any of its layers, and the layers that observations of one maze can share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from maze_interp.policies.architectures.impala.shared_picture import SHARED, PictureOfImpala
from maze_interp.policies.split import INPUT, Crossing, SharedPicture

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
        self._cut = self.runs(layer)
        number = [step.path for step in steps].index(self._cut)
        self._before, self._after = steps[: number + 1], steps[number + 1 :]
        read_later = {path for step in self._after for path in step.reads} | {"fc_policy", "fc_value"}
        self._kept = [step.path for step in self._before if step.path in read_later and step.path != self._cut]

    def prefix(self, x: Tensor, shared: SharedPicture | None = None) -> Crossing:
        """See `Split`."""
        if shared is None:
            outputs = self._run(self._before, {INPUT: x})
        else:
            outputs = self._run(_later(self._before, SHARED), {SHARED: shared.differing(x)})
        return Crossing(outputs[self._cut], {path: outputs[path] for path in self._kept})

    def suffix(self, crossing: Crossing) -> tuple[Tensor, Tensor]:
        """See `Split`."""
        outputs = self._run(self._after, {**crossing.kept, self._cut: crossing.activation})
        return outputs["fc_policy"], outputs["fc_value"].squeeze(-1)

    def runs(self, layer: str) -> str:
        """See `Split`."""
        # A container's output is that of the last of its leaves.
        return [step.path for step in _steps() if f"{step.path}.".startswith(f"{layer}.")][-1]

    def _run(self, steps: Sequence[_Step], outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        for step in steps:
            outputs[step.path] = self._network.get_submodule(step.path)(*(outputs[path] for path in step.reads))
        return outputs


def share(network: Impala, picture: Tensor, layers: Sequence[str]) -> SharedPicture | None:
    """What observations share, if all of `layers` run after it.

    Hooks are due the activations of whole pictures, so a network that has any shares nothing.
    """
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        return None
    late = {step.path for step in _later(_steps(), SHARED)}
    cut = SplitImpala(network, SHARED)
    return PictureOfImpala(network, picture) if late.issuperset(map(cut.runs, layers)) else None


def _later(steps: Sequence[_Step], path: str) -> Sequence[_Step]:
    """The steps after that of `path`."""
    return steps[[step.path for step in steps].index(path) + 1 :]


def _steps() -> list[_Step]:
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
    return steps + [_Step(head, ("embedder.relufc",)) for head in ("fc_policy", "fc_value")]
