"""The network that a training run begins with."""

from __future__ import annotations

from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures import new_network
from maze_interp.policies.network import PolicyNetwork


def first_network(name: str, width: int, start_from: str | None) -> PolicyNetwork:
    """A network with new random weights or, of the architecture of `start_from`, with its weights.

    Args:
        name: what it is called.
        width: channel factor.
        start_from: agent or weights file to begin with.

    Raises:
        MazeInterpError: no such agent, or it has another width.
    """
    if start_from is None:
        return new_network(name, width=width)
    before = load_network(start_from)
    if width != before.settings["width"]:
        raise MazeInterpError(f"width is {width}, but that of {start_from} is {before.settings['width']}")
    network = new_network(name, kind=before.architecture, width=width)
    network.load_state_dict(before.state_dict())
    return network
