"""Read and change what any named module of a network puts out.

Hooks live as long as their `with` block, exceptions included, and act only in passes of the thread (more exactly:
the context, see `contextvars`) that attached them. Functions on one layer run in the order in which they were
attached: an outer block's before an inner one's, and a cache, attached last, records what the next layer will see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from maze_interp.arguments import several, shown, text
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.policies.cache import ActivationCache

HookFunction = Callable[[Tensor, str], Tensor | None]
"""`fn(activation, layer)`: the activation to go on with, or None to leave it."""

Layers = str | Sequence[str] | Callable[[str], bool]
"""One layer by name, several, or those of whose module path a function says True."""

DEFAULT_LAYER = "default"
"""Names the layer that is studied unless another is named: `default_layer` of the network's architecture."""

_active: ContextVar[frozenset[object]] = ContextVar("active", default=frozenset())
_attaching = Lock()  # torch numbers hooks without one


def resolve_layer(network: nn.Module, name: str) -> str:
    """The module path that `name` means: itself, the published spelling with `_out`, or `"default"`.

    Raises:
        MazeInterpError: no such module; the message lists the close ones.
    """
    if not network._modules:
        raise MazeInterpError(f"a policy without layers has no {name}; what reads or edits activations needs a network")
    if not isinstance(name, str):
        raise MazeInterpError(f"a layer is a module path, not {name!r}")
    if name == DEFAULT_LAYER and hasattr(network, "default_layer"):
        return str(network.default_layer)
    for candidate in (name, name.removesuffix("_out")):
        if _has(network, candidate):
            return candidate
    raise unknown_name("layer", name, {path for path, _ in network.named_modules() if path})


def _has(network: nn.Module, path: str) -> bool:
    """Whether a module path leads to a module; much faster than a list of them all."""
    module: nn.Module | None = network
    for name in path.split("."):
        module = None if module is None else module._modules.get(name)
    return module is not None


def resolve_layers(network: nn.Module, layers: Layers) -> list[str]:
    """The module paths that `layers` means, each once.

    Raises:
        MazeInterpError: no such module, or a function that says True of none.
    """
    if isinstance(layers, str):
        return [resolve_layer(network, layers)]
    if not callable(layers):
        names = several(text, "module paths")(layers, "layers")
        return list(dict.fromkeys(resolve_layer(network, name) for name in names))
    chosen = [path for path, _ in network.named_modules() if path and layers(path)]
    if not chosen:
        raise MazeInterpError("the function given for layers says True of no layer")
    return chosen


def activation_layers(network: nn.Module) -> list[str]:
    """Module paths of the leaves, each the name of one activation, in the network's order."""
    return [path for path, module in network.named_modules() if path and not list(module.children())]


class _Hook:
    """A function on the output of one layer; `optional` if it need not run, and passes over what is no tensor."""

    def __init__(self, layer: str, function: HookFunction, optional: bool = False) -> None:
        self.layer, self._function, self._optional = layer, function, optional
        self.pending = not optional

    @property
    def acts(self) -> bool:
        """Whether it was attached in this context, and outside no `without_hooks` in force."""
        return self in _active.get()

    def __reduce__(self) -> tuple[type[_Hook], tuple[str, HookFunction, bool]]:
        """A copy of the network, in this process or another, gets a hook that never acts, without its function."""
        return _Hook, (self.layer, _nothing, True)

    def __call__(self, module: nn.Module, args: Any, output: Any) -> Tensor | None:
        if not self.acts:
            return None
        self.pending = False
        if not isinstance(output, Tensor):
            if self._optional:
                return None
            what = type(output).__name__
            raise MazeInterpError(f"layer {self.layer} puts out a {what}, not one tensor to read or change")
        changed = self._function(output, self.layer)
        if changed is None:
            return None
        if not isinstance(changed, Tensor):
            raise MazeInterpError(f"a hook on {self.layer} returned a {type(changed).__name__}, not a tensor or None")
        if changed.shape != output.shape:
            raise MazeInterpError(f"a hook on {self.layer} turned {tuple(output.shape)} into {tuple(changed.shape)}")
        return changed.to(output.device, output.dtype)


def _nothing(activation: Tensor, layer: str) -> None:
    pass


@contextmanager
def hooked(
    network: nn.Module, functions: Mapping[str, HookFunction] | Iterable[tuple[str, HookFunction]]
) -> Iterator[None]:
    """Within the context, pass the output of each named layer through its function.

    Raises:
        MazeInterpError: no pairs; an unknown layer; a layer that never ran inside the block (unless the
            block ends in another exception); a layer that puts out anything but one tensor; a
            function's result that is no tensor or differs in shape.
    """
    pairs: list[Any]
    try:
        pairs = list(functions.items() if isinstance(functions, Mapping) else functions)
    except TypeError:
        pairs = [functions]
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not callable(pair[1]):
            raise MazeInterpError(f"hooks are pairs of a layer and a function, not {shown(pair)}")
    with _attached(network, [_Hook(resolve_layer(network, name), function) for name, function in pairs]):
        yield


@contextmanager
def without_hooks() -> Iterator[None]:
    """Within the context, hooks attached outside it do not act."""
    outside = _active.get()
    _active.set(frozenset())
    try:
        yield
    finally:
        _active.set(outside)


@contextmanager
def _attached(network: nn.Module, hooks: Sequence[_Hook]) -> Iterator[None]:
    with ExitStack() as attached:
        for hook in hooks:
            with _attaching:
                attached.callback(network.get_submodule(hook.layer).register_forward_hook(hook).remove)
        _active.set(_active.get().union(hooks))
        attached.callback(lambda: _active.set(_active.get().difference(hooks)))
        yield
    if pending := sorted({hook.layer for hook in hooks if hook.pending}):
        raise MazeInterpError(f"nothing ran through layer {', '.join(pending)} while its hook was attached")


def acting_hooks(module: nn.Module) -> list[Any]:
    """Hooks of one module that would act in a pass of this context: ours in force, and all of torch's own."""
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    return [hook for hook in hooks if not isinstance(hook, _Hook) or hook.acts]


def has_hooks(network: nn.Module) -> bool:
    """Whether any hook would act in a pass of this context, on a module of the network or on every module."""
    everywhere = module_hooks._global_forward_hooks or module_hooks._global_forward_pre_hooks
    return bool(everywhere) or _hooks_act(network)


def _hooks_act(module: nn.Module) -> bool:
    return bool(acting_hooks(module)) or any(_hooks_act(part) for part in module._modules.values() if part is not None)


def run_with_cache(
    network: nn.Module, x: Tensor, layers: Layers | None = None, gradients: bool = False
) -> tuple[Any, ActivationCache]:
    """The network's output and the named layers' activations.

    Args:
        network: any module; each layer named must put out one tensor.
        x: its input.
        layers: module paths or published names (`_out`), a function of module paths, or None for every module
            that puts out one tensor.
        gradients: keep the graph. The cached tensors then lie on the way from `x` to the output,
            so that `torch.autograd.grad(f(output), cache[layer])` works, also if neither `x` nor
            the weights ask for gradients; `backward` leaves them in `cache[layer].grad`.

    Returns:
        `(output, cache)`; the cache holds copies, which no later in-place operation can change. Of a layer that
        runs several times it holds the last.
    """
    kept: dict[str, Tensor] = {}

    def keep(activation: Tensor, layer: str) -> Tensor | None:
        kept.pop(layer, None)
        if not gradients:
            kept[layer] = activation.detach().clone()
            return None
        kept[layer] = activation.clone() if activation.requires_grad else activation.clone().requires_grad_()
        kept[layer].retain_grad()
        return kept[layer].clone()  # what goes on is a copy of the copy, which it can be differentiated by

    every = layers is None
    names = [path for path, _ in network.named_modules() if path] if layers is None else resolve_layers(network, layers)
    hooks = [_Hook(name, keep, optional=every) for name in names]
    with torch.set_grad_enabled(gradients), _attached(network, hooks):
        output = network(x)
    default = getattr(network, "default_layer", None)
    return output, ActivationCache(kept, {DEFAULT_LAYER: default} if default else None)
