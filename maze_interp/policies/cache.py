"""The activations that one pass left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from maze_interp.errors import unknown_name


class ActivationCache(Mapping[str, Tensor]):
    """Copies of layers' outputs by module path, in the order in which the layers ran.

    The published spelling (`_out`) is understood as well.

    Args:
        activations: `[n, ...]` each.
        aliases: other names of layers.
    """

    def __init__(self, activations: Mapping[str, Tensor], aliases: Mapping[str, str] | None = None) -> None:
        self._activations = dict(activations)
        self._aliases = dict(aliases or {})

    def __getitem__(self, layer: str) -> Tensor:
        """The output of a layer.

        Raises:
            MazeInterpError: the layer was not kept, or does not exist; the message lists the close ones.
        """
        for name in self._meanings(layer):
            if name in self._activations:
                return self._activations[name]
        raise unknown_name("layer in this cache", str(layer), self._activations)

    def __contains__(self, layer: object) -> bool:
        return any(name in self._activations for name in self._meanings(layer))

    def _meanings(self, layer: object) -> list[str]:
        name = str(layer)
        return [name, name.removesuffix("_out"), self._aliases.get(name, name)]

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
        return self._each(lambda activation: activation.to(device))

    def detach(self) -> ActivationCache:
        """The same without gradients."""
        return self._each(Tensor.detach)

    def _each(self, change: Callable[[Tensor], Tensor]) -> ActivationCache:
        changed = {layer: change(activation) for layer, activation in self.items()}
        return ActivationCache(changed, self._aliases)
