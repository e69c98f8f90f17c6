"""The policies that a session may name: the agents at hand, the reference policies, and one given from outside."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
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
from maze_interp.policies.identity import beyond_record, structure_hash
from maze_interp.policies.references import REFERENCES, Reference, is_reference

_lock = Lock()  # sessions share the networks, which nothing changes


@lru_cache
def _load(name: str, version: object) -> nn.Module:
    return load_policy(name)


@lru_cache
def _mode(name: str, version: object) -> DistributionMode:
    return agent_mode(name)


@lru_cache
def _region(name: str, version: object) -> int | str:
    return "anywhere" if trained_anywhere(name) else training_region(name)


def _written(folder: Path) -> object:
    """When the files of an agent were written: what was read of earlier ones is no longer it."""
    return folder, *sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())


class Agents:
    """Policies by name.

    Args:
        first: the policy that is shown first, from the box, a file or a notebook. One that is not at hand under its
            own name, all the same, takes the place of the one that is: as it is now, whatever becomes of it.
        mode: the levels of a policy that is not at hand.
    """

    def __init__(self, first: nn.Module, mode: DistributionMode = "hard") -> None:
        self.first = str(getattr(first, "name", type(first).__name__))
        """The name of the policy that is shown first."""
        at_hand: dict[str, object] = {name: _written(folder) for name, folder in agent_folders().items()}
        self._at_hand = at_hand = at_hand | dict.fromkeys(REFERENCES)
        self._own = None if self.first in at_hand and _is_same(first, self._load(self.first)) else _copied(first)
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
            return self._load(name)

    def mode(self, name: str) -> DistributionMode:
        """The levels that the agent was trained on."""
        return self._mode if self._is_own(name) else _mode(name, self._at_hand[name])

    def region(self, name: str) -> int | str:
        """Where the cheese lay in training: n of the top-right n×n, or `"anywhere"`; the published n if unknown."""
        if self._is_own(name) and not is_agent(name):
            return REGION
        return _region(name, self._at_hand.get(name))

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

    def _load(self, name: str) -> nn.Module:
        return _load(name, self._at_hand[name])

    def _is_own(self, name: str) -> bool:
        return self._own is not None and name == self.first


def _is_same(one: nn.Module, other: nn.Module) -> bool:
    if isinstance(one, Reference) or isinstance(other, Reference):
        return type(one) is type(other)
    hashes = [(agent_hash(policy), structure_hash(policy)) for policy in (one, other)]
    return hashes[0] == hashes[1] and beyond_record(one) is None


def _copied(policy: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(policy)
    except (RuntimeError, TypeError) as error:  # of weights that are computed, such as pruned ones under gradients
        raise MazeInterpError(f"a network that cannot be copied cannot be explored: {str(error)[:200]}") from error
