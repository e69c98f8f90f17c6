"""What an edit is, and how several are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from torch import Tensor, nn

from maze_interp.arguments import checked, shown
from maze_interp.errors import MazeInterpError
from maze_interp.policies.hooks import HookFunction, hooked, resolve_layer

Change = Callable[[Tensor], Tensor]
"""The changed output of a layer, `[n, ...]` to the same; the tensor given stays as it was."""


@runtime_checkable
class Edit(Protocol):
    """One change to the output of one layer: plain data, the same for every policy."""

    @property
    def layer(self) -> str:
        """Module path of the layer, or its published name (`_out`)."""
        ...

    def bind(self, network: nn.Module) -> Change:
        """The change that the edit means in `network`, with whatever must be measured there."""
        ...


@dataclass(frozen=True)
class Bound:
    """An edit as it acts in one network, ready for many batches; itself an edit."""

    layer: str
    change: Change

    def bind(self, network: nn.Module) -> Change:
        """The change, whatever the network."""
        return self.change


def as_edits(value: Any, name: str = "edits") -> tuple[Edit, ...]:
    """One edit or several as a tuple, in order."""
    if isinstance(value, Edit):
        return (value,)
    try:
        edits = tuple(value)
    except (TypeError, RuntimeError):
        edits = (value,)
    for edit in edits:
        if not isinstance(edit, Edit):
            raise MazeInterpError(f"{name} is an edit, such as edits.Zero(layer), or a list of them, not {shown(edit)}")
    return edits


Edits = Annotated[Edit | Iterable[Edit], as_edits]
"""One edit or several."""


@checked
def bind(network: nn.Module, edits: Edits) -> tuple[Bound, ...]:
    """The edits with everything that must be computed for `network` computed once.

    Raises:
        MazeInterpError: an unknown layer, or whatever an edit objects to.
    """
    return tuple(Bound(resolve_layer(network, edit.layer), edit.bind(network)) for edit in as_edits(edits))


def innermost_first(edits: Iterable[Bound]) -> list[Bound]:
    """Edits in the order in which they act: hooks of a module fire before those of one that contains it."""
    return sorted(edits, key=lambda edit: -edit.layer.count("."))


@contextmanager
def applied(network: nn.Module, edits: Edits) -> Iterator[None]:
    """Within the context the network runs with `edits`, on one layer in the order given."""
    with ExitStack() as stack:
        for edit in bind(network, edits):
            stack.enter_context(hooked(network, {edit.layer: _hook(edit.change)}))
        yield


def _hook(change: Change) -> HookFunction:
    return lambda activation, _: change(activation)
