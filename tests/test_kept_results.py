"""What is kept of a network's results does not outlive a change of the network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import maze_interp as mi
from maze_interp.policies.architectures.impala import Impala
from maze_interp.studies.channels.scores import channel_scores

LAYER = "embedder.block2.res1.resadd"
LEVELS = mi.LevelSet(range(2), "easy")
SOURCE = mi.edits.Observations([1, 2], "easy")


def flipped(module: nn.Module, args: Any, out: Tensor) -> Tensor:
    return out.flip(3)


CHANGES: dict[str, Callable[[Impala], object]] = {
    "weights": lambda policy: policy.embedder.block1.conv.weight.copy_(policy.embedder.block1.conv.weight.flip(0)),
    "another module": lambda policy: policy.set_submodule("embedder.block1.res1.relu1", nn.LeakyReLU(0.5)),
    "a patched module": lambda policy: setattr(
        policy.embedder.block1, "forward", lambda x, plain=policy.embedder.block1.forward: plain(x).flip(3)
    ),
    "torch's hook": lambda policy: policy.embedder.block1.register_forward_hook(flipped),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_kept_outlives_a_change_of_the_network(policy: Impala, name: str) -> None:
    """The mean of an edit and the scores of channels, kept from before, against a fresh copy of the changed network."""

    def measured(network: Impala) -> Any:
        change = mi.edits.bind(network, mi.edits.Mean(LAYER, source=SOURCE))[0].change
        scores = channel_scores(network, LAYER, LEVELS, placements=2, untrained=1)
        return change(torch.zeros(1, 32, 16, 16)), scores

    mean, scores = measured(policy)
    CHANGES[name](policy)
    for network in (policy, copy.deepcopy(policy)):
        new_mean, new_scores = measured(network)
        assert not torch.equal(mean, new_mean)
        assert not scores["score"].equals(new_scores["score"])


@pytest.mark.parametrize("inside", [True, False])
def test_hooks_of_a_block_decide_no_scores_outside_it(policy: Impala, inside: bool) -> None:
    def scores(block: AbstractContextManager[object]) -> Any:
        with block:
            return channel_scores(policy, LAYER, LEVELS, placements=2, untrained=1)["score"].tolist()

    def hooked() -> AbstractContextManager[object]:
        return policy.hooks({"embedder.block1": lambda activation, layer: activation.flip(3)})

    order: list[Callable[[], AbstractContextManager[object]]] = (
        [hooked, nullcontext] if inside else [nullcontext, hooked]
    )
    first, second = (scores(block()) for block in order)
    assert first != second
    assert scores(order[0]()) == first
