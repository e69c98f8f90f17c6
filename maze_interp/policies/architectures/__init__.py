"""The architectures at hand: a folder or a file each, and one line in `ARCHITECTURES`."""

from __future__ import annotations

from maze_interp.errors import unknown_name
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.nature_cnn import NatureCNN
from maze_interp.policies.network import PolicyNetwork

ARCHITECTURES: dict[str, type[PolicyNetwork]] = {kind.architecture: kind for kind in (Impala, NatureCNN)}
"""By name."""

DEFAULT: type[PolicyNetwork] = Impala
"""What is trained unless another is asked for."""


def architecture(name: str) -> type[PolicyNetwork]:
    """An architecture by name.

    Raises:
        MazeInterpError: an unknown name.
    """
    if name not in ARCHITECTURES:
        raise unknown_name("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def new_network(name: str, *, kind: str = DEFAULT.architecture, **settings: int) -> PolicyNetwork:
    """A network with new random weights, such as `new_network("mine", width=2)`.

    Raises:
        MazeInterpError: an unknown architecture.
    """
    return architecture(kind)(**settings, name=name)  # type: ignore[arg-type]
