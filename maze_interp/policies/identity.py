"""What a network is known by, besides the hash of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from maze_interp.policies.hooks import acting_hooks

_KNOWN = ("torch", "maze_interp")  # packages whose modules show in their repr what decides their output


def structure_hash(network: nn.Module) -> str:
    """Twelve hex digits that name a network's modules and their settings, its precision and the kind of its device.

    Of modules of classes from elsewhere, whose repr need not say all, also their attributes and their code count.
    """
    lines = [line for path, module in network.named_modules() for line in _of_foreign(path, module)]
    places = sorted({f"{weights.dtype} on {weights.device.type}" for weights in network.parameters()})
    if places not in ([], ["torch.float32 on cpu"]):  # the usual one goes without saying
        lines += places
    return hashlib.sha256("\n".join([nn.Module.__repr__(network), *lines]).encode()).hexdigest()[:12]


def code_hash(kind: type) -> str | None:
    """Twelve hex digits that name the code of a class from elsewhere; None for one of ours or torch's."""
    lines = list(_methods(_foreign(kind)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12] if lines else None


def beyond_record(network: nn.Module) -> str | None:
    """What a network's outputs depend on besides its modules and weights, such as "embedder has a hook"; or None.

    Those are hooks that would act in this context, methods replaced on the object, dropout at work, and autocasting.
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
            "dropout at work": module.training and isinstance(module, nn.modules.dropout._DropoutNd),
        }.items():
            if there:
                return f"{path or 'the network'} has {what}"
    return None


def _replaces_method(kind: type, name: str, value: Any) -> bool:
    return callable(value) and callable(getattr(kind, name, None)) and not isinstance(value, nn.Module)


def _of_foreign(path: str, module: nn.Module) -> Iterator[str]:
    """Lines that describe a module of a class from elsewhere; none of another."""
    kinds = _foreign(type(module))
    if not any(issubclass(kind, nn.Module) for kind in kinds):
        return
    for name, value in sorted(vars(module).items()):
        if name not in _ANY_MODULE and not name.startswith("_forward"):
            yield f"{path}.{name} = {_described(value)}"
    for name, buffer in module.named_buffers(recurse=False):
        yield f"{path}.{name} = {_described(buffer)}"
    yield from (f"{path}: {line}" for line in _methods(kinds))


def _foreign(kind: type) -> list[type]:
    """A class and its bases, as far as they are from elsewhere."""
    return [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in (*_KNOWN, "builtins")]


def _methods(kinds: list[type]) -> Iterator[str]:
    for kind in kinds:
        for name, value in sorted(vars(kind).items()):
            if (code := getattr(getattr(value, "__func__", value), "__code__", None)) is not None:
                yield f"{kind.__qualname__}.{name} {_code(code)}"


_ANY_MODULE = {*vars(nn.Module()), "name"}


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} {tuple(value.shape)} {value.detach().cpu().flatten().tolist()}"
    code = getattr(value, "__code__", None)
    return repr(value) if code is None else _code(code)


def _code(code: CodeType) -> str:
    parts = [_code(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {parts}"
