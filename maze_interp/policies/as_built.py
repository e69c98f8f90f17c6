"""Whether a network is what its class builds: only then may another way of running it stand for the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from maze_interp.policies.hooks import has_hooks
from maze_interp.policies.identity import runs_its_source
from maze_interp.policies.network import PolicyNetwork

# Attributes that change no output of networks without dropout or normalisation.
_FREE = ("training", "name", "_rounded_from")

Plan = dict[str, tuple[Any, ...]]
"""By module path: what decides a module's output, but for the numbers in its weights and its class's methods."""


def as_built(network: PolicyNetwork) -> bool:
    """Whether every module is of the type, with the settings and the weights' shapes, that the constructor makes.

    Replaced modules, patched methods, parametrised or pruned weights, compiled modules, hooks that would act, and
    autocasting all make the answer no.
    """
    kind, settings = type(network), tuple(sorted(network.settings.items()))
    if has_hooks(network) or torch.is_autocast_enabled(next(network.parameters()).device.type):
        return False
    plan = _plan(network)
    return plan == _built(kind, settings) and all(map(runs_its_source, {signature[0] for signature in plan.values()}))


@cache
def _built(kind: type[PolicyNetwork], settings: tuple[tuple[str, int], ...]) -> Plan:
    constructor: Any = kind
    with torch.device("meta"):
        return _plan(constructor(**dict(settings)))


def _plan(network: nn.Module) -> Plan:
    """A module that stands in several places counts in the first one only."""
    plan, seen, left = Plan(), set[int](), [("", network)]
    while left:
        path, module = left.pop()
        if id(module) not in seen:
            seen.add(id(module))
            plan[path] = _signature(module)
            left += [(f"{path}.{name}", part) for name, part in module._modules.items() if part is not None]
    return plan


def _signature(module: nn.Module) -> tuple[Any, ...]:
    own = {name: None if name[0] == "_" else value for name, value in vars(module).items() if name not in _FREE}
    compiled = vars(module).get("_compiled_call_impl") is not None
    return type(module), own, compiled, _shapes(module._parameters), _shapes(module._buffers)


def _shapes(tensors: Mapping[str, Tensor | None]) -> dict[str, tuple[Any, ...] | None]:
    kinds = (Tensor, nn.Parameter)
    return {
        name: None if tensor is None else (type(tensor) in kinds, tuple(tensor.shape), tensor.layout)
        for name, tensor in tensors.items()
    }
