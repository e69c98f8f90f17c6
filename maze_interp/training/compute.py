"""What an agent's training took, as far as its folder records it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import agent_info, load_network
from maze_interp.policies.history import split_name
from maze_interp.policies.names import agent_of, names_file
from maze_interp.policies.network import PolicyNetwork
from maze_interp.training.checkpoint import read_log


@dataclass(frozen=True)
class Compute:
    """What a training run took.

    Attributes:
        steps: of exact gradients states evaluated, of imitation labelled observations.
        flops: floating-point operations of the network.
    """

    steps: int
    flops: int

    def __add__(self, other: Compute) -> Compute:
        return Compute(self.steps + other.steps, self.flops + other.flops)


def training_compute(agent: str) -> Compute:
    """What the training of a bundled agent took, that of the agent it began as with it.

    Raises:
        MazeInterpError: an unknown agent, or one whose training is not recorded.
    """
    if names_file(agent):
        raise MazeInterpError(f"how {agent} was trained is not recorded; a bundled agent's training is")
    folder = agent_info(agent).path
    curve = folder / "curve.jsonl"
    if not curve.exists():
        raise MazeInterpError(f"{folder} has no learning curve, so what the training of {agent} took is not known")
    if split_name(agent)[1]:
        raise MazeInterpError(f"what the training of {agent} took until then is not recorded; its whole training is")
    own = curve_compute(curve, forward_flops(load_network(agent)))
    before = agent_info(agent).start_from
    if before is None:
        return own
    return own + training_compute(agent_of(before))


def curve_compute(curve: Path, forward: int) -> Compute:
    """What a learning curve's last line says; a backward pass costs two of the operations of a forward one."""
    last = read_log(curve)[-1]
    if "flops" in last:
        return Compute(last["steps"], last["flops"])
    return Compute(last["samples"], 3 * forward * last["samples"])


def forward_flops(policy: PolicyNetwork) -> int:
    """Floating-point operations of a forward pass on one observation."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        policy(torch.zeros(1, 3, 64, 64))
    return int(counter.get_total_flops())
