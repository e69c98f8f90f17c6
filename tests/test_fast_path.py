"""Networks changed in every way, measured, against the changed network run by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

import maze_interp as mi
from maze_interp.edits.base import applied
from maze_interp.measure.channels import ablated_outputs
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.prepared import PreparedMaze
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.architectures.impala.shared_picture import SHARED
from maze_interp.policies.as_built import as_built
from maze_interp.policies.moves import MOVE_OF_ACTION
from maze_interp.policies.split import WholeNetwork, share, split

MAZE = mi.Maze.from_seed(3, "easy")
SQUARES = [square for square in MAZE.squares if square != MAZE.cheese]
OBSERVATIONS = mi.observe(MAZE, SQUARES)


class Half(nn.Module):
    """A parametrisation, or a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.5


class Turned(Impala):
    """A subclass that runs the blocks otherwise."""

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, value = super().outputs(x.flip(3))
        return logits, value


def patch_forward(module: nn.Module, factor: float = 0.5) -> None:
    plain = module.forward
    module.forward = lambda *args: plain(*args) * factor


def patch_method(module: nn.Module, name: str) -> None:
    plain = getattr(module, name)
    setattr(module, name, lambda *args, **kwargs: plain(*args, **kwargs) * 0.5)


def patch_outputs(policy: Impala) -> None:
    plain = policy.outputs
    policy.outputs = lambda x: (plain(x)[0] * 0, plain(x)[1])  # type: ignore[method-assign]


def patch_whole(policy: Impala) -> None:
    plain = policy.forward
    policy.forward = lambda x: (plain(x)[0] * 0.1, plain(x)[1])  # type: ignore[method-assign]


def padding(policy: Impala, mode: Literal["reflect", "circular"]) -> None:
    old = policy.embedder.block1.res1.conv1
    new = nn.Conv2d(16, 16, 3, padding=1, padding_mode=mode)
    new.load_state_dict(old.state_dict())
    policy.embedder.block1.res1.conv1 = new


def set_module(path: str, module: nn.Module) -> Callable[[Impala], None]:
    return lambda policy: policy.set_submodule(path, module)


def set_attribute(path: str, name: str, value: object) -> Callable[[Impala], None]:
    return lambda policy: setattr(policy.get_submodule(path), name, value)


def hook(path: str, function: Callable[..., object], before: bool = False) -> Callable[[Impala], object]:
    def attach(policy: Impala) -> object:
        module = policy.get_submodule(path)
        return module.register_forward_pre_hook(function) if before else module.register_forward_hook(function)

    return attach


def shared_residual(policy: Impala) -> None:
    policy.embedder.block2.res2 = policy.embedder.block2.res1


def parametrised(policy: Impala) -> None:
    parametrize.register_parametrization(policy.embedder.block1.conv, "weight", Half())


def no_bias(policy: Impala) -> None:
    policy.embedder.block1.conv.bias = None


CHANGES: dict[str, Callable[[Impala], object]] = {
    "average pooling": set_module("embedder.block2.maxpool", nn.AvgPool2d(3, 2, 1)),
    "leaky rectifier": set_module("embedder.block1.res1.relu1", nn.LeakyReLU(0.2)),
    "rectifier in place": set_module("embedder.block3.res1.relu2", nn.ReLU(inplace=True)),
    "a layer instead of another": set_module("embedder.relufc", Half()),
    "a block left out": set_module("embedder.block3.res2", nn.Identity()),
    "dropout that is off": set_module("embedder.relu3", nn.Dropout(0.5).eval()),
    "a layer more": set_module("embedder.block1.maxpool", nn.Sequential(nn.MaxPool2d(3, 2, 1), Half())),
    "patched block": lambda policy: patch_forward(policy.embedder.block3),
    "patched leaf": lambda policy: patch_forward(policy.embedder.block1.conv),
    "patched convolution": lambda policy: patch_method(policy.embedder.block2.res1.conv2, "_conv_forward"),
    "patched call": lambda policy: patch_method(policy.embedder.block1.res2, "_call_impl"),
    "patched outputs": patch_outputs,
    "patched forward": patch_whole,
    "hook on a block": hook("embedder.block1", lambda module, args, out: out * 0.3),
    "hook on the embedder": hook("embedder", lambda module, args, out: out * 0.3),
    "hook on the network": hook("", lambda module, args, out: (out[0] * 0.1, out[1])),
    "hook before a block": hook("embedder.block2", lambda module, args: (args[0] * 0.3,), before=True),
    "reflecting padding": lambda policy: padding(policy, "reflect"),
    "circular padding": lambda policy: padding(policy, "circular"),
    "padding changed in place": set_attribute("embedder.block2.res1.conv1", "padding_mode", "reflect"),
    "dilated": lambda policy: [
        set_attribute("embedder.block2.res1.conv1", name, value)(policy)
        for name, value in {"dilation": (2, 2), "padding": (2, 2)}.items()
    ],
    "pruned": lambda policy: prune.l1_unstructured(policy.embedder.block2.conv, "weight", amount=0.7),  # type: ignore[no-untyped-call]
    "parametrised": parametrised,
    "weight norm": lambda policy: parametrizations.weight_norm(policy.embedder.block1.conv),
    "one module in two places": shared_residual,
    "no bias": no_bias,
    "other weights": lambda policy: policy.embedder.block1.conv.weight.data.mul_(2),
    "train mode": lambda policy: policy.train(),
}


def by_hand(policy: nn.Module, dtype: torch.dtype = torch.float32) -> NDArray[np.float64]:
    """Probabilities of the moves on every square, `[n, 5]`."""
    with torch.no_grad():
        x = torch.from_numpy(OBSERVATIONS).permute(0, 3, 1, 2).to(dtype) / 255
        p = policy(x)[0].double().softmax(-1).numpy()
    return np.stack([p[:, move == MOVE_OF_ACTION].sum(1) for move in range(5)], axis=1)


def check(policy: Impala, atol: float = 1e-5, layer: str = Impala.default_layer) -> None:
    """Everything that cuts the network or shares its first layers, against the network by hand."""
    right = by_hand(policy)
    np.testing.assert_allclose(mi.vector_field(policy, MAZE).probs, right, atol=atol)
    (evaluation,) = evaluate_edits(policy, MAZE, layer, [()], facings=("left",))
    np.testing.assert_allclose(evaluation.probs[:, 0], right, atol=atol)
    x = mi.to_input(OBSERVATIONS)
    channel = torch.zeros(1, 16, 16)
    outputs = ablated_outputs(policy, layer, x, [3], channel)
    np.testing.assert_allclose(outputs[0, :, :5], right, atol=atol)
    with policy.hooks({layer: lambda a, _: a.index_fill(1, torch.tensor([3]), 0.0)}):
        np.testing.assert_allclose(outputs[1, :, :5], by_hand(policy), atol=atol)


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_network_is_measured_as_it_is(policy: Impala, name: str) -> None:
    plain = by_hand(policy)
    assert share(policy, torch.zeros(1, 3, 64, 64), ["embedder.fc"])  # what is proven now is not proven for ever
    CHANGES[name](policy)
    check(policy, layer=SHARED if name == "one module in two places" else Impala.default_layer)
    if name not in ("train mode", "dropout that is off", "rectifier in place", "weight norm", "no bias"):
        assert np.abs(by_hand(policy) - plain).max() > 1e-4
    unchanged_structure = name in ("train mode", "other weights")
    assert as_built(policy) == unchanged_structure
    assert isinstance(split(policy, "embedder.fc"), WholeNetwork) != unchanged_structure


def test_after_a_layer_that_runs_twice_nothing_is_cut(policy: Impala) -> None:
    shared_residual(policy)
    with pytest.raises(mi.MazeInterpError, match="resadd runs 2 times in one pass"):
        evaluate_edits(policy, MAZE, Impala.default_layer, [()])


def test_a_subclass_runs_whole() -> None:
    torch.manual_seed(0)
    turned = Turned(1).eval()
    turned.linear("fc_policy").weight.data *= 30
    check(turned)
    assert isinstance(split(turned, "embedder.fc"), WholeNetwork)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float16, 2e-2), (torch.bfloat16, 1e-1), (torch.float64, 1e-5)])
def test_other_precisions(policy: Impala, dtype: torch.dtype, atol: float) -> None:
    right = by_hand(policy)
    policy.to(dtype)
    np.testing.assert_allclose(mi.vector_field(policy, MAZE).probs, right, atol=atol)
    edit = mi.edits.Add(Impala.default_layer, np.linspace(-1, 1, 32))
    edited = mi.vector_field(policy, MAZE, [edit]).probs
    np.testing.assert_allclose(edited, mi.vector_field(policy.float(), MAZE, [edit]).probs, atol=atol)


class Tempered(nn.Module):
    """A wrapper that passes on the attributes of the network in it."""

    def __init__(self, network: Impala) -> None:
        super().__init__()
        self.network = network

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("network"), name)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, value = self.network(x)
        return logits * 0.1, value


def test_a_wrapper_is_not_what_it_wraps(policy: Impala) -> None:
    wrapped = Tempered(policy)
    np.testing.assert_allclose(mi.vector_field(wrapped, MAZE).probs, by_hand(wrapped), atol=1e-5)
    assert np.abs(by_hand(wrapped) - by_hand(policy)).max() > 1e-3


@pytest.mark.parametrize(
    ("layer", "after", "replace"),
    [
        ("embedder.block3.res1.conv1", "embedder.block3.res1.relu2", nn.ReLU(inplace=True)),
        ("embedder.block2.res1.resadd", "embedder.block2.res2.relu1", nn.LeakyReLU(0.1, inplace=True)),
        ("embedder.fc", "embedder.relufc", nn.ELU(inplace=True)),
    ],
)
def test_what_works_in_place_changes_no_cut_before_it(
    policy: Impala, layer: str, after: str, replace: nn.Module
) -> None:
    """Whatever is measured first."""
    policy.set_submodule(after, replace)
    edit = mi.edits.Scale(layer, factor=-1)
    plain, edited, again = evaluate_edits(policy, MAZE, layer, [(), (edit,), ()], facings=("left",))
    for evaluation, some in ((plain, ()), (edited, (edit,)), (again, ())):
        with applied(policy, some):
            np.testing.assert_allclose(evaluation.probs[:, 0], by_hand(policy), atol=1e-5)
    assert np.abs(plain.probs - edited.probs).max() > 1e-3


ADDED = np.linspace(-20, 20, 32)
CONTAINERS: list[tuple[str, list[mi.edits.Edit]]] = [
    (
        "embedder.block3.res1.resadd",
        [mi.edits.Scale("embedder.block2", factor=3), mi.edits.Add("embedder.block2.res2.resadd", ADDED)],
    ),
    ("embedder.block2.res2.resadd", [mi.edits.Scale("embedder.block2", factor=3)]),
    (
        "embedder.block2.res2",
        [
            mi.edits.Zero("embedder.block2", [3]),
            mi.edits.Add("embedder.block2.res2", ADDED),
            mi.edits.Scale("embedder.block2.res2.resadd", factor=2),
        ],
    ),
    ("embedder.block3", [mi.edits.Scale("embedder", factor=0.5), mi.edits.Zero("embedder.relufc", range(9))]),
]


@pytest.mark.parametrize(("layer", "throughout"), CONTAINERS)
@pytest.mark.parametrize("cut", [True, False])
def test_edits_of_a_module_act_before_those_of_one_that_contains_it(
    policy: Impala, layer: str, throughout: list[mi.edits.Edit], cut: bool
) -> None:
    if not cut:
        policy.embedder.relu3 = nn.ReLU(inplace=True)
    mark = mi.edits.SetPixel(layer, [3, 5], (4, 4), 50.0)
    plain, marked = evaluate_edits(policy, MAZE, layer, [(), (mark,)], facings=("left",), throughout=throughout)
    for evaluation, some in ((plain, throughout), (marked, [*throughout, mark])):
        with applied(policy, some):
            np.testing.assert_allclose(evaluation.probs[:, 0], by_hand(policy), atol=1e-5)
    assert np.abs(plain.probs - marked.probs).max() > 1e-3
    assert isinstance(split(policy, layer), WholeNetwork) != cut


def nan_weights(policy: Impala) -> tuple[()]:
    policy.embedder.fc.weight[0, 0] = torch.nan
    return ()


def overflow(policy: Impala) -> tuple[mi.edits.Edit, ...]:
    return mi.edits.Scale(Impala.default_layer, factor=1e38), mi.edits.Scale("embedder.block3", factor=1e38)


def overflow_in_float16(policy: Impala) -> tuple[mi.edits.Edit, ...]:
    policy.half()
    return (mi.edits.Scale("embedder.fc", factor=6e4),)


NO_NUMBERS: dict[str, Callable[[Impala, Any], object]] = {
    "vector_field": lambda policy, some: mi.vector_field(policy, MAZE, some),
    "behaviour": lambda policy, some: mi.behaviour(policy, MAZE, some),
    "behaviours": lambda policy, some: list(mi.behaviours(policy, [MAZE.with_cheese(None)], some)),
    "retarget": lambda policy, some: mi.retarget(policy, MAZE, [(0, 0)], channels=1, value=3, edits=some),
    "retarget_by_cheese": lambda policy, some: mi.retarget_by_cheese(policy, MAZE, [MAZE.top_right], edits=some),
    "sweep": lambda policy, some: mi.sweep(policy, [3], "easy", edits=some),
    "prepared": lambda policy, some: PreparedMaze(policy, MAZE).evaluation(some),
}


@pytest.mark.parametrize("name", NO_NUMBERS)
@pytest.mark.parametrize("how", [nan_weights, overflow, overflow_in_float16])
def test_what_is_no_number_is_no_state_that_is_not_reached(
    policy: Impala, name: str, how: Callable[[Impala], Any]
) -> None:
    some = how(policy)
    with pytest.raises(mi.MazeInterpError, match="the network puts out NaN"):
        NO_NUMBERS[name](policy, some)


def test_no_store_is_made_of_what_is_no_number(policy: Impala, tmp_path: Path) -> None:
    nan_weights(policy)
    with pytest.raises(mi.MazeInterpError, match="the network puts out NaN"):
        mi.record(mi.Recording(policy, "a", mi.LevelSet([3], "easy"), "embedder.fc"), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_dropout_in_training_mode_is_the_networks_own(policy: Impala) -> None:
    policy.embedder.relu3 = nn.Dropout(0.5)  # type: ignore[assignment]
    policy.train()

    def seeded(seed: int) -> NDArray[np.float64]:
        torch.manual_seed(seed)
        return mi.vector_field(policy, MAZE).probs

    assert np.array_equal(seeded(0), seeded(0))
    assert np.abs(seeded(0) - seeded(1)).max() > 1e-3


def test_a_hook_on_everything_counts() -> None:
    torch.manual_seed(0)
    policy = Impala(1).eval()
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, args, out: out * 0.5 if isinstance(module, nn.MaxPool2d) else None
    )
    try:
        check(policy)
    finally:
        handle.remove()
    assert as_built(policy)


@contextmanager
def replaced(owner: type, name: str, value: object) -> Iterator[None]:
    plain = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, plain)


def test_a_class_patched_for_all(policy: Impala) -> None:
    """Before the first network of the kind is measured, and after it."""
    for network in (policy, copy.deepcopy(policy)):
        with replaced(nn.MaxPool2d, "forward", lambda self, x: nn.functional.avg_pool2d(x, 3, 2, 1)):
            check(network)
        check(network)


def test_the_network_itself_takes_the_fast_path(policy: Impala) -> None:
    picture = torch.zeros(1, 3, 64, 64)
    assert share(policy, picture, ["embedder.fc"]) is not None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert share(policy, picture, ["embedder.fc"]) is None
    assert share(copy.deepcopy(policy).double(), picture, ["embedder.fc"]) is None
    check(policy)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(1, 3, 32, 64), r"observations \[n, 3, 64, 64\], not \[1, 3, 32, 64\]"),
        (torch.zeros(3, 64, 64), "observations"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "floats in .0, 1., not torch.uint8"),
        (np.zeros((1, 3, 64, 64)), "not ndarray"),
        (torch.full((1, 3, 64, 64), 255.0), "divide by 255"),
    ],
)
def test_what_is_no_observation_is_refused(policy: Impala, given: object, message: str) -> None:
    with pytest.raises(mi.MazeInterpError, match=message):
        policy(given)  # type: ignore[arg-type]
