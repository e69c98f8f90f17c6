"""Hooks and caches: what they see, in what order, and that nothing of them stays behind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import HookFunction, bare, hooked, run_with_cache

LAYER = "embedder.block2.res1.resadd"


@pytest.fixture
def x() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def small() -> nn.Sequential:
    """Not one of ours: names of its own, and an operation in place."""
    torch.manual_seed(2)
    return nn.Sequential(
        OrderedDict(first=nn.Linear(4, 5), rectify=nn.ReLU(inplace=True), again=nn.Linear(5, 5), out=nn.Linear(5, 2))
    )


def scale(factor: float) -> HookFunction:
    return lambda activation, layer: activation * factor


def shift(amount: float | Tensor) -> HookFunction:
    return lambda activation, layer: activation + amount


def hook_count(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_a_hook_changes_what_the_next_layer_sees(untrained: Impala, x: Tensor) -> None:
    with untrained.hooks({"embedder.relufc": lambda activation, layer: torch.zeros_like(activation)}):
        logits, value = untrained(x)
    assert torch.equal(logits, untrained.fc_policy.bias.expand(2, 15))
    assert torch.equal(value, untrained.fc_value.bias.expand(2))


def test_a_hook_that_returns_nothing_leaves_the_activation(untrained: Impala, x: Tensor) -> None:
    seen: list[str] = []
    with untrained.hooks({LAYER: lambda activation, layer: seen.append(layer)}):
        logits, _ = untrained(x)
    assert seen == [LAYER]
    assert torch.equal(logits, untrained(x)[0])


def test_the_published_spelling_names_the_same_layer(untrained: Impala, x: Tensor) -> None:
    _, _, cache = untrained.run_with_cache(x, [LAYER, f"{LAYER}_out"])
    assert set(cache) == {LAYER, f"{LAYER}_out"}
    assert torch.equal(cache[LAYER], cache[f"{LAYER}_out"])


def test_an_unknown_layer_is_answered_with_close_ones(untrained: Impala, x: Tensor) -> None:
    message = r"unknown layer 'embedder\.block2\.res1\.resad': did you mean .*resadd"
    with pytest.raises(MazeInterpError, match=message):
        untrained.run_with_cache(x, ["embedder.block2.res1.resad"])
    with pytest.raises(MazeInterpError, match=message), untrained.hooks({"embedder.block2.res1.resad": scale(2)}):
        pytest.fail("the block ran")
    assert hook_count(untrained) == 0


def test_one_unknown_layer_among_several_leaves_no_hook(untrained: Impala) -> None:
    with pytest.raises(MazeInterpError, match="unknown layer"), untrained.hooks({LAYER: scale(2), "fc": scale(2)}):
        pytest.fail("the block ran")
    assert hook_count(untrained) == 0


def raise_in_block(network: Impala, x: Tensor) -> None:
    with network.hooks({LAYER: scale(2)}):
        network(x)
        raise KeyError("block")


def raise_in_hook(network: Impala, x: Tensor) -> None:
    def fail(activation: Tensor, layer: str) -> Tensor:
        raise KeyError("hook")

    with network.hooks({LAYER: scale(2)}), network.hooks({"embedder.fc": fail}):
        network(x)


def raise_in_forward(network: Impala, x: Tensor) -> None:
    network.run_with_cache(x[:, :, :32], [LAYER])


@pytest.mark.parametrize(
    ("act", "error"), [(raise_in_block, KeyError), (raise_in_hook, KeyError), (raise_in_forward, RuntimeError)]
)
def test_hooks_vanish_after_an_exception(
    untrained: Impala, x: Tensor, act: Callable[[Impala, Tensor], None], error: type[Exception]
) -> None:
    before = untrained(x)[0]
    with pytest.raises(error):
        act(untrained, x)
    assert hook_count(untrained) == 0
    assert torch.equal(untrained(x)[0], before)


def test_a_hook_whose_layer_never_ran_is_an_error(untrained: Impala) -> None:
    with (
        pytest.raises(MazeInterpError, match=rf"nothing ran through layer {LAYER} while"),
        untrained.hooks({LAYER: scale(2)}),
    ):
        pass


def test_an_exception_is_not_replaced_by_the_hook_that_never_ran(untrained: Impala) -> None:
    with pytest.raises(KeyError, match="mine"), untrained.hooks({LAYER: scale(2)}):
        raise KeyError("mine")


def test_nested_blocks_act_outer_first(untrained: Impala, x: Tensor) -> None:
    plain = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    with untrained.hooks({LAYER: scale(2)}), untrained.hooks({LAYER: shift(1)}):
        outer_scale = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    with untrained.hooks({LAYER: shift(1)}), untrained.hooks({LAYER: scale(2)}):
        outer_shift = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    torch.testing.assert_close(outer_scale, 2 * plain + 1)
    torch.testing.assert_close(outer_shift, 2 * (plain + 1))


def test_functions_on_one_layer_act_in_the_order_of_the_mapping(untrained: Impala, x: Tensor) -> None:
    plain = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    with untrained.hooks({LAYER: scale(2), f"{LAYER}_out": shift(1)}):
        changed = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    torch.testing.assert_close(changed, 2 * plain + 1)


def test_hooks_can_be_used_again(untrained: Impala, x: Tensor) -> None:
    results = []
    for _ in range(3):
        with untrained.hooks({LAYER: scale(0)}):
            results.append(untrained(x)[0])
    assert torch.equal(results[0], results[2])
    assert not torch.equal(results[0], untrained(x)[0])


def test_hooks_of_outer_blocks_sleep_in_a_bare_one(untrained: Impala, x: Tensor) -> None:
    plain = untrained(x)[0]
    with untrained.hooks({LAYER: scale(0)}):
        changed = untrained(x)[0]
        with bare():
            assert torch.equal(untrained(x)[0], plain)
            with untrained.hooks({LAYER: scale(0)}):
                assert torch.equal(untrained(x)[0], changed)
        assert torch.equal(untrained(x)[0], changed)


def test_a_cache_holds_copies(small: nn.Sequential) -> None:
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    before = small.get_submodule("first")(x)
    assert (before < 0).any()  # so that the rectifier, in place, changes something
    for gradients in (False, True):
        _, cache = run_with_cache(small, x, ["first"], gradients)
        assert torch.equal(cache["first"], before)


def test_changing_a_cache_changes_nothing_else(untrained: Impala, x: Tensor) -> None:
    logits, _, cache = untrained.run_with_cache(x, ["fc_policy"])
    kept = logits.clone()
    cache["fc_policy"].zero_()
    assert torch.equal(logits, kept)


def test_a_cache_of_everything_holds_every_leaf_and_changes_no_output(untrained: Impala, x: Tensor) -> None:
    logits, value, cache = untrained.run_with_cache(x)
    assert torch.equal(logits, untrained(x)[0])
    assert torch.equal(value, untrained(x)[1])
    assert len(cache) == 3 * (2 + 2 * 5) + 4 + 2
    assert torch.equal(cache["fc_policy"], logits)


def test_without_asking_a_cache_has_no_gradients(x: Tensor) -> None:
    logits, _, cache = Impala(1).run_with_cache(x, [LAYER])
    assert not logits.requires_grad
    assert not cache[LAYER].requires_grad


def test_gradients_reach_the_cache_of_a_frozen_network(untrained: Impala, x: Tensor) -> None:
    assert not any(weights.requires_grad for weights in untrained.parameters())
    logits, _, cache = untrained.run_with_cache(x, [LAYER, "embedder.relufc"], gradients=True)
    early, late = torch.autograd.grad(logits[:, 3].sum(), [cache[LAYER], cache["embedder.relufc"]])
    torch.testing.assert_close(late, untrained.fc_policy.weight[3].expand(2, 256))
    direction = torch.randn(early.shape, generator=torch.Generator().manual_seed(3)) * 1e-2
    ends = []
    for sign in (1, -1):
        with untrained.hooks({LAYER: shift(sign * direction)}):
            ends.append(untrained(x)[0][:, 3].sum())
    torch.testing.assert_close((ends[0] - ends[1]) / 2, (early * direction).sum(), rtol=1e-2, atol=1e-4)


def test_backward_leaves_gradients_in_the_cache_and_the_weights(x: Tensor) -> None:
    torch.manual_seed(0)
    network = Impala(1)
    logits, _, cache = network.run_with_cache(x, ["embedder.relufc"], gradients=True)
    torch.autograd.backward(logits.sum())
    assert cache["embedder.relufc"].grad is not None
    torch.testing.assert_close(cache["embedder.relufc"].grad, network.fc_policy.weight.sum(0).expand(2, 256))
    assert network.embedder.block1.conv.weight.grad is not None
    assert network.embedder.block1.conv.weight.grad.abs().sum() > 0


def test_any_module_with_names_will_do(small: nn.Sequential) -> None:
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    output, cache = run_with_cache(small, x)
    assert list(cache) == ["first", "rectify", "again", "out"]
    with hooked(small, {"again_out": scale(0)}):
        assert torch.equal(small(x), small.get_parameter("out.bias").expand(3, 2))
    assert torch.equal(small(x), output)


def test_of_a_layer_that_runs_twice_the_cache_holds_the_last() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_one = nn.Linear(1, 1)
            nn.init.ones_(self.add_one.weight)
            nn.init.ones_(self.add_one.bias)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.add_one(self.add_one(x))
            return out

    _, cache = run_with_cache(Twice(), torch.zeros(1, 1), ["add_one"])
    assert cache["add_one"].item() == 2


def test_a_hook_cannot_change_the_shape(untrained: Impala, x: Tensor) -> None:
    with (
        pytest.raises(MazeInterpError, match=r"a hook on embedder\.fc turned \(2, 256\) into \(2, 255\)"),
        untrained.hooks({"embedder.fc": lambda activation, layer: activation[:, 1:]}),
    ):
        untrained(x)


def test_a_layer_that_puts_out_several_tensors_is_refused() -> None:
    network = nn.Sequential(OrderedDict(memory=nn.LSTM(4, 3)))
    with pytest.raises(MazeInterpError, match="layer memory puts out a tuple, not one tensor"):
        run_with_cache(network, torch.zeros(2, 1, 4), ["memory"])
