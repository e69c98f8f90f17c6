"""Where a network runs and in what precision; how what it puts out comes back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Any, TypeVar, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.arguments import shown
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.placement import Precision

BATCH = 32
"""Observations in one forward pass on a CPU; larger batches outgrow its cache and are slower."""

_LARGE_BATCH = 2048  # on any other device: enough to keep it busy, half a gigabyte of the largest activations

Network = TypeVar("Network", bound=nn.Module)


def as_device(value: Any, name: str) -> torch.device | str:
    """A device of torch's, or its name."""
    if not isinstance(value, str | torch.device):
        raise MazeInterpError(f"{name} is a device such as 'cpu' or 'cuda', not {shown(value)}")
    return value


Device = Annotated[torch.device | str, as_device]


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are; the CPU for one without."""
    return next((weights.device for weights in network.parameters()), torch.device("cpu"))


def batch_size(device: torch.device) -> int:
    """Observations in one forward pass."""
    return BATCH if device.type == "cpu" else _LARGE_BATCH


def placed(network: Network, device: torch.device | str = "auto", precision: Precision = "float32") -> Network:
    """The network itself, moved to a device and into a precision.

    The agent's hash stays that of the weights before they were rounded.

    Raises:
        MazeInterpError: a device that is not there, or another precision.
    """
    from maze_interp.policies.checkpoints import remember_hash  # which knows networks, and they this module

    if precision not in get_args(Precision):
        raise unknown_name("precision", str(precision), get_args(Precision))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with remember_hash(network) if precision != "float32" else nullcontext():
            network.to(torch.device(device), getattr(torch, precision))
    except (RuntimeError, AssertionError) as error:  # torch raises either for a device that it lacks
        raise MazeInterpError(f"there is no device {str(device)!r} here: {str(error).splitlines()[0]}") from error
    return network


def on_host(parts: Tensor | Sequence[Tensor]) -> NDArray[Any]:
    """A tensor, or several one after another, as a NumPy array: one copy from the device; bfloat16 as float32."""
    tensor = (parts if isinstance(parts, Tensor) else torch.cat(list(parts))).detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()
