"""The IMPALA policy network, every activation the output of a named module."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from maze_interp.policies.architectures.impala.split import cut, share
from maze_interp.policies.moves import ACTIONS
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.split import SharedPictures, Split

_BLOCKS = tuple(f"embedder.block{number}" for number in (1, 2, 3))
_STUDIED = "embedder.block2.res1.resadd"
_LINEAR = "embedder.fc"
_OTHER_NAMES: dict[str, str | Callable[[re.Match[str]], str]] = {
    r"^(?:conv_seqs|network)\.([012])\.": lambda match: f"embedder.block{int(match[1]) + 1}.",
    r"\.res_block([01])\.conv([01])\.": lambda match: f".res{int(match[1]) + 1}.conv{int(match[2]) + 1}.",
    r"^(?:hidden_fc|network\.5)\.": "embedder.fc.",
    r"^(?:logits_fc|actor)\.": "fc_policy.",
    r"^(?:value_fc|critic)\.": "fc_value.",
}
"""Names of weights elsewhere, as patterns, and here."""

_BASE_CHANNELS = 16  # of the first convolution at width 1


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


class Impala(PolicyNetwork):
    """The policy and value network of the published maze agents.

    Args:
        width: the factor k on the channel counts; 1 here, 4 in the published `rand_region_5`.
        name: what tables and pictures call it.
    """

    architecture: ClassVar[str] = "impala"
    default_layer: ClassVar[str] = _STUDIED
    studied_layers: ClassVar[tuple[str, ...]] = (_STUDIED, _BLOCKS[2], _LINEAR)
    output_layers: ClassVar[tuple[str, ...]] = (
        *(f"{_BLOCKS[0]}.res2.resadd", _STUDIED, f"{_BLOCKS[1]}.res2.resadd", f"{_BLOCKS[2]}.res2.resadd", _LINEAR),
    )
    # Zeroing a channel of a pooling or of a rectifier equals zeroing it in the layer before.
    main_layers: ClassVar[tuple[str, ...]] = (
        *(f"{block}.{leaf}" for block in _BLOCKS for leaf in ("conv", "res1.resadd", "res2.resadd")),
        _LINEAR,
    )
    trunk: ClassVar[tuple[str, ...]] = (
        *(_BLOCKS[0], _STUDIED, _BLOCKS[1], f"{_BLOCKS[2]}.res1.resadd", _BLOCKS[2], _LINEAR),
    )
    branches: ClassVar[tuple[str, ...]] = tuple(
        f"{block}.{residual}.conv2" for block in _BLOCKS for residual in ("res1", "res2")
    )
    features: ClassVar[str] = "embedder.relufc"
    policy_head: ClassVar[str] = "fc_policy"
    value_head: ClassVar[str] = "fc_value"

    def __init__(self, width: int = 1, name: str = "untrained") -> None:
        super().__init__(name, {"width": width})
        self.embedder = Embedder(width)
        self.fc_policy = nn.Linear(256, ACTIONS)
        self.fc_value = nn.Linear(256, 1)
        self._initialise()

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `PolicyNetwork`."""
        features = self.embedder(x)
        return self.fc_policy(features), self.fc_value(features).squeeze(-1)

    @classmethod
    def settings_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int] | None:
        """See `PolicyNetwork`; the width is read off the first convolution."""
        first = shapes.get("embedder.block1.conv.weight", ())
        if len(first) != 4 or not first[0] or first[0] % _BASE_CHANNELS:
            return None
        return {"width": first[0] // _BASE_CHANNELS}

    @classmethod
    def own_name(cls, name: str) -> str:
        """See `PolicyNetwork`; understood are the names of other public trainers of this network on procgen."""
        for theirs, ours in _OTHER_NAMES.items():
            name = re.sub(theirs, ours, name)
        return name

    def cut(self, layer: str) -> Split:
        """See `PolicyNetwork`. A subclass may run its modules in another order, so it is not cut."""
        return (cut(self, layer) if type(self) is Impala else None) or super().cut(layer)

    def share(self, pictures: Tensor, layers: Sequence[str]) -> SharedPictures | None:
        """See `PolicyNetwork`."""
        return share(self, pictures, layers) if type(self) is Impala else None

    def _initialise(self) -> None:
        """Xavier-uniform weights, zero biases; the heads orthogonal, the policy's nearly flat (as published)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                module.bias = nn.Parameter(torch.zeros(len(module.weight)))
        nn.init.orthogonal_(self.fc_policy.weight, gain=0.01)
        nn.init.orthogonal_(self.fc_value.weight, gain=1.0)
