"""How torch computes while it measures: on one thread, in full precision, the same way every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

import torch
from torch.backends import cudnn


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the context torch computes on this thread alone.

    Sums then do not depend on the number of cores, so that a figure in a notebook is to the last bit that of a sweep's
    workers; and beside other work on the cores small networks take a fraction of the time that they take on several.
    Torch keeps the number thread by thread: several threads may be in such a context at once. On a GPU convolutions
    are in float32, where torch would round to TensorFloat-32, and by algorithms that repeat.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _repeatable:
            yield
    finally:
        torch.set_num_threads(before)


class _Repeatable:
    """Settings of the process: made when the first thread enters, undone when the last leaves."""

    def __init__(self) -> None:
        self._lock, self._inside, self._undo = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._undo.enter_context(cudnn.flags(enabled=True, deterministic=True, allow_tf32=False))

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._undo.close()


_repeatable = _Repeatable()
