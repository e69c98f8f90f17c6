"""A device for machines without a GPU: this machine's memory under another name, as strict as a GPU.

Its tensors mix with others only where a GPU's do, and every copy back to the host is counted:
`with StandIn() as device:`, then `policy.to(NAME)` and `device.to_host`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "standin"
_setup_privateuseone_for_python_backend(
    NAME,
    backend_module=SimpleNamespace(
        device_count=lambda: 1,
        is_available=lambda: True,
        current_device=lambda: 0,
        _is_in_bad_fork=lambda: False,
        manual_seed_all=lambda seed: None,
    ),
)
_DEVICE = torch.device(NAME, 0)
_aten = torch.ops.aten
_COPIES = (_aten._to_copy.default, _aten.copy_.default)
_ANSWERS = (_aten._local_scalar_dense.default, _aten.equal.default, _aten.is_nonzero.default)  # numbers of Python
_INDEXED = (_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default, _aten._index_put_impl_.default)


class OnDevice(Tensor):
    """A tensor of the device; `raw` holds its numbers."""

    raw: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, raw: Tensor) -> OnDevice:
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls, raw.size(), raw.stride(), raw.storage_offset(), dtype=raw.dtype, device=_DEVICE
        )
        made.raw = raw
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnDevice({self.raw})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise RuntimeError("the device is used outside its block")


class StandIn(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The device is there within the block.

    Attributes:
        to_host: operations so far that copied to the host or waited for a number.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.to_host = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        with self:
            parts = function.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        here = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
        stays = self._stays(function, args, kwargs, bool(here))
        self.to_host += bool(here) and not stays
        if function not in _COPIES:
            _require_together(function, tensors, here)
        owners = {id(tensor.raw): tensor for tensor in here}
        args, kwargs = tree_map_only(OnDevice, lambda tensor: tensor.raw, (args, kwargs))
        with torch.inference_mode(False), torch.no_grad():  # views of tensors from outside inference mode must work
            result = function(*args, **kwargs)
            if not stays:
                return result
            return tree_map_only(
                Tensor, lambda tensor: owners[id(tensor)] if id(tensor) in owners else OnDevice(tensor), result
            )

    @staticmethod
    def _stays(function: Any, args: Any, kwargs: dict[str, Any], here: bool) -> bool:
        """Whether the result is the device's."""
        if function in _ANSWERS:
            return False
        if function is _aten.copy_.default:
            return isinstance(args[0], OnDevice)
        if (wanted := kwargs.get("device")) is None:
            return here
        if torch.device(wanted).type != NAME:
            return False
        kwargs["device"] = torch.device("cpu")
        return True


def _require_together(function: Any, tensors: list[Tensor], here: list[OnDevice]) -> None:
    others = [tensor for tensor in tensors if not isinstance(tensor, OnDevice) and tensor.ndim]
    if here and others and function not in _INDEXED:
        raise RuntimeError(f"{function}: tensors of {NAME} and of the CPU do not mix")
