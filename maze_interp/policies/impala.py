"""The IMPALA policy network, every activation the output of a named module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from maze_interp.policies import hooks

ACTIONS = 15
"""Actions of procgen; five effects, see `maze_interp.policies.moves`."""


class Residual(nn.Module):
    """relu, conv, relu, conv, added to the input: `[n, c, h, w]` to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.resadd = Add()

    def forward(self, x: Tensor) -> Tensor:
        """The residual sum."""
        out: Tensor = self.resadd(x, self.conv2(self.relu2(self.conv1(self.relu1(x)))))
        return out


class Add(nn.Module):
    """A sum with a name, so that it can be hooked like any layer."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """a + b."""
        return a + b


class Block(nn.Module):
    """conv 3×3, max-pool 3/2/1, two residuals: `[n, c, h, w]` to `[n, c', ⌈h/2⌉, ⌈w/2⌉]`."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.res1 = Residual(channels)
        self.res2 = Residual(channels)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        out: Tensor = self.res2(self.res1(self.maxpool(self.conv(x))))
        return out


class Embedder(nn.Module):
    """Three blocks (16·k, 32·k, 32·k channels) and a linear layer: `[n, 3, 64, 64]` to `[n, 256]`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block1 = Block(3, 16 * width)
        self.block2 = Block(16 * width, 32 * width)
        self.block3 = Block(32 * width, 32 * width)
        self.relu3 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(32 * width * 8 * 8, 256)
        self.relufc = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The features that both heads read."""
        x = self.block3(self.block2(self.block1(x)))
        out: Tensor = self.relufc(self.fc(self.flatten(self.relu3(x))))
        return out


class Impala(nn.Module):
    """The policy and value network of the published maze agents (Espeholt et al. 2018, Cobbe et al. 2020).

    Args:
        width: the factor k on the channel counts; 1 here, 4 in the published `rand_region_5`.

    Attributes:
        name: what tables and pictures call it.
    """

    def __init__(self, width: int = 1, name: str = "untrained") -> None:
        super().__init__()
        self.width = width
        self.name = name
        self.embedder = Embedder(width)
        self.fc_policy = nn.Linear(256, ACTIONS)
        self.fc_value = nn.Linear(256, 1)
        self._initialise()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `[n, 15]` and value `[n]` of observations `[n, 3, 64, 64]` in [0, 1]."""
        features = self.embedder(x)
        return self.fc_policy(features), self.fc_value(features).squeeze(-1)

    def hooks(self, functions: Mapping[str, hooks.HookFunction]) -> AbstractContextManager[None]:
        """Within the context, each layer's output passes through its function. See `hooks.hooked`."""
        return hooks.hooked(self, functions)

    def run_with_cache(
        self, x: Tensor, layers: Sequence[str] | None = None, gradients: bool = False
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Logits, value and copies of the named layers' outputs. See `hooks.run_with_cache`."""
        (logits, value), cache = hooks.run_with_cache(self, x, layers, gradients)
        return logits, value, cache

    def _initialise(self) -> None:
        """Xavier-uniform weights, zero biases; the heads orthogonal, the policy's nearly flat (as published)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                module.bias = nn.Parameter(torch.zeros(len(module.weight)))
        nn.init.orthogonal_(self.fc_policy.weight, gain=0.01)
        nn.init.orthogonal_(self.fc_value.weight, gain=1.0)
