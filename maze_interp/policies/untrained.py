"""Networks of the same shape with random weights: the control for what training has made."""

from __future__ import annotations

import copy

import torch
from torch import nn


def xavier_like(network: nn.Module, seed: int) -> nn.Module:
    """A copy with Xavier-uniform weights in convolutions and linear layers, as published, and no biases.

    The seed decides the weights, whatever the order in which the network's own lie in memory.
    """
    fresh = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in fresh.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                last = torch.channels_last if module.weight.ndim == 4 else torch.contiguous_format
                drawn = torch.empty_like(module.weight, memory_format=last)  # filled in the order of its memory
                module.weight.copy_(nn.init.xavier_uniform_(drawn))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
    return fresh
