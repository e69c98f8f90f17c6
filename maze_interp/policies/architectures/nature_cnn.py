"""The plain convolutional network of Mnih et al. (2015), with two heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from maze_interp.policies.moves import ACTIONS
from maze_interp.policies.network import PolicyNetwork

_BASE_CHANNELS = 32  # of the first convolution at width 1


class NatureCNN(PolicyNetwork):
    """Three convolutions (32·k, 64·k, 64·k channels) and a linear layer of 512 under both heads.

    Padding makes the maps tile the picture, 16×16, 8×8 and 8×8, so that a position lies over what it sees. `width` is
    the factor k on the channel counts.
    """

    architecture: ClassVar[str] = "nature_cnn"
    default_layer: ClassVar[str] = "conv2"
    studied_layers: ClassVar[tuple[str, ...]] = ("conv2", "conv3", "fc")
    output_layers: ClassVar[tuple[str, ...]] = ("conv1", "conv2", "conv3", "fc")
    main_layers: ClassVar[tuple[str, ...]] = output_layers
    trunk: ClassVar[tuple[str, ...]] = output_layers
    branches: ClassVar[tuple[str, ...]] = ()
    features: ClassVar[str] = "relu4"
    policy_head: ClassVar[str] = "fc_policy"
    value_head: ClassVar[str] = "fc_value"

    def __init__(self, width: int = 1, name: str = "untrained") -> None:
        super().__init__(name, {"width": width})
        self.conv1 = nn.Conv2d(3, 32 * width, 8, stride=4, padding=2)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(32 * width, 64 * width, 4, stride=2, padding=1)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(64 * width, 64 * width, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(64 * width * 8 * 8, 512)
        self.relu4 = nn.ReLU()
        self.fc_policy = nn.Linear(512, ACTIONS)
        self.fc_value = nn.Linear(512, 1)

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `PolicyNetwork`."""
        x = self.relu3(self.conv3(self.relu2(self.conv2(self.relu1(self.conv1(x))))))
        features = self.relu4(self.fc(self.flatten(x)))
        return self.fc_policy(features), self.fc_value(features).squeeze(-1)

    @classmethod
    def settings_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int] | None:
        """See `PolicyNetwork`; the width is read off the first convolution."""
        first = shapes.get("conv1.weight", ())
        if len(first) != 4 or first[1:] != (3, 8, 8) or not first[0] or first[0] % _BASE_CHANNELS:
            return None
        return {"width": first[0] // _BASE_CHANNELS}
