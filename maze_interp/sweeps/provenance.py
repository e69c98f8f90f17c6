"""Where figures come from: the agent's hash and the versions that computed them."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

from torch import nn

from maze_interp.policies.checkpoints import agent_hash

_PACKAGES = ("maze-interp", "torch", "numpy", "scipy")


def provenance(policy: nn.Module, name: str) -> dict[str, Any]:
    """Agent, hash and versions, as plain JSON values; recorded beside every result."""
    versions = {package: version(package) for package in _PACKAGES}
    return {
        "agent": name,
        "agent_hash": agent_hash(policy),
        "versions": {"python": platform.python_version(), **versions},
    }
