"""What an edit is, and how several are applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from maze_interp.policies.hooks import hooked


@runtime_checkable
class Edit(Protocol):
    """One change to the output of one layer."""

    @property
    def layer(self) -> str:
        """Module path of the layer."""
        ...

    def apply(self, activation: Tensor) -> Tensor:
        """The changed output; the one given stays as it was."""
        ...


@contextmanager
def applied(network: nn.Module, edits: Sequence[Edit]) -> Iterator[None]:
    """Within the context the network runs with `edits`, on one layer in the order given."""
    with ExitStack() as stack:
        for edit in edits:
            stack.enter_context(hooked(network, {edit.layer: lambda x, _, edit=edit: edit.apply(x)}))
        yield
