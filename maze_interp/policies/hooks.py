"""Read and change what any named module of a network puts out.

Hooks live as long as their `with` block, exceptions included. Functions on one layer run in the
order in which they were attached: an outer block's before an inner one's, and a cache, attached
last, records what the next layer will see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError, unknown_name

HookFunction = Callable[[Tensor, str], Tensor | None]
"""`fn(activation, layer)`: the activation to go on with, or None to leave it."""

_depth: ContextVar[int] = ContextVar("depth", default=0)  # of `bare` blocks; a hook runs only at the depth it was born


DEFAULT_LAYER = "default"
"""Names the layer that is studied unless another is named: `default_layer` of the network's architecture."""


def resolve_layer(network: nn.Module, name: str) -> str:
    """The module path that `name` means: itself, the published spelling with `_out`, or `"default"`.

    Raises:
        MazeInterpError: no such module; the message lists the close ones.
    """
    modules = {path for path, _ in network.named_modules() if path}
    if not modules:
        raise MazeInterpError(f"a policy without layers has no {name}; what reads or edits activations needs a network")
    if name == DEFAULT_LAYER and hasattr(network, "default_layer"):
        return str(network.default_layer)
    for candidate in (name, name.removesuffix("_out")):
        if candidate in modules:
            return candidate
    raise unknown_name("layer", name, modules)


def activation_layers(network: nn.Module) -> list[str]:
    """Module paths of the leaves, each the name of one activation, in the network's order."""
    return [path for path, module in network.named_modules() if path and not list(module.children())]


@contextmanager
def hooked(network: nn.Module, functions: Mapping[str, HookFunction]) -> Iterator[None]:
    """Within the context, pass the output of each named layer through its function.

    Raises:
        MazeInterpError: an unknown layer; a layer that never ran inside the block (unless the
            block ends in another exception); a layer that puts out anything but one tensor; a
            function's result that differs in shape.
    """
    paths = [resolve_layer(network, name) for name in functions]
    pending = set(paths)
    with ExitStack() as attached:
        for path, function in zip(paths, functions.values(), strict=True):
            hook = _hook(function, path, pending)
            attached.callback(network.get_submodule(path).register_forward_hook(hook).remove)
        yield
    if pending:
        raise MazeInterpError(f"nothing ran through layer {', '.join(sorted(pending))} while its hook was attached")


def _hook(function: HookFunction, path: str, pending: set[str]) -> Callable[..., Tensor | None]:
    born = _depth.get()

    def run(module: nn.Module, args: Any, output: Any) -> Tensor | None:
        if _depth.get() != born:
            return None
        pending.discard(path)
        if not isinstance(output, Tensor):
            raise MazeInterpError(f"layer {path} puts out a {type(output).__name__}, not one tensor to read or change")
        changed = function(output, path)
        if changed is not None and changed.shape != output.shape:
            raise MazeInterpError(f"a hook on {path} turned {tuple(output.shape)} into {tuple(changed.shape)}")
        return changed

    return run


@contextmanager
def bare() -> Iterator[None]:
    """Within the context, hooks attached outside it sleep: networks run as if they had none."""
    token = _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.reset(token)


def run_with_cache(
    network: nn.Module, x: Tensor, layers: Sequence[str] | None = None, gradients: bool = False
) -> tuple[Any, dict[str, Tensor]]:
    """The network's output and the named layers' activations.

    Args:
        network: any module; each layer hooked must put out one tensor.
        x: its input.
        layers: module paths or published names (`_out`); None for every leaf module.
        gradients: keep the graph. The cached tensors then lie on the way from `x` to the output,
            so that `torch.autograd.grad(f(output), cache[layer])` works, also if neither `x` nor
            the weights ask for gradients; `backward` leaves them in `cache[layer].grad`.

    Returns:
        `(output, cache)`; `cache` is keyed by the names asked for and holds copies, which no later
        in-place operation can change. Of a layer that runs several times it holds the last.
    """
    names = activation_layers(network) if layers is None else list(layers)
    cache: dict[str, Tensor] = {}

    def keep(name: str) -> HookFunction:
        def record(activation: Tensor, _: str) -> Tensor | None:
            if not gradients:
                cache[name] = activation.detach().clone()
                return None
            cache[name] = activation.clone() if activation.requires_grad else activation.clone().requires_grad_()
            cache[name].retain_grad()
            return cache[name].clone()  # what goes on is a copy of the copy, which it can be differentiated by

        return record

    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(gradients))
        for name in names:
            stack.enter_context(hooked(network, {name: keep(name)}))
        output = network(x)
    return output, cache
