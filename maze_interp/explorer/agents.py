"""The policies that a session may name: the agents at hand, the reference policies, and one given from outside."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

from torch import nn

from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.features import REGION
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import (
    agent_folders,
    agent_info,
    agent_mode,
    is_agent,
    load_policy,
    trained_anywhere,
    training_region,
)
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.references import REFERENCES, Reference, is_reference

_lock = Lock()  # sessions share the networks, which nothing changes


@lru_cache
def _load(name: str) -> nn.Module:
    return load_policy(name)


@lru_cache
def _mode(name: str) -> DistributionMode:
    return agent_mode(name)


@lru_cache
def _region(name: str) -> int | str:
    return "anywhere" if trained_anywhere(name) else training_region(name)


class Agents:
    """Policies by name.

    Args:
        first: the policy that is shown first, from the box, a file or a notebook. One that is not at hand under its
            own name, with its own weights, takes the place of the one that is.
        mode: the levels of a policy that is not at hand.
    """

    def __init__(self, first: nn.Module, mode: DistributionMode = "hard") -> None:
        self.first = str(getattr(first, "name", type(first).__name__))
        """The name of the policy that is shown first."""
        at_hand = (*agent_folders(), *REFERENCES)
        self._own = None if self.first in at_hand and _is_same(first, _load(self.first)) else first
        self._mode = mode
        self.names = tuple(dict.fromkeys((self.first, *at_hand)))

    def policy(self, name: str) -> nn.Module:
        """The policy of that name, loaded when it is first asked for.

        Raises:
            MazeInterpError: none of the names, or an agent whose files are damaged.
        """
        if name not in self.names:
            raise unknown_name("agent", name, self.names)
        if self._is_own(name):
            assert self._own is not None
            return self._own
        with _lock:
            return _load(name)

    def mode(self, name: str) -> DistributionMode:
        """The levels that the agent was trained on."""
        return self._mode if self._is_own(name) else _mode(name)

    def region(self, name: str) -> int | str:
        """Where the cheese lay in training: n of the top-right n×n, or `"anywhere"`; the published n if unknown."""
        if self._is_own(name) and not is_agent(name):
            return REGION
        return _region(name)

    def table(self) -> list[dict[str, Any]]:
        """What is known of each, for the list to choose from; damaged agents are left out."""
        rows = []
        for name in self.names:
            try:
                rows.append(self._row(name))
            except MazeInterpError:
                continue
        return rows

    def _row(self, name: str) -> dict[str, Any]:
        if self._is_own(name) or is_reference(name):
            about: dict[str, Any] = {"training": "", "success": None}
        else:
            info = agent_info(name)
            about = {"training": info.training, "success": info.success}
        region = None if is_reference(name) else self.region(name)
        return {"name": name, "mode": self.mode(name), "region": region, "reference": is_reference(name), **about}

    def _is_own(self, name: str) -> bool:
        return self._own is not None and name == self.first


def _is_same(one: nn.Module, other: nn.Module) -> bool:
    if isinstance(one, Reference) or isinstance(other, Reference):
        return type(one) is type(other)
    return agent_hash(one) == agent_hash(other)
