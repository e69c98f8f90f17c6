"""A moving average of a network's weights over its training."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Exponential moving average of weights; the first updates count alike until there are enough of them.

    The decay per update is in [0, 1); 0 keeps the last weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def update(self, network: nn.Module, number: int) -> None:
        """Take in the weights after update `number`, the first being 0."""
        decay = min(self._decay, (number + 1) / (number + 10)) if self._decay else 0.0
        with torch.no_grad():
            for name, tensor in network.state_dict().items():
                self._weights[name].lerp_(tensor, 1 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged weights."""
        return self._weights

    def load_state_dict(self, weights: dict[str, Tensor]) -> None:
        """Take up the weights of a checkpoint."""
        self._weights = {name: tensor.clone() for name, tensor in weights.items()}
