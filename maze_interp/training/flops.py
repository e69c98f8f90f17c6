"""What a network costs to run."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from maze_interp.policies.network import PolicyNetwork


def forward_flops(policy: PolicyNetwork) -> int:
    """Floating-point operations of a forward pass on one observation."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        policy(torch.zeros(1, 3, 64, 64))
    return int(counter.get_total_flops())
