"""What a maze's observations share in the network: equal to the whole forward pass, and used only where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from maze_interp import edits
from maze_interp.environment.observe import FACINGS, observe
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import Runner, evaluate
from maze_interp.measure.states import states_of
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.impala.shared_picture import SHARED, PicturesOfImpala
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.split import Patches, share, split

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
def test_every_observation_of_several_mazes(network: Impala, mode: DistributionMode) -> None:
    states = states_of([Maze.from_seed(seed, mode) for seed in range(4)])
    every = np.arange(len(states))
    shared = PicturesOfImpala(network, to_input(states.pictures))
    expected = first_layers(network, to_input(states.observations(every)))
    torch.testing.assert_close(shared.differing(states.patches(every)), expected, rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 13, 40, 64])
def test_patches_of_any_size_and_place(network: Impala, size: int) -> None:
    rng = np.random.default_rng(size)
    pictures = torch.from_numpy(rng.random((3, 3, 64, 64), np.float32))
    corners = [(row, column) for row in (0, 64 - size) for column in (0, 64 - size)]
    places = np.array([*corners, *rng.integers(0, 65 - size, (36, 2)).tolist()])
    patches = Patches(
        picture=torch.from_numpy(rng.integers(0, 3, 40)),
        top=torch.from_numpy(places[:, 0]),
        left=torch.from_numpy(places[:, 1]),
        pixels=torch.from_numpy(rng.random((40, 3, size, size), np.float32)),
    )
    x = pictures[patches.picture]
    for one, (row, column), pixels in zip(x, places, patches.pixels, strict=True):
        one[:, row : row + size, column : column + size] = pixels
    shared = PicturesOfImpala(network, pictures)
    for _ in range(2):  # windows of another batch are written over
        torch.testing.assert_close(shared.differing(patches), first_layers(network, x), rtol=0, atol=1e-5)


@torch.inference_mode()
def test_outputs_are_those_of_the_whole_network(network: Impala) -> None:
    states = states_of([Maze.from_seed(3), Maze.from_seed(5)])
    every = np.arange(len(states))
    logits, value = network(to_input(states.observations(every)))
    expected = torch.cat([move_probabilities(logits), value.double()[:, None]], dim=1)
    np.testing.assert_allclose(Runner(network, states).run(every), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [(), (edits.Zero("embedder.fc", 0),)])
def test_outputs_do_not_depend_on_what_shares_their_batch(network: Impala, kind: tuple[edits.Edit, ...]) -> None:
    states = states_of([Maze.from_seed(seed) for seed in range(3)])
    every = np.arange(len(states))
    run = Runner(network, states, kind)
    together = run.run(every)
    for some in (every[5:6], every[::-1], every[7:52:3]):
        np.testing.assert_array_equal(run.run(some)[:, :5], together[some, :5])


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_states_are_those_that_procgen_draws_each_once(mode: DistributionMode) -> None:
    mazes = [Maze.from_seed(seed, mode).with_cheese(None) for seed in (0, 3)]
    states = states_of(mazes)
    drawn = states.observations(np.arange(len(states)))
    assert len(np.unique(drawn.reshape(len(drawn), -1), axis=0)) == len(drawn)
    for maze, squares, rows in zip(mazes, states.squares, states.rows, strict=True):
        for column, facing in enumerate(FACINGS):
            np.testing.assert_array_equal(drawn[rows[:, column]], observe(maze, squares, facing))


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
    assert isinstance(share(network, picture, [LATE, "embedder.block2", "fc_value"]), PicturesOfImpala)
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
    states = states_of([Maze.from_seed(4)], ["right"])
    every = np.arange(len(states))
    x = to_input(states.observations(every))
    shared = share(network, to_input(states.pictures), [])
    assert shared is not None
    for layer in (SHARED, "embedder.block2.res1.conv1", LATE, "embedder.block3", "fc_value"):
        cut = split(network, layer)
        crossing = cut.prefix(shared.differing(states.patches(every)), shared.layer)
        torch.testing.assert_close(cut.suffix(crossing), network(x), rtol=0, atol=1e-5)
