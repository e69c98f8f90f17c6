"""Weights on disk: safetensors, and published torch pickles read without running what is in them."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from maze_interp.arguments import checked
from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures import ARCHITECTURES, architecture
from maze_interp.policies.names import WEIGHT_SUFFIXES
from maze_interp.policies.network import PolicyNetwork
from maze_interp.writing import write_whole

_STATE_DICTS = ("model_state_dict", "state_dict")  # where published checkpoints keep weights; looked into first
_WRAPPERS = ("module", "_orig_mod")  # that data parallelism and compilation put into names


def read_weights(path: Path) -> Mapping[str, Any]:
    """The content of a `.safetensors` file or of a `.pth` / `.pt` pickle: weights by name, perhaps beside other things.

    Raises:
        MazeInterpError: no such file, another kind of file, or one that is damaged, cut short, or
            holds anything but plain tensors (a pickle that would run code is refused unread).
    """
    if not path.is_file():
        raise MazeInterpError(f"there is no checkpoint file {path}")
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        raise MazeInterpError(f"{path} is no checkpoint: expected a name ending in {', '.join(WEIGHT_SUFFIXES)}")
    if path.suffix.lower() != ".safetensors":
        return _read_pickle(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise MazeInterpError(f"{path} is not a whole safetensors file: {error}") from error


def _read_pickle(path: Path) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():  # torch remarks on the protocol of pickles it then refuses, and on quantisation
            warnings.simplefilter("ignore")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MazeInterpError(f"{path} holds more than plain tensors, or is no pickle; it was not loaded") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), "no content")
        raise MazeInterpError(f"{path} is damaged or cut short: {reason}") from error
    if not isinstance(content, Mapping):
        raise MazeInterpError(f"{path} holds no weights by name, but a {type(content).__name__}")
    return content


def policy_from_weights(content: Mapping[str, Any], name: str, source: Path, kind: str | None = None) -> PolicyNetwork:
    """A network with these weights, float32, in evaluation mode.

    Args:
        content: weights by name, or a mapping with such a mapping in it (an optimiser's state may lie beside it).
            Names may be those of a wrapped network or of another trainer that the architecture knows.
        name: what to call the network.
        source: where the weights come from, for messages.
        kind: the architecture; found from the names and shapes of the weights unless given.

    Raises:
        MazeInterpError: no weights of that architecture; a head or a tensor is missing, superfluous, of another
            shape, of a kind that cannot be run, or not finite.
    """
    kinds = [architecture(kind)] if kind else list(ARCHITECTURES.values())
    candidates = list(_state_dicts(content))
    if not candidates:
        raise MazeInterpError(f"{source} holds no weights by name")
    for weights, network_class in product(candidates, kinds):
        own = {network_class.own_name(key): value for key, value in weights.items()}
        shapes = {key: tuple(getattr(value, "shape", ())) for key, value in own.items()}
        if (settings := network_class.settings_of(shapes)) is not None:
            return _loaded(network_class, settings, own, name, source)
    known = ", ".join(network_class.architecture for network_class in kinds)
    raise MazeInterpError(f"{source}: its weights are those of no known architecture ({known})")


def _state_dicts(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What may be a network's weights: the content itself, or mappings in it; names without what wrappers add."""
    inner = [content[key] for key in _STATE_DICTS if key in content]
    inner += [value for key, value in content.items() if key not in _STATE_DICTS]
    for weights in (content, *inner):
        if isinstance(weights, Mapping) and any(isinstance(value, Tensor) for value in weights.values()):
            yield {_unwrapped(str(key)): value for key, value in weights.items() if not isinstance(value, Mapping)}


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _loaded(
    kind: type[PolicyNetwork], settings: Mapping[str, int], weights: Mapping[str, Any], name: str, source: Path
) -> PolicyNetwork:
    with torch.device("meta"):  # neither memory nor random numbers for weights that are replaced
        policy = kind(**settings, name=name)  # type: ignore[arg-type]
    expected = policy.state_dict()
    for head, use in ((kind.policy_head, "chooses no moves"), (kind.value_head, "gives no values")):
        if not any(key.startswith(f"{head}.") for key in weights):
            raise MazeInterpError(f"{source} has no {head}: a network without it {use} and is no policy")
    for key in sorted(expected.keys() ^ weights.keys()):
        raise MazeInterpError(f"{source}: {'missing' if key in expected else 'unexpected'} tensor {key!r}")
    own = {key: _plain(f"{source}: {key}", weights[key], tuple(expected[key].shape)) for key in expected}
    policy.load_state_dict(own, assign=True)
    return policy.eval().requires_grad_(False)


def _plain(what: str, tensor: Any, shape: tuple[int, ...]) -> Tensor:
    """A dense float32 copy."""
    if not isinstance(tensor, Tensor):
        raise MazeInterpError(f"{what} is a {type(tensor).__name__}, not a tensor")
    if tensor.shape != shape:
        raise MazeInterpError(f"{what} has shape {tuple(tensor.shape)}, expected {shape}")
    if tensor.is_quantized:
        raise MazeInterpError(f"{what} is quantised ({tensor.dtype}); save the network from before it was quantised")
    if tensor.layout != torch.strided:
        raise MazeInterpError(f"{what} is sparse ({tensor.layout}); save it dense, as to_dense() makes it")
    if tensor.is_complex() or not tensor.is_floating_point():
        raise MazeInterpError(f"{what} holds {tensor.dtype} numbers; weights are floats")
    if tensor.is_meta:
        raise MazeInterpError(f"{what} has a shape but no numbers (it was saved from the meta device)")
    plain = tensor.detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    if not plain.isfinite().all():
        beyond = bool(tensor.double().isfinite().all())
        raise MazeInterpError(f"{what} holds values that {'float32 cannot hold' if beyond else 'are not finite'}")
    return plain


def write_weights(network: nn.Module, path: Path) -> None:
    """Save the weights as safetensors, whole or not at all."""
    tensors = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    write_whole(path, save(tensors))  # safetensors' own files only their owner can read


_ROUNDED = "_rounded_from"  # attribute of a network whose weights were rounded: its own hash, and that from before


@checked
def agent_hash(network: nn.Module) -> str:
    """Twelve hex digits of the SHA-256 of names, shapes and float32 weights, whatever file they came from.

    Weights that `remember_hash` saw rounded have the hash of those before, as long as nobody changes them.
    """
    own = weights_hash(network.state_dict())
    rounded, before = vars(network).get(_ROUNDED, (None, own))
    return str(before) if own == rounded else own


@contextmanager
def remember_hash(network: nn.Module) -> Iterator[None]:
    """A block in which a network's weights are rounded to another precision: it stays the same agent."""
    before = agent_hash(network)
    yield
    vars(network)[_ROUNDED] = weights_hash(network.state_dict()), before


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """`agent_hash` of a network with these weights, by the names that its architecture gives them."""
    digest = hashlib.sha256()
    for key, tensor in sorted(weights.items()):
        digest.update(f"{key}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
