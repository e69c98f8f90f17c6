"""What a maze's observations share in the network: equal to the whole forward pass, and used only where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from maze_interp import edits
from maze_interp.environment.observe import FACINGS, MazeView
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import distinct_states, draw_states, evaluate, run_observations
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.impala.shared_picture import SHARED, PictureOfImpala
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.split import share, split

LATE, EARLY = "embedder.block2.res1.resadd", "embedder.block1.res1.resadd"


@pytest.fixture(scope="module")
def network() -> Impala:
    torch.manual_seed(3)
    network = Impala(1)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):  # zero as they are initialised, they would hide what padding does
            torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def first_layers(network: Impala, x: Tensor) -> Tensor:
    block1, block2 = network.embedder.block1, network.embedder.block2
    return block2.maxpool(block2.conv(block1(x)))


@torch.inference_mode()
@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_every_observation_of_a_maze(network: Impala, mode: DistributionMode) -> None:
    for seed in range(4):
        maze = Maze.from_seed(seed, mode)
        view = MazeView(maze)
        states, _ = distinct_states(view, maze.squares, FACINGS)
        x = to_input(draw_states(view, states))
        shared = PictureOfImpala(network, to_input(view.empty[None]))
        torch.testing.assert_close(shared.differing(x), first_layers(network, x), rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("size", [1, 2, 5, 13, 40, 64])
def test_differences_of_any_size_and_place(network: Impala, size: int) -> None:
    rng = np.random.default_rng(size)
    picture = rng.integers(0, 256, (1, 64, 64, 3), np.uint8)
    others = picture.repeat(40, axis=0)
    corners = [(row, column) for row in (0, 64 - size) for column in (0, 64 - size)]
    places = [*corners, *rng.integers(0, 65 - size, (35, 2)).tolist()]
    for other, (row, column) in zip(others[1:], places, strict=True):  # the first stays the picture itself
        other[row : row + size, column : column + size] = rng.integers(0, 256, (size, size, 3))
    shared = PictureOfImpala(network, to_input(picture))
    x = to_input(others)
    torch.testing.assert_close(shared.differing(x), first_layers(network, x), rtol=0, atol=1e-5)


@torch.inference_mode()
def test_small_and_large_differences_in_one_batch(network: Impala) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 64, 64, 3), np.uint8)
    others = picture.repeat(4, axis=0)
    others[0, 63, 63] += 1
    others[1, :, :] += 1
    others[2, 20:29, 55:64] += 1
    shared, x = PictureOfImpala(network, to_input(picture)), to_input(others)
    torch.testing.assert_close(shared.differing(x), first_layers(network, x), rtol=0, atol=1e-5)


@torch.inference_mode()
def test_outputs_are_those_of_the_whole_network(network: Impala) -> None:
    maze = Maze.from_seed(3)
    view = MazeView(maze)
    observations = draw_states(view, [(square, "left") for square in maze.squares])
    logits, value = network(to_input(observations))
    expected = torch.cat([move_probabilities(logits), value.double()[:, None]], dim=1)
    np.testing.assert_allclose(run_observations(network, view, observations), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("layer", [LATE, "embedder.block2", SHARED, EARLY, "embedder.block1", "embedder.fc"])
def test_edits_act_as_on_the_whole_network(network: Impala, layer: str) -> None:
    maze = Maze.from_seed(5)
    edit = edits.Scale(layer, channels=[0, 3], factor=0.3)
    (got,) = evaluate(network, [maze], [edit])
    (cut,) = evaluate_edits(network, maze, layer, [[edit]])
    with network.hooks({layer: lambda activation, _: edit.bind(network)(activation)}):
        (expected,) = evaluate(network, [maze])
    for found in (got, cut):
        np.testing.assert_allclose(found.probs, expected.probs, rtol=0, atol=1e-6)
    (plain,) = evaluate(network, [maze])
    assert np.abs(got.probs - plain.probs).max() > 1e-5


def test_edits_of_a_leaf_and_of_what_holds_it_keep_their_order(network: Impala) -> None:
    maze = Maze.from_seed(5)
    outer, inner = (
        edits.Scale("embedder.block2", channels=[1], factor=2.0),
        edits.Zero("embedder.block2.res2.resadd", [1]),
    )
    added = edits.Add("embedder.block2", np.ones((32, 16, 16), np.float32))
    (got,) = evaluate(network, [maze], [outer, added, inner])
    hooks = {edit: edit.bind(network) for edit in (inner, outer, added)}
    functions = {
        inner.layer: lambda activation, _: hooks[inner](activation),
        outer.layer: lambda activation, _: hooks[added](hooks[outer](activation)),
    }
    with network.hooks(functions):  # with hooks the whole network runs
        (expected,) = evaluate(network, [maze])
    np.testing.assert_allclose(got.probs, expected.probs, rtol=0, atol=1e-6)


def test_what_cannot_be_shared_is_not(network: Impala) -> None:
    class Other(Impala):
        pass

    picture = torch.zeros(1, 3, 64, 64)
    assert isinstance(share(network, picture, [LATE, "embedder.block2", "fc_value"]), PictureOfImpala)
    for layers in ([SHARED], [EARLY], [LATE, EARLY], ["embedder.block1"]):
        assert share(network, picture, layers) is None
    assert share(Other(1), picture, [LATE]) is None
    with network.hooks({"embedder.fc": lambda activation, _: None}):
        assert share(network, picture, [LATE]) is None
        network(picture)  # a hook that nothing runs through is an error
    assert share(network, picture, [LATE]) is not None


def test_hooks_see_whole_activations(network: Impala) -> None:
    maze = Maze.from_seed(2)
    shapes = set()
    with network.hooks({EARLY: lambda activation, _: shapes.add(tuple(activation.shape[1:]))}):
        list(evaluate(network, [maze]))
    assert shapes == {(16, 32, 32)}


@torch.inference_mode()
def test_a_prefix_from_what_is_shared(network: Impala) -> None:
    maze = Maze.from_seed(4)
    view = MazeView(maze)
    x = to_input(draw_states(view, [(square, "right") for square in maze.squares]))
    for layer in (SHARED, "embedder.block2.res1.conv1", LATE, "embedder.block3", "fc_value"):
        cut = split(network, layer)
        shared = share(network, to_input(view.empty[None]), [])
        torch.testing.assert_close(cut.suffix(cut.prefix(x, shared)), network(x), rtol=0, atol=1e-5)
