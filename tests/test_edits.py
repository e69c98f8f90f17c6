"""Edits against a forward pass written out by hand, in both networks; and what they refuse."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import maze_interp as mi
from maze_interp import edits
from maze_interp.edits.observations import Observations
from maze_interp.errors import MazeInterpError
from maze_interp.measure.field import vector_fields
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import hooked

CONV = "embedder.block2.res1.resadd"
INSIDE = "embedder.block1.res2.conv1"
FLAT = "embedder.fc"

START = Observations(levels=(4,), distribution_mode="easy")
SEVERAL = Observations(levels=(1, 2, 5), distribution_mode="easy", squares="all", cheese="none")


def vector(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def by_hand(policy: Impala, x: Tensor, layer: str = "", change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Logits and value, `[n, 16]`, by plain functions of the weights, one layer's output changed on the way."""
    weights = policy.state_dict()

    def at(name: str, activation: Tensor) -> Tensor:
        return change(activation) if change and name == layer else activation

    def conv(name: str, x: Tensor) -> Tensor:
        return at(name, F.conv2d(x, weights[f"{name}.weight"].contiguous(), weights[f"{name}.bias"], padding=1))

    def linear(name: str, x: Tensor) -> Tensor:
        return at(name, x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])

    x = x.contiguous()
    for block in (f"embedder.block{number}" for number in (1, 2, 3)):
        x = at(f"{block}.maxpool", F.max_pool2d(conv(f"{block}.conv", x), 3, 2, 1))
        for residual in (f"{block}.res1", f"{block}.res2"):
            branch = conv(f"{residual}.conv2", conv(f"{residual}.conv1", x.relu()).relu())
            x = at(f"{residual}.resadd", x + branch)
    features = linear(FLAT, x.relu().flatten(1)).relu()
    return torch.cat([linear("fc_policy", features), linear("fc_value", features)], dim=1)


def activation(policy: Impala, x: Tensor, layer: str) -> Tensor:
    """What the hand-written pass has at `layer`."""
    seen: list[Tensor] = []

    def look(activation: Tensor) -> Tensor:
        seen.append(activation.clone())
        return activation

    by_hand(policy, x, layer, look)
    return seen[0]


def in_channels(*channels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Take `new` in these channels, `old` elsewhere."""

    def choose(old: Tensor, new: Tensor) -> Tensor:
        rows = [new[:, c] if c in channels else old[:, c] for c in range(old.shape[1])]
        return torch.stack(rows, dim=1)

    return choose


def with_pixel(old: Tensor, row: int, column: int, value: float) -> Tensor:
    return torch.tensor(
        [
            [
                [
                    [value if (i, j) == (row, column) else v for j, v in enumerate(line)]
                    for i, line in enumerate(channel)
                ]
                for channel in one
            ]
            for one in old.tolist()
        ]
    )


def all_observations(some: Observations) -> Tensor:
    mazes = [mi.Maze.from_seed(level, some.distribution_mode) for level in some.levels]
    if some.cheese == "none":
        mazes = [maze.with_cheese(None) for maze in mazes]
    places = [None if some.squares == "all" else [maze.start] for maze in mazes]
    return torch.cat([mi.to_input(mi.observe(*each)) for each in zip(mazes, places, strict=True)])


ByHand = Callable[[Impala, Tensor], Tensor]  # (policy, old activation) -> new activation

CASES: list[tuple[str, edits.Edit, ByHand]] = [
    ("zero all", edits.Zero(CONV), lambda _, old: old * 0),
    ("zero some", edits.Zero(CONV, [9, 2]), lambda _, old: in_channels(2, 9)(old, 0 * old)),
    ("zero inside a branch", edits.Zero(INSIDE, range(9)), lambda _, old: in_channels(*range(9))(old, 0 * old)),
    ("zero features", edits.Zero(FLAT, range(100)), lambda _, old: in_channels(*range(100))(old, 0 * old)),
    (
        "zero one position",
        edits.Zero(CONV, [1, 4], positions=[(2, 3)]),
        lambda _, old: in_channels(1, 4)(old, with_pixel(old, 2, 3, 0.0)),
    ),
    (
        "zero positions of all",
        edits.Zero(CONV, positions=[(2, 3), (15, 0)]),
        lambda _, old: with_pixel(with_pixel(old, 2, 3, 0.0), 15, 0, 0.0),
    ),
    ("scale", edits.Scale(CONV, [0], factor=-2.5), lambda _, old: in_channels(0)(old, -2.5 * old)),
    ("scale features", edits.Scale(FLAT, factor=3), lambda _, old: 3 * old),
    (
        "mean",
        edits.Mean(CONV, [5, 6], source=SEVERAL),
        lambda policy, old: in_channels(5, 6)(
            old, activation(policy, all_observations(SEVERAL), CONV).mean(0, keepdim=True).expand_as(old)
        ),
    ),
    (
        "mean of features",
        edits.Mean(FLAT, source=START),
        lambda policy, old: activation(policy, all_observations(START), FLAT).expand_as(old),
    ),
    (
        "resample",
        edits.Resample(CONV, [31], source=START),
        lambda policy, old: in_channels(31)(old, activation(policy, all_observations(START), CONV).expand_as(old)),
    ),
    (
        "set pixel",
        edits.SetPixel(CONV, [7, 8], (4, 11), 5.5),
        lambda _, old: in_channels(7, 8)(old, with_pixel(old, 4, 11, 5.5)),
    ),
    (
        "set pixel and fill",
        edits.SetPixel(INSIDE, None, (0, 31), 2.3, fill=-0.2),
        lambda _, old: with_pixel(torch.full_like(old, -0.2), 0, 31, 2.3),
    ),
    (
        "add",
        edits.Add(CONV, vector(32, 16, 16), -1.5),
        lambda _, old: old - 1.5 * torch.tensor(vector(32, 16, 16)),
    ),
    (
        "add one number a channel",
        edits.Add(CONV, torch.tensor(vector(32)), 2, channels=[3, 30]),
        lambda _, old: in_channels(3, 30)(old, old + 2 * torch.tensor(vector(32)).reshape(1, 32, 1, 1)),
    ),
    (
        "add to features",
        edits.Add(FLAT, vector(256).tolist()),
        lambda _, old: old + torch.tensor(vector(256)),
    ),
]


@pytest.fixture(params=["untrained", "published"])
def policy(request: pytest.FixtureRequest) -> Impala:
    found: Impala = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def x() -> Tensor:
    maze = mi.Maze.from_seed(7, "easy")
    return mi.to_input(mi.observe(maze, maze.squares[:3]))


@torch.inference_mode()
def outputs(policy: Impala, x: Tensor, some: list[edits.Edit]) -> Tensor:
    with edits.applied(policy, some):
        logits, value = policy(x)
    return torch.cat([logits, value[:, None]], dim=1)


@pytest.mark.parametrize(("edit", "new"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_edit_is_the_change_made_by_hand(policy: Impala, x: Tensor, edit: edits.Edit, new: ByHand) -> None:
    expected = by_hand(policy, x, edit.layer, lambda old: new(policy, old))
    got = outputs(policy, x, [edit])
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert not torch.allclose(got, by_hand(policy, x), rtol=0, atol=1e-5)


def test_the_pass_written_by_hand_is_the_network(policy: Impala, x: Tensor) -> None:
    torch.testing.assert_close(by_hand(policy, x), outputs(policy, x, []), rtol=1e-5, atol=1e-4)


def test_edits_of_one_layer_act_in_the_order_given(untrained: Impala, x: Tensor) -> None:
    add, scale = edits.Add(CONV, vector(32)), edits.Scale(CONV, factor=-0.5)
    per_channel = torch.tensor(vector(32)).reshape(1, 32, 1, 1)
    first_add = by_hand(untrained, x, CONV, lambda old: -0.5 * (old + per_channel))
    first_scale = by_hand(untrained, x, CONV, lambda old: -0.5 * old + per_channel)
    torch.testing.assert_close(outputs(untrained, x, [add, scale]), first_add, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(outputs(untrained, x, [scale, add]), first_scale, rtol=1e-5, atol=1e-3)
    assert not torch.allclose(first_add, first_scale, rtol=1e-2)


def test_edits_of_several_layers_act_together(untrained: Impala, x: Tensor) -> None:
    some: list[edits.Edit] = [edits.Zero(FLAT, range(128)), edits.SetPixel(f"{CONV}_out", 3, (1, 1), 9.0)]
    with (
        hooked(untrained, {CONV: lambda old, _: in_channels(3)(old, with_pixel(old, 1, 1, 9.0))}),
        hooked(untrained, {FLAT: lambda old, _: in_channels(*range(128))(old, 0 * old)}),
    ):
        expected = outputs(untrained, x, [])
    torch.testing.assert_close(outputs(untrained, x, some), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("edit", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_the_activation_given_stays_as_it_was_and_so_does_the_layout(untrained: Impala, edit: edits.Edit) -> None:
    shape = {CONV: (2, 32, 16, 16), INSIDE: (2, 16, 32, 32), FLAT: (2, 256)}[edit.layer]
    given = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    if given.ndim == 4:
        given = given.contiguous(memory_format=torch.channels_last)
    kept = given.clone()
    result = edit.bind(untrained)(given)
    assert torch.equal(given, kept)
    assert not torch.equal(result, kept)
    assert result.stride() == given.stride()
    result.zero_()
    assert torch.equal(given, kept)


@pytest.mark.parametrize("edit", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_gradients_pass_through_an_edit(untrained: Impala, x: Tensor, edit: edits.Edit) -> None:
    with torch.inference_mode():
        change = edit.bind(untrained)
    reached = x.clone().requires_grad_()
    with hooked(untrained, {edit.layer: lambda old, _: change(old)}):
        logits, _ = untrained(reached + 0)
    logits.square().sum().backward()  # type: ignore[no-untyped-call]
    assert reached.grad is not None
    assert reached.grad.isfinite().all()


def test_a_gradient_through_an_edit_is_right(untrained: Impala, x: Tensor) -> None:
    """The value's gradient, against a difference quotient."""
    policy, point = copy.deepcopy(untrained).double(), x[:1].double().requires_grad_()
    with edits.applied(policy, edits.Scale(CONV, [3, 4], factor=3.0)):
        (gradient,) = torch.autograd.grad(policy(point)[1].sum(), point)
        place = np.unravel_index(int(gradient.abs().argmax()), tuple(point.shape))
        step = torch.zeros_like(point)
        step[place] = 1e-5
        with torch.no_grad():
            quotient = float((policy(point + step)[1] - policy(point - step)[1]).sum() / 2e-5)
    assert quotient == pytest.approx(float(gradient[place]), rel=1e-4)
    (plain,) = torch.autograd.grad(policy(point)[1].sum(), point)
    assert float(gradient[place]) != pytest.approx(float(plain[place]), rel=1e-2)


def test_fields_and_behaviour_are_those_of_the_edited_network(untrained: Impala) -> None:
    maze = mi.Maze.from_seed(3, "easy")
    some: list[edits.Edit] = [edits.Zero(CONV, [0, 1, 2]), edits.Add(FLAT, vector(256), 0.5)]
    field = mi.vector_field(untrained, maze, edits=some)
    logits = outputs(untrained, mi.to_input(mi.observe(maze, field.squares)), some)[:, :15]
    p_left = logits.double().softmax(1)[:, :3].sum(1).numpy()
    np.testing.assert_allclose(field.probs[:, 0], p_left, atol=1e-5)
    assert np.abs(field.probs - mi.vector_field(untrained, maze).probs).max() > 1e-3
    result = mi.behaviour(untrained, maze, edits=some)
    np.testing.assert_allclose(result.field.probs, field.probs, atol=1e-5)
    assert result.p_cheese != mi.behaviour(untrained, maze).p_cheese


def test_a_resampled_observation_is_one_of_its_source_and_named_by_the_seed(untrained: Impala) -> None:
    candidates = activation(untrained, all_observations(SEVERAL), CONV)
    zeros, drawn = torch.zeros(1, 32, 16, 16), set()
    for seed in range(8):
        edit = edits.Resample(CONV, source=SEVERAL, seed=seed)
        got = edit.bind(untrained)(zeros)
        assert torch.equal(got, edit.bind(untrained)(zeros))
        distance = (candidates - got).abs().amax((1, 2, 3))
        assert distance.min() < 1e-5
        drawn.add(int(distance.argmin()))
    assert len(drawn) > 3


def test_a_source_can_move_the_cheese_or_draw_it_from_a_region(untrained: Impala) -> None:
    maze = mi.Maze.from_seed(9, "easy")
    assert Observations([9], "easy", cheese=(2, 0)).maze(9) == maze.with_cheese((2, 0))
    assert Observations([9], "easy", cheese="none").maze(9) == maze.with_cheese(None)
    assert Observations([9], "easy").maze(9) == maze
    drawn = Observations([9], "easy", cheese=3).maze(9).cheese
    assert drawn in maze.region(3)


def test_a_mean_is_computed_once_per_network_and_again_when_its_weights_change(
    x: Tensor, rows_through: Callable[..., Any]
) -> None:
    torch.manual_seed(1)
    policy = Impala(1).eval().requires_grad_(False)
    mazes = [mi.Maze.from_seed(seed, "easy") for seed in range(4)]
    rows = []
    for channel in (0, 1):
        with rows_through(policy, "embedder.block1.conv") as count:
            for _ in vector_fields(policy, mazes, [edits.Mean(CONV, channel, source=SEVERAL)]):
                pass
        rows.append(count.rows)
    assert 0 <= rows[0] - rows[1] - len(all_observations(SEVERAL)) < 16  # batches are filled up to multiples of 16
    before = edits.Mean(CONV, source=SEVERAL).bind(policy)(torch.zeros(1, 32, 16, 16))
    policy.embedder.block1.conv.weight.data.mul_(2)
    after = edits.Mean(CONV, source=SEVERAL).bind(policy)(torch.zeros(1, 32, 16, 16))
    expected = activation(policy, all_observations(SEVERAL), CONV).mean(0, keepdim=True)
    torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before, after)


def test_a_mean_is_of_the_unedited_network(untrained: Impala, x: Tensor) -> None:
    mean = edits.Mean(CONV, source=Observations([11], "easy"))
    with edits.applied(untrained, [edits.Zero("embedder.block1.conv")]), edits.applied(untrained, [mean]):
        got = untrained.run_with_cache(x, [CONV])[2][CONV]
    expected = activation(untrained, all_observations(mean.source), CONV)
    torch.testing.assert_close(got, expected.expand_as(got), rtol=1e-5, atol=1e-5)


def test_edits_are_values() -> None:
    assert edits.Zero(CONV, [2, 1, 2]) == edits.Zero(CONV, (1, 2)) != edits.Zero(CONV, [1])
    assert edits.Zero(CONV, 1) == edits.Zero(CONV, np.arange(1, 2))
    assert edits.Add(CONV, vector(32)) == edits.Add(CONV, torch.tensor(vector(32))) != edits.Add(CONV, 2 * vector(32))
    assert edits.Add(CONV, vector(32)) != edits.Add(CONV, vector(32)[:, None])
    assert len({case[1] for case in CASES} | {case[1] for case in CASES}) == len(CASES)
    assert Observations(range(3)) == Observations([0, 1, 2])


def test_edits_are_frozen() -> None:
    own = vector(32)
    edit = edits.Add(CONV, own)
    own[:] = 0
    assert edit == edits.Add(CONV, vector(32))
    with pytest.raises(ValueError, match="read-only"):
        edit.vector[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        edit.coefficient = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edits.Zero("embedder.block2.res1.resad"), r"unknown layer 'embedder\.block2\.res1\.resad': did you mean"),
        (edits.Mean("embedder.fcc", source=START), r"unknown layer 'embedder\.fcc'"),
        (edits.Zero(CONV, [3, 32]), r"has channels 0 to 31, none is 32"),
        (edits.Zero(CONV, -1), r"has channels 0 to 31, none is -1"),
        (edits.Zero(FLAT, 256), r"has channels 0 to 255, none is 256"),
        (edits.SetPixel(CONV, 0, (16, 0), 1), r"has rows 0 to 15 and columns 0 to 15, none is \(16, 0\)"),
        (edits.Scale(CONV, positions=[(0, -1)], factor=2), r"none is \(0, -1\)"),
        (edits.SetPixel(FLAT, 0, (0, 0), 1), r"puts out 256 numbers without positions"),
        (edits.Zero(FLAT, positions=[(0, 0)]), r"puts out 256 numbers without positions"),
        (edits.Add(CONV, vector(32, 8, 8)), r"the vector has shape \(32, 8, 8\), but .* puts out \(32, 16, 16\)"),
        (edits.Add(CONV, vector(256)), r"the vector has shape \(256,\), but"),
        (edits.Mean(CONV, source=Observations([3], squares=[(1, 1)])), r"square of level 3, \(1, 1\) is in a wall"),
        (edits.Resample(CONV, source=Observations([3], cheese=(1, 1))), r"level 3: the cheese \(1, 1\) is in a wall"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(untrained: Impala, edit: edits.Edit, message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.vector_field(untrained, mi.Maze.from_seed(0, "easy"), edits=[edit])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Observations([1], "medium"), "unknown distribution mode 'medium'"),  # type: ignore[arg-type]
        (lambda: Observations([1], squares="al"), "unknown squares 'al': did you mean all"),
        (lambda: Observations([1], squares=[]), "squares is"),
        (lambda: Observations([1], cheese="nowhere"), "unknown cheese 'nowhere'"),
        (lambda: Observations([1], cheese=0), "cheese is a whole number from 1, not 0"),
        (lambda: Observations("12"), "levels is a"),  # type: ignore[arg-type]
        (lambda: Observations([True]), "levels is a"),
        (lambda: edits.Zero(CONV, positions=[(1, 2, 3)]), r"each of positions is \(row, column\)"),
        (lambda: edits.Zero(CONV, positions=[]), "positions is empty"),
        (lambda: edits.Add(CONV, [float("nan")]), "finite numbers"),
        (lambda: edits.Add(CONV, 3.0), "one or more axes"),
    ],
)
def test_values_that_make_no_sense_are_refused_at_once(make: Callable[[], object], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        make()
