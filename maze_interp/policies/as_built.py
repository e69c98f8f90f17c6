"""Whether a network is what its class builds: only then may another way of running it stand for the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from maze_interp.policies.hooks import has_hooks
from maze_interp.policies.network import PolicyNetwork

# Attributes that change no output of networks without dropout or normalisation.
_FREE = ("training", "name", "_rounded_from")
_METHODS = ("__call__", "_call_impl", "forward", "_conv_forward", "outputs", "prepared")

Plan = dict[str, tuple[Any, ...]]
"""By module path: what decides a module's output, but for the numbers in its weights."""


def as_built(network: PolicyNetwork) -> bool:
    """Whether every module is of the type, with the settings and the weights' shapes, that the constructor makes.

    Replaced modules, patched methods, parametrised or pruned weights, compiled modules, hooks that would act, and
    autocasting all make the answer no.
    """
    kind, settings = type(network), tuple(sorted(network.settings.items()))
    if has_hooks(network) or torch.is_autocast_enabled(next(network.parameters()).device.type):
        return False
    return _plan(network) == _built(kind, settings)


@cache
def _built(kind: type[PolicyNetwork], settings: tuple[tuple[str, int], ...]) -> Plan:
    constructor: Any = kind
    with torch.device("meta"):
        return _plan(constructor(**dict(settings)))


def _plan(network: nn.Module) -> Plan:
    return {path: _signature(module) for path, module in network.named_modules()}


def _signature(module: nn.Module) -> tuple[Any, ...]:
    kind = type(module)
    methods = [getattr(kind, name, None) for name in _METHODS]
    own = {name: None if name[0] == "_" else value for name, value in vars(module).items() if name not in _FREE}
    compiled = vars(module).get("_compiled_call_impl") is not None
    return kind, methods, own, compiled, _shapes(module._parameters), _shapes(module._buffers)


def _shapes(tensors: Mapping[str, Tensor | None]) -> dict[str, tuple[Any, ...] | None]:
    kinds = (Tensor, nn.Parameter)
    return {
        name: None if tensor is None else (type(tensor) in kinds, tuple(tensor.shape), tensor.layout)
        for name, tensor in tensors.items()
    }
