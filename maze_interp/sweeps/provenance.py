"""Where figures come from: the agent's hash and the versions that computed them."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from maze_interp.errors import MazeInterpError
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.devices import device_of
from maze_interp.policies.identity import beyond_record, structure_hash

_PACKAGES = ("maze-interp", "torch", "numpy", "scipy")

_version = cache(version)  # which reads files


def provenance(policy: nn.Module, name: str) -> dict[str, Any]:
    """Agent, hashes, versions, device and precision, as plain JSON values; recorded beside every result.

    `agent_hash` is of the weights, `network_hash` of the modules and their settings.

    Raises:
        MazeInterpError: hooks, a replaced method, dropout at work, or autocasting.
    """
    if what := beyond_record(policy):
        raise MazeInterpError(f"{what}, which the record of a run could not name; use edits instead")
    return {
        "agent": name,
        "agent_hash": agent_hash(policy),
        "network_hash": structure_hash(policy),
        "device": device_of(policy).type,
        "precision": str(next((one.dtype for one in policy.parameters()), torch.float32)).removeprefix("torch."),
        "versions": {"python": platform.python_version()} | {package: _version(package) for package in _PACKAGES},
    }
