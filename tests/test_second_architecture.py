"""A network of another architecture goes through what the first goes through."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import maze_interp as mi
from maze_interp import edits
from maze_interp.measure.edited import evaluate_edits
from maze_interp.policies.agents import agent_info, import_agent, load_network
from maze_interp.policies.architectures import ARCHITECTURES, new_network
from maze_interp.policies.architectures.nature_cnn import NatureCNN
from maze_interp.policies.checkpoints import write_weights
from maze_interp.policies.network import PolicyNetwork, parse_layers
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.policies.split import split
from maze_interp.training.run import Training

MAZE = mi.Maze.from_seed(3, "easy")


@pytest.fixture(scope="module")
def plain() -> NatureCNN:
    torch.manual_seed(0)
    policy = NatureCNN().eval().requires_grad_(False)
    policy.fc_policy.weight *= 30
    return policy


@pytest.fixture(scope="module")
def x() -> Tensor:
    return mi.to_input(mi.observe(MAZE, MAZE.squares[:4]))


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_what_an_architecture_says_of_itself_is_so(kind: str, x: Tensor) -> None:
    policy = new_network("new", kind=kind, width=1)
    logits, value, cache = policy.run_with_cache(x)
    assert (logits.shape, value.shape) == ((4, 15), (4,))
    stated = {policy.features, policy.policy_head, policy.value_head, policy.default_layer, *policy.branches}
    for group in ("main", "outputs", "studied", "trunk", "all"):
        layers = parse_layers(policy, group)
        assert len(set(layers)) == len(layers) > 0
        assert [layer for layer in cache if layer in layers] == list(layers), "in the order in which they run"
        stated |= set(layers)
    assert stated <= set(cache)
    assert policy.default_layer in policy.studied_layers
    assert policy.default_layer in policy.output_layers
    features = cache[policy.features]
    torch.testing.assert_close(policy.linear(policy.policy_head)(features), logits)
    torch.testing.assert_close(policy.linear(policy.value_head)(features)[:, 0], value)
    shapes = {name: tuple(tensor.shape) for name, tensor in policy.state_dict().items()}
    assert type(policy).settings_of(shapes) == policy.settings == {"width": 1}
    assert all(other.settings_of(shapes) is None for other in ARCHITECTURES.values() if other is not type(policy))


def taken_from(cache: Mapping[str, Tensor], activation: Tensor, layer: str) -> Tensor:
    return cache[layer]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_trunk_and_branches(kind: str, x: Tensor) -> None:
    """Of the trunk the rest of the network follows from the layer alone; past a branch something leads around."""
    policy = new_network("new", kind=kind, width=1).eval()
    other = x.flip(3)
    wanted = policy(other)[0]
    for layer in (*policy.trunk, *policy.branches):
        cache = policy.run_with_cache(other, layer)[2]
        patched, _ = policy.run_with_hooks(x, [(layer, partial(taken_from, cache))])
        assert torch.allclose(patched, wanted, atol=1e-5) == (layer in policy.trunk)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_square_lies_over_what_its_position_sees(kind: str) -> None:
    """Of every map: the part of the picture that a position depends on is centred on the position's share of it."""
    policy = new_network("new", kind=kind, width=1).eval()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for layer in policy.output_layers:
        _, _, cache = policy.run_with_cache(x, layer, gradients=True)
        if cache[layer].ndim < 4:
            continue
        rows, columns = map_size(policy, layer)
        middle = rows // 2, columns // 2
        (gradient,) = torch.autograd.grad(cache[layer][0, :, middle[0], middle[1]].square().sum(), x)
        seen = gradient.abs().sum((0, 1))
        weight = seen / seen.sum()
        for axis in (0, 1):
            centre = float((weight.sum(1 - axis) * (torch.arange(64) + 0.5)).sum())
            assert abs(centre - (middle[axis] + 0.5) * 64 / rows) <= 64 / rows
        assert pixel_in(MAZE, (0, 0), (rows, columns))[0] > pixel_in(MAZE, MAZE.top_right, (rows, columns))[0]
        assert mi.activation_pixel(MAZE, (0, 0), layer, policy) == pixel_in(MAZE, (0, 0), (rows, columns))


@pytest.mark.parametrize("layer", [*NatureCNN.output_layers, "relu1", "relu4", "flatten", "fc_value"])
def test_cut_anywhere(plain: NatureCNN, layer: str, x: Tensor) -> None:
    cut = split(plain, layer)
    crossing = cut.prefix(x)
    changed = crossing.activation * 0.5
    with plain.hooks({layer: lambda activation, _: activation * 0.5}):
        expected = plain(x)
    torch.testing.assert_close(cut.suffix(crossing.with_activation(changed)), expected)
    torch.testing.assert_close(cut.suffix(crossing), plain(x))


EDITS: list[edits.Edit] = [
    edits.Zero("default", channels=[1, 2]),
    edits.Scale("conv1", channels=0, factor=3.0),
    edits.SetPixel("conv3", [5, 6], (2, 3), 4.0),
    edits.Add("fc", np.linspace(-1, 1, 512)),
]


def test_edits_and_behaviour(plain: NatureCNN) -> None:
    unedited = mi.behaviour(plain, MAZE)
    assert 0 <= unedited.p_cheese <= 1
    for edit in EDITS:
        after = mi.behaviour(plain, MAZE, [edit])
        (evaluation,) = evaluate_edits(plain, MAZE, edit.layer, [(edit,)], facings=("left",))
        field = mi.vector_field(plain, MAZE, [edit])
        np.testing.assert_allclose(evaluation.probs[:, 0], field.probs, atol=1e-6)
        assert np.abs(field.probs - mi.vector_field(plain, MAZE).probs).max() > 1e-6
        assert after.occupancy.shape == unedited.occupancy.shape


def test_vectors_and_retargeting(plain: NatureCNN) -> None:
    vector = mi.cheese_vector(plain, MAZE, "default")
    assert np.shape(vector) == (64, 8, 8)
    target = MAZE.squares[-1] if MAZE.squares[-1] != MAZE.cheese else MAZE.squares[-2]
    result = mi.retarget(plain, MAZE, [target], channels=[3], value=5.0)
    pixel = mi.activation_pixel(MAZE, target, "conv2", plain)
    alone = mi.behaviour(plain, MAZE, [edits.SetPixel("conv2", [3], pixel, 5.0)])
    assert result.p_visit is not None
    assert result.p_visit[0] == pytest.approx(alone.p_visit(target), abs=1e-6)


def test_saved_imported_and_loaded(plain: NatureCNN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({f"module.{name}": tensor for name, tensor in plain.state_dict().items()}, "plain.pth")
    import_agent(Path("plain.pth"), "plain", "easy", 3)
    assert agent_info("plain").architecture == "nature_cnn"
    loaded: PolicyNetwork = load_network("plain")
    assert isinstance(loaded, NatureCNN)
    assert mi.agent_hash(loaded) == mi.agent_hash(plain)
    assert np.array_equal(mi.vector_field(loaded, MAZE).probs, mi.vector_field(plain, MAZE).probs)
    config = Path("agents/plain/config.yaml")
    config.write_text(config.read_text().replace("nature_cnn", "impala"))
    with pytest.raises(mi.MazeInterpError, match=r"no known architecture \(impala\)"):
        load_network("plain")


def test_a_layer_of_the_other_architecture_is_named(plain: NatureCNN) -> None:
    with pytest.raises(mi.MazeInterpError, match=r"unknown layer 'embedder\.fc': did you mean"):
        mi.vector_field(plain, MAZE, [edits.Zero("embedder.fc")])


def test_training_begins_with_the_network_named(plain: NatureCNN, tmp_path: Path) -> None:
    write_weights(plain, tmp_path / "plain.safetensors")
    first = Training("mine", start_from=str(tmp_path / "plain.safetensors")).first_network()
    assert (type(first), first.name) == (NatureCNN, "mine")
    assert mi.agent_hash(first) == mi.agent_hash(plain)
    with pytest.raises(mi.MazeInterpError, match=r"width is 2, but that of .*plain\.safetensors is 1"):
        Training("mine", width=2, start_from=str(tmp_path / "plain.safetensors")).first_network()
