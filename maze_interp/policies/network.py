"""What the toolkit needs of a policy network, whatever its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from maze_interp.display import html_table
from maze_interp.environment.observe import PIXELS
from maze_interp.errors import MazeInterpError
from maze_interp.policies.cache import ActivationCache
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import HookFunction, Layers, activation_layers, hooked, resolve_layer, run_with_cache
from maze_interp.policies.split import SharedPictures, Split, WholeNetwork

if TYPE_CHECKING:
    from typing_extensions import Self


_PIXEL = 32  # no input in [0, 1] comes near it, however it was changed; nearly every picture in 0 to 255 exceeds it


class PolicyNetwork(nn.Module, ABC):
    """A network from observations `[n, 3, 64, 64]` in [0, 1] to the logits of procgen's actions and a value.

    Every activation of interest is the output of a named module. An architecture states its layers by module
    path; nothing outside its folder names them.

    Attributes:
        name: what tables and pictures call it.
        settings: the constructor's arguments that decide the shapes of the weights.
    """

    architecture: ClassVar[str]
    """Its name in `config.yaml` and in `architectures.ARCHITECTURES`."""
    default_layer: ClassVar[str]
    """The layer studied unless another is named; what `"default"` means."""
    studied_layers: ClassVar[tuple[str, ...]]
    """A few layers along the depth, in order, `default_layer` among them."""
    output_layers: ClassVar[tuple[str, ...]]
    """The outputs of its main parts, in order, `default_layer` among them."""
    main_layers: ClassVar[tuple[str, ...]]
    """Layers to ablate, which are those whose channels no neighbouring layer repeats."""
    trunk: ClassVar[tuple[str, ...]]
    """Layers that everything passes through; patching one whole gives the donor's output."""
    branches: ClassVar[tuple[str, ...]]
    """Layers that residual connections lead around."""
    features: ClassVar[str]
    """The layer that both heads read."""
    policy_head: ClassVar[str]
    """The linear layer of the logits."""
    value_head: ClassVar[str]
    """The linear layer of the value."""

    def __init__(self, name: str, settings: Mapping[str, int]) -> None:
        super().__init__()
        self.name = name
        self.settings = dict(settings)

    if TYPE_CHECKING:

        def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
            """`forward`, as a type checker sees it."""

    @abstractmethod
    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` for observations that are `prepared`."""

    @classmethod
    @abstractmethod
    def settings_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int] | None:
        """The settings of a network whose weights have these names and shapes; None if it is none of this kind."""

    @classmethod
    def own_name(cls, name: str) -> str:
        """This architecture's name of a weight that another program saves under `name`."""
        return name

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `[n, 15]` and value `[n]` of observations `[n, 3, 64, 64]` in [0, 1].

        Raises:
            MazeInterpError: observations of another shape or type, or in 0 to 255.
        """
        prepared = self.prepared(x)
        if x.device.type == "cpu" and not torch.compiler.is_compiling() and len(x) and x.detach().amax() > _PIXEL:
            raise MazeInterpError("observations are in [0, 1], these are in 0 to 255: divide by 255, as to_input does")
        return self.outputs(prepared)

    def prepared(self, x: Tensor) -> Tensor:
        """Observations on the device and in the precision of the weights, laid out channels-last, which is fastest.

        Raises:
            MazeInterpError: observations of another shape or type.
        """
        if not isinstance(x, Tensor) or not x.is_floating_point():
            given = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise MazeInterpError(f"a network takes floats in [0, 1], not {given}; to_input makes them of observations")
        if x.shape[1:] != (3, PIXELS, PIXELS):
            raise MazeInterpError(f"a network takes observations [n, 3, {PIXELS}, {PIXELS}], not {list(x.shape)}")
        weights = next(self.parameters())
        return x.to(weights.device, weights.dtype, memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """Where its weights are, and all that is measured of it."""
        return device_of(self)

    @property
    def layers(self) -> tuple[str, ...]:
        """The module paths that hooks, caches and edits take, in order; containers' before their parts'."""
        return tuple(path for path, _ in self.named_modules() if path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(f'{name} {value}' for name, value in self._brief().items())}>"

    def _repr_html_(self) -> str:
        more = {"studied layers": ", ".join(self.studied_layers), "heads": f"{self.policy_head}, {self.value_head}"}
        return html_table(self.name, self._brief() | more)

    def _brief(self) -> dict[str, object]:
        weights = list(self.parameters())
        return {
            "name": self.name,
            "architecture": self.description,
            "parameters": f"{sum(one.numel() for one in weights):,}",
            "device": self.device,
            "precision": str(weights[0].dtype).removeprefix("torch."),
        }

    @property
    def description(self) -> str:
        """Architecture and settings in words, such as "impala, width 1"."""
        return ", ".join([self.architecture, *(f"{key} {value}" for key, value in self.settings.items())])

    def untrained(self, name: str) -> Self:
        """A network of the same settings, device and precision with new random weights."""
        constructor: Any = type(self)
        network: Self = constructor(**self.settings, name=name)
        return network.to(next(self.parameters()))

    def cut(self, layer: str) -> Split:
        """The network in two parts, after a layer given by its module path. Here all of it is the second part."""
        return WholeNetwork(self, layer)

    def share(self, pictures: Tensor, layers: Sequence[str]) -> SharedPictures | None:
        """What the network makes of pictures that observations differ little from; None where that saves nothing.

        Args:
            pictures: `[m, 3, 64, 64]`.
            layers: module paths of layers that are changed, or cut after.
        """
        return None

    def hooks(self, functions: Mapping[str, HookFunction]) -> AbstractContextManager[None]:
        """Within the context, each layer's output passes through its function. See `hooks.hooked`."""
        return hooked(self, functions)

    def run_with_cache(
        self, x: Tensor, layers: Layers | None = None, gradients: bool = False
    ) -> tuple[Tensor, Tensor, ActivationCache]:
        """Logits, value and copies of the named layers' outputs. See `hooks.run_with_cache`."""
        (logits, value), cache = run_with_cache(self, x, layers, gradients)
        return logits, value, cache

    def run_with_hooks(self, x: Tensor, hooks: Iterable[tuple[str, HookFunction]]) -> tuple[Tensor, Tensor]:
        """Logits and value, the outputs of layers passed through functions. See `hooks.hooked`.

        Args:
            x: observations `[n, 3, 64, 64]`.
            hooks: (layer, function) pairs, applied in this order.
        """
        with hooked(self, hooks):
            logits, value = self(x)
        return logits, value

    def linear(self, layer: str) -> nn.Linear:
        """One of the heads, such as `linear(policy.value_head)`."""
        head = self.get_submodule(layer)
        assert isinstance(head, nn.Linear)
        return head


Network = TypeVar("Network", bound=PolicyNetwork)
"""A network of some architecture."""


def require_same_shape(*networks: PolicyNetwork) -> None:
    """Refuse networks whose weights do not correspond.

    Raises:
        MazeInterpError: they differ in architecture or settings.
    """
    kinds = [network.description for network in networks]
    if len(set(kinds)) > 1:
        raise MazeInterpError(f"the weights of networks of different kinds do not correspond: {' and '.join(kinds)}")


def layer_groups(network: PolicyNetwork) -> dict[str, tuple[str, ...]]:
    """The groups of layers that an option `--layers` takes, by name."""
    return {
        "studied": network.studied_layers,
        "outputs": network.output_layers,
        "main": network.main_layers,
        "trunk": network.trunk,
    }


def parse_layers(network: PolicyNetwork, names: str) -> tuple[str, ...]:
    """Layers from a command line: names with commas between, or a group such as `"main"`.

    `"all"` is every leaf but the heads, whose channels are the actions, and flattened maps, which repeat the layer
    before them.

    Raises:
        MazeInterpError: an unknown layer.
    """
    if names in (groups := layer_groups(network)):
        return groups[names]
    if names == "all":
        left_out = (network.policy_head, network.value_head)
        leaves = [path for path in activation_layers(network) if path not in left_out]
        return tuple(path for path in leaves if not isinstance(network.get_submodule(path), nn.Flatten))
    return tuple(resolve_layer(network, name.strip()) for name in names.split(","))
