"""How many threads torch computes on while it measures: one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the context torch computes on this thread alone.

    Sums then do not depend on the number of cores, so that a figure in a notebook is to the last bit that of a sweep's
    workers; and beside other work on the cores small networks take a fraction of the time that they take on several.
    Torch keeps the number thread by thread: several threads may be in such a context at once.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
