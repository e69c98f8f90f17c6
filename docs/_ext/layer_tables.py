"""The layers of the default agent's network as Markdown, read off the network."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.environment.observe import PIXELS
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala.network import Add
from maze_interp.policies.moves import to_input
from maze_interp.policies.network import PolicyNetwork, layer_groups


def layers(which: str) -> list[str]:
    """A row for every layer (`all`), or for the heads and those of a group (`grouped`), in order.

    Raises:
        MazeInterpError: another word.
    """
    if which not in ("all", "grouped"):
        raise MazeInterpError(f"layers are 'all' or 'grouped', not {which!r}")
    network = load_network(DEFAULT_AGENT)
    *_, cache = network.run_with_cache(to_input(np.zeros((1, PIXELS, PIXELS, 3), np.uint8)))
    groups = {"default": (network.default_layer,), **layer_groups(network)}
    rows = [["layer", "what it does", "output", "groups"], ["-"] * 4]
    for path in network.layers:
        named = [group for group, members in groups.items() if path in members]
        if which == "all" or named or path in (network.policy_head, network.value_head):
            rows.append([f"`{path}`", _words(network, path), _shape(cache[path]), ", ".join(named)])
    return [f"| {' | '.join(row)} |" for row in rows]


def _shape(activation: Tensor) -> str:
    return "\u00a0×\u00a0".join(f"{length:,}" for length in activation.shape[1:])


def _words(network: PolicyNetwork, path: str) -> str:
    heads = {network.policy_head: ": the logits of procgen's actions", network.value_head: ": the value"}
    match network.get_submodule(path):
        case nn.Conv2d() as conv:
            return f"convolution {conv.kernel_size[0]}×{conv.kernel_size[1]} of {conv.in_channels} channels"
        case nn.MaxPool2d() as pool:
            return f"maximum over {pool.kernel_size}×{pool.kernel_size} positions, stride {pool.stride}"
        case nn.Linear() as linear:
            return f"linear layer on {linear.in_features:,} numbers{heads.get(path, '')}"
        case nn.ReLU():
            return "ReLU: negative numbers become 0"
        case nn.Flatten():
            return "the maps as one row of numbers"
        case Add():
            return "residual addition: input plus `conv2`"
        case module:
            return "container: " + ", then ".join(f"`{name}`" for name, _ in module.named_children())
