"""The activations that one pass left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from maze_interp.errors import unknown_name


class ActivationCache(Mapping[str, Tensor]):
    """Copies of layers' outputs by module path, in the order in which the layers ran.

    The published spelling (`_out`) is understood as well.

    Args:
        activations: `[n, ...]` each.
    """

    def __init__(self, activations: Mapping[str, Tensor]) -> None:
        self._activations = dict(activations)

    def __getitem__(self, layer: str) -> Tensor:
        """The output of a layer.

        Raises:
            MazeInterpError: the layer was not kept, or does not exist; the message lists the close ones.
        """
        for name in (layer, str(layer).removesuffix("_out")):
            if name in self._activations:
                return self._activations[name]
        raise unknown_name("layer in this cache", str(layer), self._activations)

    def __contains__(self, layer: object) -> bool:
        return isinstance(layer, str) and not {layer, layer.removesuffix("_out")}.isdisjoint(self._activations)

    def __iter__(self) -> Iterator[str]:
        return iter(self._activations)

    def __len__(self) -> int:
        return len(self._activations)

    def __repr__(self) -> str:
        shown = [f"{layer} {list(activation.shape)}" for layer, activation in list(self.items())[:3]]
        more = f", and {len(self) - len(shown)} more" if len(self) > len(shown) else ""
        return f"ActivationCache({', '.join(shown)}{more})"

    def to(self, device: torch.device | str) -> ActivationCache:
        """The same on another device."""
        return ActivationCache({layer: activation.to(device) for layer, activation in self.items()})

    def detach(self) -> ActivationCache:
        """The same without gradients."""
        return ActivationCache({layer: activation.detach() for layer, activation in self.items()})
