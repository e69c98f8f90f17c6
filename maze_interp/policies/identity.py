"""What a network is known by, besides the hash of its weights."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_hooks

from maze_interp.policies.description import describe, is_foreign
from maze_interp.policies.hooks import acting_hooks

_ANY_MODULE = {*vars(nn.Module()), "name"} - {"training"}
_AT_RANDOM = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase, nn.RReLU)
"""Layers that in training draw numbers, or put out what depends on the batch."""
_METHODS = ("__call__", "_call_impl", "forward", "_conv_forward", "outputs", "prepared")


def structure_hash(network: nn.Module) -> str:
    """Twelve hex digits that name a network's modules and their settings, its precision and the kind of its device.

    Of modules of classes from elsewhere, whose repr need not say all, also their attributes and their code count.
    """
    lines = [line for path, module in network.named_modules() for line in _settings(path, module)]
    places = sorted({f"{weights.dtype} on {weights.device.type}" for weights in network.parameters()})
    if places not in ([], ["torch.float32 on cpu"]):  # the usual one goes without saying
        lines += places
    return _hash([nn.Module.__repr__(network), *lines])


def code_hash(value: object) -> str | None:
    """Twelve hex digits that name a class from elsewhere, or an object of one; None for one of ours or torch's."""
    kind = value if isinstance(value, type) else type(value)
    return _hash([describe(value)]) if any(map(is_foreign, kind.__mro__)) else None


def beyond_record(network: nn.Module) -> str | None:
    """What a network's outputs depend on besides its modules and weights, such as "embedder has a hook"; or None.

    Those are hooks that would act in this context, methods replaced on the object or on a class that is not the user's
    own, compiled and generated code, layers that work in another way during training, and autocasting.
    """
    if module_hooks._global_forward_hooks or module_hooks._global_forward_pre_hooks:
        return "every module has a hook"
    weights = next(network.parameters(), None)
    if weights is not None and torch.is_autocast_enabled(weights.device.type):
        return "the network runs under autocast"
    for path, module in network.named_modules():
        replaced = [name for name, value in vars(module).items() if _replaces_method(type(module), name, value)]
        for what, there in {
            "a hook": acting_hooks(module),
            f"a replaced {', '.join(replaced)}": replaced,
            f"{type(module).__name__} in training mode": module.training and isinstance(module, _AT_RANDOM),
            f"code that is not in the source of {type(module).__name__}": not _named_by_source(type(module)),
        }.items():
            if there:
                return f"{path or 'the network'} has {what}"
    return None


def runs_its_source(kind: type[nn.Module]) -> bool:
    """Whether the methods of a class stand in its source, or in that of the class that it has them from."""
    for name in _METHODS:
        owner = next((each for each in kind.__mro__ if name in vars(each)), None)
        if owner is None:
            continue
        method = vars(owner)[name]
        code, qualified = getattr(method, "__code__", None), str(getattr(method, "__qualname__", ""))
        own = qualified.startswith(f"{owner.__qualname__}.") or qualified == "_forward_unimplemented"  # of torch's own
        if code is None or not own or code.co_filename != sys.modules[owner.__module__].__file__:
            return False
    return True


def _named_by_source(kind: type[nn.Module]) -> bool:
    """Whether the classes that a module's class is made of run their source; the code of the user's own is recorded."""
    bases = (each for each in kind.__mro__ if issubclass(each, nn.Module) and not is_foreign(each))
    return all(map(runs_its_source, bases))


def _replaces_method(kind: type, name: str, value: Any) -> bool:
    return callable(value) and callable(getattr(kind, name, None)) and not isinstance(value, nn.Module)


def _settings(path: str, module: nn.Module) -> Iterator[str]:
    """Lines that say what a module's repr and its weights need not; none for one of ours."""
    foreign = any(map(is_foreign, type(module).__mro__))
    if type(module).__module__.startswith("torch.") or foreign:
        for name, value in sorted(vars(module).items()):
            if name not in _ANY_MODULE and (foreign or (name != "training" and name[0] != "_")):
                yield f"{path}.{name} = {describe(value)}"
    for name in sorted(module._non_persistent_buffers_set):
        yield f"{path}.{name} = {describe(module._buffers[name])}"
    if foreign:
        yield f"{path}: {describe(type(module))}"


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
