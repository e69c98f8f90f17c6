"""The cut network against hooks on the whole one, layer by layer; and what runs how often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from maze_interp import edits
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import evaluate
from maze_interp.measure.states import states_of
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import hooked
from maze_interp.policies.moves import to_input
from maze_interp.policies.split import concatenate, split

LAYERS = [path for path, _ in Impala(1).named_modules() if path]
LAYER = "embedder.block2.res1.resadd"


class Wrapped(nn.Module):
    """A policy of another kind: the same network under other names."""

    def __init__(self, inner: Impala) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, value = self.inner(x)
        return logits, value


@pytest.fixture(scope="module")
def x() -> Tensor:
    observations = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    return to_input(observations)


def changed(activation: Tensor) -> Tensor:
    noise = torch.randn(activation.shape, generator=torch.Generator().manual_seed(5))
    return 0.7 * activation + 0.1 * noise


@torch.inference_mode()
def check_cut(network: nn.Module, layer: str, x: Tensor) -> None:
    cut = split(network, layer)
    crossing = cut.prefix(x)
    plain = network(x)
    torch.testing.assert_close(cut.suffix(crossing), plain, rtol=0, atol=1e-6)
    with hooked(network, {layer: lambda activation, _: changed(activation)}):
        expected = network(x)
    assert not all(map(torch.equal, expected, plain))
    got = cut.suffix(crossing.with_activation(changed(crossing.activation)))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", [*LAYERS, f"{LAYER}_out"])
def test_both_parts_in_turn_are_the_whole_network(layer: str, x: Tensor) -> None:
    torch.manual_seed(0)
    check_cut(Impala(1), layer, x)


@pytest.mark.parametrize("layer", ["embedder.block1.res2.conv1", LAYER, "embedder.fc"])
def test_at_the_published_weights(published: Impala, layer: str, x: Tensor) -> None:
    check_cut(published, layer, x)


@pytest.mark.parametrize("layer", ["inner.embedder.block2.res1", "inner.fc_policy"])
def test_a_network_of_another_kind_runs_whole(untrained: Impala, layer: str, x: Tensor) -> None:
    check_cut(Wrapped(untrained), layer, x)


@pytest.mark.parametrize("layer", ["embedder.block2.res1.conv1", LAYER, "fc_value"])
def test_rows_can_be_picked_and_joined(untrained: Impala, layer: str, x: Tensor) -> None:
    cut = split(untrained, layer)
    crossing = cut.prefix(x)
    joined = concatenate([crossing.rows(torch.tensor([3, 1])), crossing.rows(torch.tensor([0]))])
    assert len(joined) == 3
    logits, value = untrained(x[[3, 1, 0]])
    torch.testing.assert_close(cut.suffix(joined), (logits, value), rtol=0, atol=1e-5)


def test_picking_rows_keeps_the_fast_memory_layout(untrained: Impala, x: Tensor) -> None:
    activation = split(untrained, LAYER).prefix(x).rows(torch.tensor([2, 0])).activation
    assert activation.is_contiguous(memory_format=torch.channels_last)


def test_an_unknown_layer_is_named(untrained: Impala) -> None:
    with pytest.raises(MazeInterpError, match=r"unknown layer 'embedder\.fcc': did you mean embedder\.fc"):
        split(untrained, "embedder.fcc")


def test_the_first_part_runs_once_per_observation_however_many_edits(untrained: Impala, rows_through: Any) -> None:
    maze = Maze.from_seed(3, "easy")
    first, last = "embedder.block1.conv", "embedder.fc"
    some = [(edits.Zero(LAYER, channel),) for channel in range(7)]
    evaluate_edits(untrained, maze, LAYER, some[:1])  # after which both ways of running it have been compared
    states = len(states_of([maze]))
    with rows_through(untrained, first) as once:
        evaluate_edits(untrained, maze, LAYER, some[:1])
    with rows_through(untrained, first) as before, rows_through(untrained, last) as after:
        evaluate_edits(untrained, maze, LAYER, some)
    assert before.rows == once.rows == states + 1  # and the picture that they share
    assert after.rows == 7 * states


def test_many_edits_at_once_give_what_each_gives_alone(untrained: Impala) -> None:
    maze = Maze.from_seed(3, "easy")
    combinations: list[tuple[edits.Edit, ...]] = [
        (),
        (edits.Zero(LAYER, [0, 5]),),
        (edits.Scale(LAYER, factor=3.0), edits.SetPixel(f"{LAYER}_out", 2, (4, 9), 5.0)),
        (edits.Add(LAYER, np.linspace(-1, 1, 32)),),
    ]
    together = evaluate_edits(untrained, maze, LAYER, combinations)
    for result, some in zip(together, combinations, strict=True):
        alone = next(evaluate(untrained, [maze], some))
        assert result.squares == alone.squares
        np.testing.assert_allclose(result.probs, alone.probs, atol=1e-5)
        np.testing.assert_allclose(result.value, alone.value, atol=1e-5)
    assert np.abs(together[0].probs - together[1].probs).max() > 1e-3


def test_only_what_is_wanted_is_run(untrained: Impala, rows_through: Any) -> None:
    maze = Maze.from_seed(3, "easy")
    some = [(), (edits.Zero(LAYER, 3),), (edits.Zero(LAYER, 4),)]
    every = evaluate_edits(untrained, maze, LAYER, some, facings=("left",))
    wanted = np.random.default_rng(0).random((3, len(every[0].squares), 1)) < 0.3
    wanted[1] = False
    with rows_through(untrained, "embedder.fc") as after:
        part = evaluate_edits(untrained, maze, LAYER, some, wanted, facings=("left",))
    assert after.rows == wanted.sum()
    for result, full, mask in zip(part, every, wanted, strict=True):
        np.testing.assert_allclose(result.probs[mask], full.probs[mask], atol=1e-5)
        assert np.isnan(result.probs[~mask]).all()


def test_edits_of_another_layer_cannot_share_the_cut(untrained: Impala) -> None:
    with pytest.raises(MazeInterpError, match=r"an edit of embedder\.fc cannot be measured among edits of embedder"):
        evaluate_edits(untrained, Maze.from_seed(0, "easy"), LAYER, [(edits.Zero("embedder.fc"),)])
