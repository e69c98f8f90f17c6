"""Channels of a layer: how many there are, and a policy with one of them replaced at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.arguments import checked, several, whole
from maze_interp.environment.observe import PIXELS
from maze_interp.errors import MazeInterpError
from maze_interp.measure.evaluate import outputs_of, outputs_on_host
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.hooks import resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.split import Crossing, split
from maze_interp.policies.threads import one_thread

_FLOATS = 2**18  # of a batch of small activations: 1 MB, which a CPU's cache holds


@checked
@torch.inference_mode()
@one_thread()
def ablated_outputs(
    policy: nn.Module,
    layer: str,
    x: Tensor,
    channels: Annotated[Sequence[int], several(whole(0), "channels")],
    values: Tensor,
) -> NDArray[np.float64]:
    """Run `policy` with one channel of a layer replaced at a time; what lies before the layer runs once.

    Args:
        policy: the network, cut after the layer where its architecture can be.
        layer: the layer.
        x: observations `[n, 3, 64, 64]`.
        channels: k channel numbers, each replaced in a run of its own.
        values: `[k, ...]`, what replaces each: a channel of the layer's output, without batch axis.

    Returns:
        move probabilities and value, float64 `[1 + k, n, 6]`, of the network as it is and with each replacement.
    """
    cut = split(policy, layer)
    device = device_of(policy)
    size, chosen = batch_size(device), torch.as_tensor(channels, device="cpu").to(device)
    outputs = torch.empty(1 + len(chosen), len(x), 6, dtype=torch.float64, device=device)
    for first in range(0, len(x), size):
        part = slice(first, first + size)
        crossing = cut.prefix(x[part])
        outputs[0, part] = outputs_of(*cut.suffix(crossing))
        rows = max(size, _FLOATS // crossing.activation[0].numel())
        together = max(1, rows // len(crossing))  # replacements in one forward pass
        for k in range(0, len(chosen), together):
            some = slice(k, k + together)
            results = outputs_of(*cut.suffix(_replaced(crossing, chosen[some], values[some])))
            outputs[1:][some, part] = results.reshape(-1, len(crossing), 6)
    return outputs_on_host(outputs)


def count_channels(network: nn.Module, layer: str) -> int:
    """Channels (or features) of what a layer puts out.

    Raises:
        MazeInterpError: an unknown layer.
    """
    path = resolve_layer(network, layer)
    with without_hooks():
        _, seen = run_with_cache(network, torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(network)), [path])
    return seen[path].shape[1]


def require_channels(network: nn.Module, layer: str, channels: Sequence[int]) -> None:
    """Refuse channels that a layer does not have.

    Raises:
        MazeInterpError: an unknown layer, or a channel that it does not have.
    """
    size = count_channels(network, layer)
    if outside := [channel for channel in channels if not 0 <= channel < size]:
        raise MazeInterpError(f"{resolve_layer(network, layer)} has channels 0 to {size - 1}, none is {outside[0]}")


def _replaced(crossing: Crossing, channels: Tensor, values: Tensor) -> Crossing:
    """The batch once per channel, that channel replaced."""
    k, n, device = len(channels), len(crossing), channels.device
    repeated = crossing.rows(torch.arange(n, device=device).repeat(k))
    by_channel = repeated.activation.view(k, n, *repeated.activation.shape[1:])
    by_channel[torch.arange(k, device=device), :, channels] = values[:, None].to(by_channel)
    return repeated
