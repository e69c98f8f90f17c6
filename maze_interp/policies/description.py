"""Any object as text that says what decides its behaviour: its values, and the code of what users wrote themselves."""

from __future__ import annotations

import builtins
import dataclasses
import dis
import sys
import sysconfig
from collections.abc import Mapping
from functools import cached_property
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

_KNOWN = ("torch", "maze_interp", "builtins", *sys.stdlib_module_names)
_INSTALLED = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
_ATOMS = (type(None), bool, int, float, complex, str, bytes, range, torch.dtype, torch.device, np.generic)
_NO_BEHAVIOUR = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__firstlineno__"),
    *("__static_attributes__", "__slotnames__", "_abc_impl"),  # the last two come and go with pickling and subclassing
}


def describe(value: object) -> str:
    """Text that is the same in every process, and another one wherever the value would do something else.

    Functions and classes of the standard library and of installed packages are named; the code of others is part of
    the text, with what it refers to. An object that cannot be taken apart is named by its place in memory.
    """
    return _describe(value, {})


def is_foreign(kind: type) -> bool:
    """Whether a class is neither ours nor torch's nor of the standard library."""
    return kind.__module__.partition(".")[0] not in _KNOWN


def _describe(value: Any, seen: dict[int, tuple[int, Any]]) -> str:
    if isinstance(value, _ATOMS):
        return repr(value)
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, tuple | frozenset | set | CodeType):  # no part of a cycle by themselves
        return _parts(value, seen)
    if id(value) in seen:
        return f"#{seen[id(value)][0]}"
    seen[id(value)] = len(seen), value  # kept, so that nothing else gets its place
    return _parts(value, seen)


def _parts(value: Any, seen: dict[int, tuple[int, Any]]) -> str:
    kind = type(value).__qualname__
    match value:
        case Tensor():
            return f"{value.dtype} {tuple(value.shape)} {value.detach().cpu().flatten().tolist()}"
        case np.ndarray():
            return f"{value.dtype} {value.shape} {_describe(value.tolist(), seen)}"
        case set() | frozenset():
            return f"{kind} {sorted(_describe(part, seen) for part in value)}"
        case tuple() | list():
            return f"{kind} {[_describe(part, seen) for part in value]}"
        case Mapping():
            return f"{kind} {[(_describe(key, seen), _describe(part, seen)) for key, part in value.items()]}"
        case CodeType():
            return f"{value.co_code.hex()} {value.co_names} {_describe(value.co_consts, seen)}"
        case BuiltinFunctionType():
            return f"{value.__qualname__} of {_describe(value.__self__, seen)}"
        case MethodType():
            return f"{_describe(value.__func__, seen)} of {_describe(value.__self__, seen)}"
        case type() | FunctionType() if not _users_own(value):
            return f"{value.__module__}.{value.__qualname__} {_version(value)}"
        case FunctionType():
            return _function(value, seen)
        case type():
            own = {name: part for name, part in sorted(vars(value).items()) if name not in _NO_BEHAVIOUR}
            return f"{value.__qualname__} {_describe(value.__bases__, seen)} {_describe(own, seen)}"
        case property():
            return f"{kind} {_describe((value.fget, value.fset), seen)}"
        case classmethod() | staticmethod():
            return f"{kind} {_describe(value.__func__, seen)}"
        case cached_property():
            return f"{kind} {_describe(value.func, seen)}"
    if dataclasses.is_dataclass(value):  # what else it holds follows from its fields
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _describe((type(value), fields), seen)
    try:
        return _describe(value.__reduce_ex__(2), seen)
    except Exception:
        return object.__repr__(value)


def _function(value: FunctionType, seen: dict[int, tuple[int, Any]]) -> str:
    cells = [_contents(cell) for cell in value.__closure__ or ()]
    outside = {name: value.__globals__[name] for name in sorted(_names(value.__code__)) if name in value.__globals__}
    return _describe((value.__code__, value.__defaults__, value.__kwdefaults__, cells, outside), seen)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _names(code: CodeType) -> set[str]:
    """The global names that code reads, and the functions written in it."""
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    own = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return own.union(*map(_names, inner)) - vars(builtins).keys()


def _users_own(value: type | FunctionType) -> bool:
    """Whether nobody but the user has its source: it is defined in a script, a notebook or a module beside them."""
    module = value.__module__ or ""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return module.partition(".")[0] not in _KNOWN and not file.startswith(_INSTALLED)


def _version(value: type | FunctionType) -> str:
    root = sys.modules.get((value.__module__ or "").partition(".")[0])
    return str(getattr(root, "__version__", ""))
