"""Hooks and caches: what they see, in what order, and that nothing of them stays behind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.hooks import HookFunction, has_hooks, hooked, run_with_cache, without_hooks

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
    assert list(cache) == [LAYER]
    assert torch.equal(cache[LAYER], cache[f"{LAYER}_out"])
    assert f"{LAYER}_out" in cache


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
    ("act", "error"), [(raise_in_block, KeyError), (raise_in_hook, KeyError), (raise_in_forward, MazeInterpError)]
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


def test_hooks_of_outer_blocks_do_not_act_without_hooks(untrained: Impala, x: Tensor) -> None:
    plain = untrained(x)[0]
    with untrained.hooks({LAYER: scale(0)}):
        changed = untrained(x)[0]
        with without_hooks():
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


def test_a_cache_of_everything_holds_every_module_and_changes_no_output(untrained: Impala, x: Tensor) -> None:
    logits, value, cache = untrained.run_with_cache(x)
    assert torch.equal(logits, untrained(x)[0])
    assert torch.equal(value, untrained(x)[1])
    leaves, containers = 3 * (2 + 2 * 5) + 4 + 2, 3 * 3 + 1
    assert len(cache) == leaves + containers
    assert list(cache)[:3] == ["embedder.block1.conv", "embedder.block1.maxpool", "embedder.block1.res1.relu1"]
    assert torch.equal(cache["embedder.block1"], cache["embedder.block1.res2.resadd"])
    assert torch.equal(cache["embedder.block2.res1_out"], cache[LAYER])
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


def test_layers_by_one_name_several_or_a_function(untrained: Impala, x: Tensor) -> None:
    assert list(untrained.run_with_cache(x, "embedder.fc")[2]) == ["embedder.fc"]
    studied = untrained.run_with_cache(x, "default")[2]
    assert list(studied) == [LAYER]
    assert torch.equal(studied["default"], studied[LAYER])
    assert "default" in studied.detach()
    assert list(untrained.run_with_cache(x, ("embedder.fc", LAYER))[2]) == [LAYER, "embedder.fc"]
    chosen = untrained.run_with_cache(x, lambda path: path.endswith(".conv"))[2]
    assert list(chosen) == [f"embedder.block{number}.conv" for number in (1, 2, 3)]
    for layers in ("nothing", lambda path: False, [3]):
        with pytest.raises(MazeInterpError):
            untrained.run_with_cache(x, layers)  # type: ignore[arg-type]


def test_a_cache_names_what_is_near_and_moves(untrained: Impala, x: Tensor) -> None:
    cache = untrained.run_with_cache(x, [LAYER, "embedder.fc"], gradients=True)[2]
    with pytest.raises(
        MazeInterpError, match=r"unknown layer in this cache 'embedder\.fcc': did you mean embedder\.fc"
    ):
        cache["embedder.fcc"]
    assert cache[LAYER].requires_grad
    assert not cache.detach()[LAYER].requires_grad
    assert cache.to("meta")["embedder.fc_out"].device.type == "meta"
    assert f"{LAYER} [2, 32, 16, 16]" in repr(cache)
    assert len(repr(untrained.run_with_cache(x)[2])) < 400


def test_running_with_hooks_is_running_inside_the_block(untrained: Impala, x: Tensor) -> None:
    pairs = [(LAYER, scale(2)), (f"{LAYER}_out", shift(1)), ("embedder.fc", scale(0.5))]
    with untrained.hooks(dict(pairs)):
        expected = untrained(x)
    assert all(map(torch.equal, untrained.run_with_hooks(x, pairs), expected))
    assert hook_count(untrained) == 0


@pytest.mark.parametrize("result", [3.0, [1, 2], True, "text", (torch.zeros(1),)])
def test_a_hook_that_returns_no_tensor_is_an_error(untrained: Impala, x: Tensor, result: object) -> None:
    with pytest.raises(MazeInterpError, match=rf"a hook on {LAYER} returned a {type(result).__name__}, not a tensor"):
        untrained.run_with_hooks(x, [(LAYER, lambda activation, layer: result)])  # type: ignore[list-item, return-value]


def test_what_a_hook_returns_goes_on_in_the_layers_precision(untrained: Impala, x: Tensor) -> None:
    logits, _ = untrained.run_with_hooks(x, [(LAYER, lambda activation, layer: 2 * activation.double())])
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, untrained.run_with_hooks(x, [(LAYER, scale(2))])[0])


def test_hooks_of_one_thread_do_not_act_in_another(untrained: Impala, x: Tensor) -> None:
    """Every thread sees its own hooks and caches, whatever the others attach to the same network meanwhile."""
    plain = float(untrained(x)[1].sum())
    expected = [float(untrained.run_with_hooks(x, [(LAYER, scale(factor))])[1].sum()) for factor in range(4)]

    def run(number: int) -> list[float]:
        results = []
        for _ in range(10):
            if number == 4:
                results.append(float(untrained(x)[1].sum()) - plain)
            else:
                with untrained.hooks({LAYER: scale(number)}):
                    _, value, cache = untrained.run_with_cache(x, "fc_value")
                assert torch.equal(cache["fc_value"][:, 0], value)
                results.append(float(value.sum()) - expected[number])
        return results

    with ThreadPoolExecutor(5) as pool:
        assert np.abs(list(pool.map(run, range(5)))).max() < 1e-5
    assert hook_count(untrained) == 0


def test_hooks_that_do_not_act_here_are_not_counted(untrained: Impala, x: Tensor) -> None:
    assert not has_hooks(untrained)
    with untrained.hooks({LAYER: scale(2)}):
        untrained(x)
        assert has_hooks(untrained)
        with without_hooks():
            assert not has_hooks(untrained)
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(has_hooks, untrained).result()
    handle = untrained.embedder.block1.register_forward_pre_hook(lambda module, args: None)
    assert has_hooks(untrained)
    handle.remove()
    handle = nn.modules.module.register_module_forward_hook(lambda module, args, output: None)
    assert has_hooks(untrained)
    handle.remove()


def test_blocks_left_in_another_order_than_entered(untrained: Impala, x: Tensor) -> None:
    first, second = untrained.hooks({LAYER: scale(2)}), untrained.hooks({"embedder.fc": scale(3)})
    first.__enter__()
    second.__enter__()
    both = untrained(x)[0]
    first.__exit__(None, None, None)
    one = untrained(x)[0]
    second.__exit__(None, None, None)
    assert torch.equal(one, untrained.run_with_hooks(x, [("embedder.fc", scale(3))])[0])
    assert not torch.equal(one, both)
