"""Weights on disk: safetensors, and published torch pickles read without running what is in them."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures import ARCHITECTURES
from maze_interp.policies.network import PolicyNetwork

_PICKLE_KEYS = ("model_state_dict", "state_dict")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.safetensors` file or a published `.pth` / `.pt` pickle.

    Raises:
        MazeInterpError: no such file, another kind of file, or one that is damaged, cut short, or
            holds anything but plain tensors (a pickle that would run code is refused unread).
    """
    if not path.is_file():
        raise MazeInterpError(f"there is no checkpoint file {path}")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise MazeInterpError(f"{path} is not a whole safetensors file: {error}") from error
    if path.suffix in (".pth", ".pt"):
        return _read_pickle(path)
    raise MazeInterpError(f"{path} is no checkpoint: expected a name ending in .safetensors, .pth or .pt")


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():  # torch also remarks on the protocol of pickles it then refuses
            warnings.filterwarnings("ignore", "Detected pickle protocol")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MazeInterpError(f"{path} holds more than plain tensors, or is no pickle; it was not loaded") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), "no content")
        raise MazeInterpError(f"{path} is damaged or cut short: {reason}") from error
    for key in _PICKLE_KEYS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            return dict(content[key])
    raise MazeInterpError(f"{path} holds no weights under {' or '.join(map(repr, _PICKLE_KEYS))}")


def policy_from_weights(weights: dict[str, Tensor], name: str, source: Path) -> PolicyNetwork:
    """A network with these weights, float32, in evaluation mode; its architecture is found from their names.

    Raises:
        MazeInterpError: a tensor is missing, superfluous, of another shape, or not finite.
    """
    shapes = {key: tuple(getattr(tensor, "shape", ())) for key, tensor in weights.items()}
    policy = _with_shapes(shapes, name, source)
    expected = policy.state_dict()
    for key in expected.keys() ^ weights.keys():
        raise MazeInterpError(f"{source}: {'missing' if key in expected else 'unexpected'} tensor {key!r}")
    for key, tensor in weights.items():
        if not isinstance(tensor, Tensor) or tensor.shape != expected[key].shape:
            shape = tuple(getattr(tensor, "shape", ()))
            raise MazeInterpError(f"{source}: {key} has shape {shape}, expected {tuple(expected[key].shape)}")
        if not tensor.isfinite().all():
            raise MazeInterpError(f"{source}: {key} holds values that are not finite")
    policy.load_state_dict({key: tensor.float() for key, tensor in weights.items()}, assign=True)
    policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return policy.eval().requires_grad_(False)


def _with_shapes(shapes: Mapping[str, tuple[int, ...]], name: str, source: Path) -> PolicyNetwork:
    """A network whose weights have these shapes, as far as that decides its settings; its own weights are not made."""
    for kind in ARCHITECTURES.values():
        if (settings := kind.settings_of(shapes)) is not None:
            with torch.device("meta"):
                return kind(**settings, name=name)  # type: ignore[arg-type]
    raise MazeInterpError(f"{source}: its weights are those of no known architecture ({', '.join(ARCHITECTURES)})")


def write_weights(network: nn.Module, path: Path) -> None:
    """Save the weights as safetensors, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, partial)
    partial.chmod(0o644)  # safetensors makes files that only their owner can read
    partial.replace(path)


def agent_hash(network: nn.Module) -> str:
    """Twelve hex digits of the SHA-256 of names, shapes and float32 weights, whatever file they came from."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(f"{key}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
