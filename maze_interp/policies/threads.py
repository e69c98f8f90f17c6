"""How torch computes while it measures: on one thread, in full precision, the same way every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock
from typing import Any

import torch
from torch.backends import cudnn

_KEPT = 2**25 - 2**12  # bytes; glibc learns from no larger block


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the context torch computes on this thread alone.

    Sums then do not depend on the number of cores, so that a figure in a notebook is to the last bit that of a sweep's
    workers; and beside other work on the cores small networks take a fraction of the time that they take on several.
    Torch keeps the number thread by thread: several threads may be in such a context at once. Products of float32 are
    in float32, whatever `torch.set_float32_matmul_precision` says and where on a GPU torch would round to
    TensorFloat-32; and by algorithms that repeat.
    """
    _keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with repeatable:
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _keep_freed_memory() -> None:
    """Leave memory that a layer's output has freed with the process, for the next layer.

    glibc gives back to the system what is free beyond twice the largest block that was freed so far (mallopt(3),
    `M_MMAP_THRESHOLD`). Small batches free none as large as what they use in all: their memory would come and go with
    every layer, which takes a third of the time of a small network. Other C libraries are left as they are.
    """
    torch.empty(_KEPT, dtype=torch.uint8, device="cpu")  # freed at once; no page of it is touched


_on_cpu: Any = torch.backends.mkldnn
_on_gpu: Any = cudnn
_ROUNDING = (_on_cpu.conv, _on_cpu.rnn, _on_cpu.matmul, _on_gpu.conv, _on_gpu.rnn, torch.backends.cuda.matmul)


@contextmanager
def _repeatable_settings() -> Iterator[None]:
    flags = {"enabled": True, "benchmark": False, "deterministic": True}
    flags_before = {name: getattr(cudnn, name) for name in flags}
    before = [operation.fp32_precision for operation in _ROUNDING]
    for name, value in flags.items():
        setattr(cudnn, name, value)
    for operation in _ROUNDING:
        operation.fp32_precision = "ieee"
    try:
        yield
    finally:
        for name, value in flags_before.items():
            setattr(cudnn, name, value)
        for operation, precision in zip(_ROUNDING, before, strict=True):
            operation.fp32_precision = "none"  # that of all operations, which it may have had
            if operation.fp32_precision != precision:
                operation.fp32_precision = precision


class _Repeatable:
    """Settings of the process: made when the first thread enters, undone when the last leaves."""

    def __init__(self) -> None:
        self._lock, self._inside, self._undo = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._undo.enter_context(_repeatable_settings())

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._undo.close()


repeatable = _Repeatable()
"""A context in which products of float32 are in float32, and what repeats gives the same bytes."""
